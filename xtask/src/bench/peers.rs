//! The servers that Sanmon is compared with: installed from PyPI and npm, as tests/bench/peers pins them.

use std::path::{Path, PathBuf};

use crate::command::{Failure, root};
use crate::python::Python;
use crate::{npm, prepare};

/// The servers of tests/bench/peers.
pub(crate) struct Peers;

impl Peers {
    /// Installs hikari and websockets into a virtual environment under target/, and Bun, ws and discord-interactions beside
    /// the scripts that use them. nats-server comes from the system.
    ///
    /// # Errors
    /// What they stand on is missing and can't be installed by this user, or an installation failed.
    pub(crate) fn install() -> Result<(), Failure> {
        prepare::install_for_peers()?;
        let folder = root().join("tests").join("bench").join("peers");
        let failed = |names: &'static str| {
            move |cause: Failure| {
                Failure::Check(format!("{names}, which Sanmon is compared with, can't be installed: {cause}"))
            }
        };
        environment().install().map_err(failed("hikari and websockets (PyPI)"))?;
        npm::install(&folder).map_err(failed("Bun, ws and discord-interactions (npm)"))
    }

    /// The interpreter that sees hikari and websockets, if they are installed.
    pub(crate) fn python() -> Option<PathBuf> {
        Some(environment().interpreter()).filter(|interpreter| interpreter.exists())
    }
}

fn environment() -> Python {
    Python::new("bench-python", Path::new("tests/bench/peers/requirements.txt"))
}
