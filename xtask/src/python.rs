//! Virtual environments of what is written in Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command::{Failure, command, root, run_within, target};

/// Long enough for packages over a slow line.
const INSTALLATION: Duration = Duration::from_secs(600);

/// A virtual environment under cargo's target folder.
pub(crate) struct Python {
    folder: PathBuf,
    requirements: PathBuf,
}

impl Python {
    /// The environment with this name, which is to hold what this file pins; its path begins at the root of the workspace.
    pub(crate) fn new(name: &str, requirements: &Path) -> Self {
        Self { folder: target().join(name), requirements: requirements.to_owned() }
    }

    /// The interpreter that sees the packages.
    pub(crate) fn interpreter(&self) -> PathBuf {
        self.folder.join("bin").join("python")
    }

    /// Makes the environment hold what is pinned; does nothing when it does already.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        let requirements = root().join(&self.requirements);
        let wanted = fs::read_to_string(&requirements)
            .map_err(|source| Failure::File { what: requirements.display().to_string(), source })?;
        let stamp = self.folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            println!("as {} pins them", self.requirements.display());
            return Ok(());
        }
        println!("about to install into {}:\n{wanted}", self.folder.display());
        run_within(INSTALLATION, command("python3").args(["-m", "venv", "--clear"]).arg(&self.folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run_within(INSTALLATION, command(self.interpreter()).args(install).arg(&requirements))?;
        fs::write(&stamp, wanted).map_err(|source| Failure::File { what: stamp.display().to_string(), source })
    }
}
