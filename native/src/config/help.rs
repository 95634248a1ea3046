//! What the help of each flag says beside its text: the default, out of [`Config::default`].

use clap::Arg;

use super::table::{Config, SETTINGS};

/// Adds the default to a setting's flag; other flags stay as they are.
///
/// Not as clap's own default: a flag that is always given would beat the variable and the file.
pub(super) fn with_default(flag: Arg) -> Arg {
    if SETTINGS.iter().all(|setting| setting.key != flag.get_id().as_str()) {
        return flag;
    }
    let defaults = toml::Table::try_from(Config::default()).expect("every setting has a TOML form");
    let default = defaults.get(flag.get_id().as_str()).map_or_else(String::new, as_flag);
    let default = if default.is_empty() { "none" } else { &default };
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    flag.help(format!("{help} [default: {default}]"))
}

/// A value of the file as its flag takes it.
fn as_flag(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(values) => values.iter().map(as_flag).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;
    use crate::config::Options;

    #[test]
    fn every_flag_tells_its_default() {
        let command = Options::augment_args(Command::new("serve"));
        for setting in SETTINGS {
            let flag = command.get_arguments().find(|flag| flag.get_id() == setting.key).expect(setting.key);
            let help = flag.get_help().expect(setting.key).to_string();
            assert_eq!(help.matches(" [default: ").count(), 1, "{help}");
            assert!(flag.get_long_help().is_none(), "{}: the default is missing there", setting.key);
        }
        let help = command.clone().term_width(0).render_long_help().to_string();
        for default in ["127.0.0.1:8080", "1024", "false", "data", "human", "none", "1073741824"] {
            assert!(help.contains(&format!("[default: {default}]")), "{default}");
        }
    }
}
