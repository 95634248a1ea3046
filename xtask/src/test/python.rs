//! The virtual environment of the tests that are written in Python.

use std::fs;
use std::path::PathBuf;

use crate::command::{Failure, command, root, run, target};

/// A virtual environment under cargo's target folder.
pub(crate) struct Python {
    folder: PathBuf,
}

impl Python {
    pub(crate) fn in_target() -> Self {
        Self { folder: target().join("python") }
    }

    /// The interpreter that sees the packages.
    pub(crate) fn interpreter(&self) -> PathBuf {
        self.folder.join("bin").join("python")
    }

    /// Makes the environment hold what tests/python/requirements.txt pins; does nothing when it does already.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        let requirements = root().join("tests").join("python").join("requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .map_err(|source| Failure::File { what: requirements.display().to_string(), source })?;
        let stamp = self.folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            println!("as tests/python/requirements.txt pins them");
            return Ok(());
        }
        println!("about to install into {}:\n{wanted}", self.folder.display());
        run(command("python3").args(["-m", "venv", "--clear"]).arg(&self.folder))?;
        run(command(self.interpreter())
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements))?;
        fs::write(&stamp, wanted).map_err(|source| Failure::File { what: stamp.display().to_string(), source })
    }
}
