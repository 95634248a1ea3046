//! Why an engine does not run.

use std::io;
use std::path::PathBuf;

/// Why an engine does not run.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Its program is not on this machine.
    #[error("{program} is missing: `apt-get install {package}` brings it, and so does `cargo xtask test`")]
    Missing {
        /// The program.
        program: &'static str,
        /// Debian's package of it.
        package: &'static str,
    },
    /// A program could not be started.
    #[error("{program} could not be started: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended, or did not answer in time.
    #[error("{program} {what}:\n{log}")]
    Unfit {
        /// The program.
        program: &'static str,
        /// What happened.
        what: String,
        /// What it wrote.
        log: String,
    },
    /// A file or folder of it could not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// PostgreSQL refuses to run as root, and whom it runs as instead can't come to its folder.
    #[error("{} can't be reached by `nobody`, as whom PostgreSQL runs where root starts it: give it another place", path.display())]
    Unreachable {
        /// The folder.
        path: PathBuf,
    },
    /// No port is left for it.
    #[error("no free port was found on 127.0.0.1")]
    Port,
}

impl Fault {
    /// Says which file could not be used.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}
