//! Log lines on standard error, for people or for machines.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::LogFormat;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is no list of levels.
    #[error("log_level: `{level}` names no level: {source}")]
    BadLevel {
        /// What was given.
        level: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The process has a subscriber already.
    #[error("this process logs already")]
    Taken,
}

/// The target of the audit lines.
const AUDIT: &str = "sanmon::audit";

/// Writes the process's log lines to standard error from here on.
///
/// # Errors
/// A [`TelemetryError`] if the level can't be read, or the process logs already.
pub fn start(format: LogFormat, level: &str) -> Result<(), TelemetryError> {
    let filter = filter(level).map_err(|source| TelemetryError::BadLevel { level: level.to_owned(), source })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let started = match format {
        LogFormat::Human => {
            let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            subscriber.with_ansi(colours).with_target(false).try_init()
        }
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|_| TelemetryError::Taken)
}

/// What is written: what the level says, with the audit lines, which nobody turns off by the way, and without what the HTTP
/// library says of every path, as interactions' tokens stand in some. NATS' client tells each event of its connection once more
/// than the node does, and PostgreSQL's each table that it found.
fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    let mut filter = EnvFilter::try_new(level)?;
    let mut quiet = vec![("warp", "warp=info")];
    if !matches!(level, "off" | "error") {
        quiet.extend([("async_nats", "async_nats=warn"), ("sqlx", "sqlx=warn")]);
    }
    for (target, directive) in [(AUDIT, "sanmon::audit=info")].into_iter().chain(quiet) {
        if !level.contains(target) {
            filter = filter.add_directive(directive.parse()?);
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_not_written_at_the_loudest_level() {
        assert!(filter("trace").unwrap().to_string().contains("warp=info"));
    }

    #[test]
    fn clients_of_servers_are_quiet_unless_they_are_named() {
        assert!(filter("info").unwrap().to_string().contains("async_nats=warn"));
        assert!(!filter("info,async_nats=debug").unwrap().to_string().contains("async_nats=warn"));
    }

    #[test]
    fn audit_lines_are_written_unless_they_are_named() {
        for level in ["error", "off", "sanmon=warn", "sanmon::hub=debug"] {
            assert!(filter(level).unwrap().to_string().contains("sanmon::audit=info"), "{level}");
        }
        assert_eq!(filter("info,sanmon::audit=off").unwrap().to_string().matches("sanmon::audit").count(), 1);
    }
}
