//! The servers that Sanmon is compared with: installed from PyPI and npm, as tests/bench/peers pins them.

use std::path::{Path, PathBuf};

use crate::command::{Failure, command, root, succeeds};
use crate::npm;
use crate::python::Python;

/// The servers of tests/bench/peers.
pub(crate) struct Peers;

impl Peers {
    /// Installs hikari and websockets into a virtual environment under target/, and Bun, ws and discord-interactions beside
    /// the scripts that use them. nats-server is the system's to install.
    ///
    /// # Errors
    /// Node.js, npm, Python or its venv is missing, or one of them could not install what it is to.
    pub(crate) fn install() -> Result<(), Failure> {
        let has = |program: &str, arguments: &[&str]| succeeds(command(program).args(arguments));
        let needs = [
            ("Python 3 with venv", has("python3", &["-c", "import venv, ensurepip"]), "apt-get install python3-venv"),
            ("Node.js", has("node", &["--version"]), "apt-get install nodejs"),
            ("npm", has("npm", &["--version"]), "apt-get install npm"),
            ("nats-server", has("nats-server", &["--version"]), "apt-get install nats-server"),
        ];
        let missing = needs.iter().filter(|(_, is_here, _)| !is_here);
        let missing: Vec<String> = missing.map(|(name, _, from)| format!("  {name}: {from}")).collect();
        if !missing.is_empty() {
            return Err(Failure::Check(format!("the servers to compare with need:\n{}", missing.join("\n"))));
        }
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
