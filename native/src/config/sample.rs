//! The configuration as a TOML file: the effective one, and a sample with every setting explained.

use std::fmt::Write;

use super::table::{Config, Options, SETTINGS};

impl Config {
    /// This configuration as a TOML file.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every setting has a TOML form")
    }

    /// A TOML file that explains every setting and sets none.
    pub fn sample() -> String {
        let defaults = toml::Table::try_from(Self::default()).expect("every setting has a TOML form");
        let mut sample = String::from(
            "# Settings of `sanmon serve`, each with its default.\n\
             # A flag --like-this beats a variable SANMON_LIKE_THIS, which beats a key like_this in this file.\n",
        );
        let mut group = "";
        for setting in SETTINGS {
            if setting.group != group {
                group = setting.group;
                let _ = write!(sample, "\n\n# --- {group} ---\n");
            }
            sample.push('\n');
            for line in setting.doc {
                let _ = writeln!(sample, "# {}", line.trim());
            }
            match defaults.get(setting.key) {
                Some(default) => {
                    let _ = writeln!(sample, "#{} = {default}", setting.key);
                }
                None => {
                    let text = format!("{} = \"\"", setting.key);
                    // What takes no text is a number.
                    let is_text = toml::from_str::<Options>(&text).is_ok();
                    let _ = writeln!(sample, "#{}", if is_text { text } else { format!("{} = 0", setting.key) });
                }
            }
        }
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_sample_is_up_to_date() {
        let committed = include_str!("../../deploy/sanmon.toml");
        assert!(
            committed == Config::sample(),
            "run `cargo run -p sanmon -- check-config --sample > native/deploy/sanmon.toml`"
        );
    }

    #[test]
    fn the_sample_says_what_holds_anyway() {
        let uncommented: String = Config::sample()
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .filter(|line| !line.starts_with(' ') && !line.ends_with("\"\""))
            .map(|line| format!("{line}\n"))
            .collect();
        let options: Options = toml::from_str(&uncommented).unwrap();
        // On one machine.
        assert_eq!(Config::from(options), Config { node: Some(0), ..Config::default() });
    }

    #[test]
    fn the_effective_configuration_is_a_file_again() {
        let config = Config { public_url: Some("wss://gw.example/gateway".into()), node: Some(7), ..Config::default() };
        let options: Options = toml::from_str(&config.to_toml()).unwrap();
        assert_eq!(Config::from(options), config);
    }
}
