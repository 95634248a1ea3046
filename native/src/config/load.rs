//! From flags, variables and a file to one configuration.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::ContextKind;

use super::check::Contradiction;
use super::file;
use super::table::{Config, Options, SETTINGS, Setting};

/// Variables that are not settings of the server: commands read them.
const OTHER_VARIABLES: &[&str] =
    &["SANMON_CONFIG", "SANMON_URL", "SANMON_KEY", "SANMON_SESSION", "SANMON_CA", "SANMON_INTERACTIONS_SECRET"];

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("can't read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no TOML, or a value in it is not what its key takes.
    #[error("{}: {message}", path.display())]
    BadFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// The file has a key that is no setting.
    #[error("{}: there is no setting `{key}`; did you mean `{nearest}`?", path.display())]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The setting with the most similar key.
        nearest: String,
    },
    /// The environment has a variable that is no setting.
    #[error("there is no variable {name}; did you mean {nearest}?")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The variable with the most similar name.
        nearest: String,
    },
    /// A variable's value is not what it takes.
    #[error("{name}: {reason}")]
    BadVariable {
        /// The variable.
        name: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// The settings don't go together.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

impl Config {
    /// The configuration that follows from flags, over the environment, over a file, over the defaults.
    ///
    /// Without `file` the environment's `SANMON_CONFIG` names it, if anything does.
    ///
    /// # Errors
    /// A [`ConfigError`] that names the source and the setting.
    pub fn load(
        flags: Options,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let (variables, named) = from_environment(environment)?;
        let options = flags.or(variables);
        let options = match file.map(Path::to_owned).or(named) {
            Some(path) => options.or(file::read(&path)?),
            None => options,
        };
        let config = Self::from(options);
        config.check()?;
        Ok(config)
    }
}

/// What the environment says, and the file that it names.
fn from_environment(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(Options, Option<PathBuf>), ConfigError> {
    let mut options = Options::default();
    let mut file = None;
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with("SANMON_")).map(str::to_owned) else { continue };
        if name == "SANMON_CONFIG" {
            file = Some(PathBuf::from(value));
        } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) {
            options = from_variable(setting, value)?.or(options);
        } else if !OTHER_VARIABLES.contains(&name.as_str()) {
            let known = SETTINGS.iter().map(Setting::variable).chain(OTHER_VARIABLES.iter().map(|&v| v.to_owned()));
            return Err(ConfigError::UnknownVariable { nearest: nearest(&name, known), name });
        }
    }
    Ok((options, file))
}

/// Reads a variable as the flag of the same name, so that both take the same texts.
fn from_variable(setting: &Setting, value: OsString) -> Result<Options, ConfigError> {
    let mut flag = OsString::from(setting.flag());
    flag.push("=");
    flag.push(value);
    let command = <Options as clap::Args>::augment_args(clap::Command::new("environment").no_binary_name(true));
    command
        .try_get_matches_from([flag])
        .and_then(|matches| <Options as clap::FromArgMatches>::from_arg_matches(&matches))
        .map_err(|error| ConfigError::BadVariable { name: setting.variable(), reason: reason_of(setting, &error) })
}

fn reason_of(setting: &Setting, error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        // A secret key looks like a public one.
        Some(value) if setting.key != "interactions_key" => value.to_string(),
        _ => "***".into(),
    };
    match std::error::Error::source(error) {
        Some(source) => format!("`{value}`: {source}"),
        None => match error.get(ContextKind::ValidValue) {
            Some(valid) => format!("`{value}` is none of {valid}"),
            None => format!("`{value}` is not a value that it takes"),
        },
    }
}

/// The most similar of the names that are known.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> String {
    let likeness = |other: &String| strsim::jaro_winkler(name, other);
    known.max_by(|one, other| likeness(one).total_cmp(&likeness(other))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    #[command(no_binary_name = true)]
    struct Flags {
        #[command(flatten)]
        options: Options,
    }

    fn flags(flags: &[&str]) -> Options {
        Flags::try_parse_from(flags).unwrap().options
    }

    fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn flags_beat_variables_beat_the_file_beats_defaults() {
        let file = file("backlog = 1\nnode = 1\ndrain_ms = 1\n");
        let variables = environment(&[("SANMON_BACKLOG", "2"), ("SANMON_NODE", "2"), ("HOME", "/")]);
        let config = Config::load(flags(&["--backlog", "3"]), variables, Some(file.path())).unwrap();
        assert_eq!((config.backlog, config.node, config.drain_ms), (3, Some(2), 1));
        assert_eq!(config.max_body_bytes, Config::default().max_body_bytes);
    }

    #[test]
    fn a_variable_takes_what_its_flag_takes() {
        let variables = environment(&[
            ("SANMON_LISTEN", "127.0.0.1:0,unix:/tmp/s"),
            ("SANMON_REUSE_PORT", "true"),
            ("SANMON_LOG_FORMAT", "json"),
            ("SANMON_PUBLIC_URL", "wss://gw.example/gateway"),
        ]);
        let from_variables = Config::load(Options::default(), variables, None).unwrap();
        let from_flags = flags(&[
            "--listen=127.0.0.1:0",
            "--listen=unix:/tmp/s",
            "--reuse-port",
            "--log-format=json",
            "--public-url=wss://gw.example/gateway",
        ]);
        assert_eq!(from_variables, Config::from(from_flags));
    }

    #[test]
    fn what_is_no_setting_is_named_with_its_neighbour() {
        let file = file("bakclog = 1\n");
        let error = Config::load(Options::default(), [], Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("`bakclog`; did you mean `backlog`?"), "{error}");

        let error = Config::load(Options::default(), environment(&[("SANMON_LISTNE", "x")]), None).unwrap_err();
        assert_eq!(error.to_string(), "there is no variable SANMON_LISTNE; did you mean SANMON_LISTEN?");
    }

    #[test]
    fn a_bad_value_is_named_with_its_source() {
        let bad = |name, value| Config::load(Options::default(), environment(&[(name, value)]), None).unwrap_err();
        assert_eq!(bad("SANMON_NODE", "256").to_string(), "SANMON_NODE: `256`: 256 is not in 0..=255");
        assert!(bad("SANMON_LISTEN", "localhost").to_string().starts_with("SANMON_LISTEN: `localhost`: an address is"));
        assert!(bad("SANMON_LOG_FORMAT", "xml").to_string().contains("`xml`"));

        let error = bad("SANMON_INTERACTIONS_KEY", "7=geheim").to_string();
        assert_eq!(error, "SANMON_INTERACTIONS_KEY: `***`: a key has 64 hex digits");

        let file = file("node = 1\nlisten = [\"nowhere\"]\n");
        let error = Config::load(Options::default(), [], Some(file.path())).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("an address is"), "{error}");
    }

    #[test]
    fn the_environment_may_name_the_file() {
        let file = file("node = 9\n");
        let variables = vec![(OsString::from("SANMON_CONFIG"), file.path().into())];
        assert_eq!(Config::load(Options::default(), variables, None).unwrap().node, Some(9));
        let missing = Config::load(Options::default(), environment(&[("SANMON_CONFIG", "/nowhere/at/all")]), None);
        assert!(matches!(missing, Err(ConfigError::Unreadable { .. })));
    }
}
