//! Why a command failed, what is said about it, and with which code it exits.

use std::io::IsTerminal;
use std::process::ExitCode;

use crate::config::ConfigError;
use anstyle::{AnsiColor, Style};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Whoever read the output went away, which is no failure.
    #[error("nobody reads the output")]
    Closed,
    /// Something on this machine.
    #[error("{0}")]
    Local(String),
    /// The arguments.
    #[error("{0}")]
    Usage(String),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server would not.
    #[error("{message} ({code})")]
    Refused {
        /// The server's code for it.
        code: String,
        /// The server's words for it.
        message: String,
    },
    /// The server could not, or is not there.
    #[error("{0}")]
    Unavailable(String),
}

impl Failure {
    /// The exit code, as the help lists them.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Closed => 0,
            Self::Local(_) => 1,
            Self::Usage(_) | Self::Config(_) => 2,
            Self::Refused { .. } => 3,
            Self::Unavailable(_) => 4,
        })
    }

    /// Says on standard error what went wrong.
    pub(super) fn report(&self) {
        let style = if std::io::stderr().is_terminal() && super::output::wants_colours() {
            AnsiColor::Red.on_default().bold()
        } else {
            Style::new()
        };
        eprintln!("{style}error:{style:#} {self}");
    }
}
