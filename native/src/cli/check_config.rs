//! `sanmon check-config`: the configuration as `serve` would have it.

use std::path::PathBuf;

use crate::config::{Config, ConfigError, Options};
use clap::Args;

use super::failure::Failure;
use super::output::{Format, say, write};

/// Print the configuration that `serve` would have, and on standard error what is dangerous about it.
///
/// Exits with 2 if there is something wrong with it.
#[derive(Debug, Args)]
pub(super) struct CheckConfig {
    #[command(flatten)]
    sources: Sources,
    /// Print a file that explains every setting instead
    #[arg(long, conflicts_with = "json")]
    sample: bool,
    #[command(flatten)]
    format: Format,
}

/// Where settings come from: flags, over SANMON_* variables, over a file, over the defaults.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// TOML file of settings
    #[arg(long, env = "SANMON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Sources {
    pub(super) fn load(self) -> Result<Config, ConfigError> {
        Config::load(self.options, std::env::vars_os(), self.config.as_deref())
    }
}

impl CheckConfig {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.sample {
            return write(&Config::sample());
        }
        let config = self.sources.load()?;
        for warning in config.warnings() {
            eprintln!("warning: {warning}");
        }
        if self.format.is_json() {
            let json = serde_json::to_string(&config).map_err(|error| Failure::Local(error.to_string()))?;
            return say(&json);
        }
        write(&config.to_toml())
    }
}
