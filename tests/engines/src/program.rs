//! Where the engines' programs are.

use std::path::{Path, PathBuf};

use crate::Fault;

/// Whether NATS is on this machine.
pub fn has_nats() -> bool {
    nats_server().is_ok()
}

/// Whether PostgreSQL's server is on this machine.
pub fn has_postgres() -> bool {
    postgres().is_ok()
}

/// The path of NATS's program.
///
/// # Errors
/// It is not on this machine.
pub fn nats_server() -> Result<PathBuf, Fault> {
    let missing = Fault::Missing { program: "nats-server", package: "nats-server" };
    on_path("nats-server").map(|folder| folder.join("nats-server")).ok_or(missing)
}

/// The folder of PostgreSQL's programs: Debian's newest, which are not on the path, or the path's.
pub(crate) fn postgres() -> Result<PathBuf, Fault> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut folders: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, folder)| is_whole(folder))
        .collect();
    folders.sort();
    let newest = folders.pop().map(|(_, folder)| folder);
    let missing = Fault::Missing { program: "PostgreSQL's server", package: "postgresql" };
    newest.or_else(|| on_path("postgres").filter(|folder| is_whole(folder))).ok_or(missing)
}

fn is_whole(folder: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where servers are, also for users whose path leaves them out.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/bin")]);
    folders.into_iter().find(|folder| folder.join(program).is_file())
}
