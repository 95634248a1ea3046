//! Where an engine keeps its data: a folder that goes with it, or one that stays.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Fault;

/// The folder of an engine.
#[derive(Debug)]
pub(crate) enum Folder {
    /// Removed when dropped.
    Passing(TempDir),
    /// Left where it is.
    Lasting(PathBuf),
}

impl Folder {
    /// A new one that goes with its engine.
    pub(crate) fn passing(engine: &str) -> Result<Self, Fault> {
        let folder = TempDir::with_prefix(format!("sanmon-{engine}-")).map_err(Fault::file(std::env::temp_dir()))?;
        Ok(Self::Passing(folder))
    }

    /// One that stays, made if it is not there.
    pub(crate) fn lasting(path: &Path) -> Result<Self, Fault> {
        std::fs::create_dir_all(path).map_err(Fault::file(path))?;
        Ok(Self::Lasting(path.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Lasting(path) => path,
        }
    }

    /// Where the engine's output goes.
    pub(crate) fn log(&self) -> PathBuf {
        self.path().join("log")
    }

    /// Lets a command write there.
    pub(crate) fn log_to(&self, command: &mut Command) -> Result<(), Fault> {
        let log = self.log();
        let file = OpenOptions::new().create(true).append(true).open(&log).map_err(Fault::file(&log))?;
        let errors = file.try_clone().map_err(Fault::file(&log))?;
        command.stdout(file).stderr(errors);
        Ok(())
    }

    /// What is to be removed when the owner is gone without having dropped it.
    pub(crate) fn to_remove(&self) -> Option<&Path> {
        match self {
            Self::Passing(folder) => Some(folder.path()),
            Self::Lasting(_) => None,
        }
    }
}
