//! The servers that interactions are compared with: installed from PyPI and npm, as tests/bench/peers pins them.

use std::path::{Path, PathBuf};

use crate::command::{Failure, command, root, succeeds};
use crate::npm;
use crate::python::Python;

/// The servers of tests/bench/peers.
pub(crate) struct Peers {
    python: Python,
}

impl Peers {
    /// Installs hikari into a virtual environment under target/, and discord-interactions beside its bot.
    ///
    /// # Errors
    /// Node.js, npm, Python or its venv is missing, or one of them could not install what it is to.
    pub(crate) fn install() -> Result<Self, Failure> {
        let has = |program: &str, arguments: &[&str]| succeeds(command(program).args(arguments));
        let needs = [
            ("Python 3 with venv", has("python3", &["-c", "import venv, ensurepip"]), "apt-get install python3-venv"),
            ("Node.js", has("node", &["--version"]), "apt-get install nodejs"),
            ("npm", has("npm", &["--version"]), "apt-get install npm"),
        ];
        let missing = needs.iter().filter(|(_, is_here, _)| !is_here);
        let missing: Vec<String> = missing.map(|(name, _, from)| format!("  {name}: {from}")).collect();
        if !missing.is_empty() {
            return Err(Failure::Check(format!("the servers to compare with need:\n{}", missing.join("\n"))));
        }
        let folder = root().join("tests").join("bench").join("peers");
        let python = Python::new("bench-python", Path::new("tests/bench/peers/requirements.txt"));
        let failed = |name: &'static str| {
            move |cause: Failure| {
                Failure::Check(format!("{name}, which Sanmon is compared with, can't be installed: {cause}"))
            }
        };
        python.install().map_err(failed("hikari (PyPI)"))?;
        npm::install(&folder).map_err(failed("discord-interactions (npm)"))?;
        Ok(Self { python })
    }

    /// The interpreter that sees hikari.
    pub(crate) fn python(&self) -> PathBuf {
        self.python.interpreter()
    }
}
