//! Running other programs from the root of the workspace.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::node;

/// Why a task stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("could not start `{command}`: {source}")]
    Start { command: String, source: std::io::Error },
    #[error("`{command}` failed ({status})")]
    Status { command: String, status: std::process::ExitStatus },
    #[error("`{command}` was stopped: it took longer than {} s", limit.as_secs())]
    Late { command: String, limit: Duration },
    #[error("{what}: {source}")]
    File { what: String, source: std::io::Error },
    #[error("`cargo metadata` said what could not be read: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("what is needed is missing here and can't be installed by this user:\n{0}")]
    Missing(String),
    #[error("what these should have brought is still missing; a newer system has it:\n{0}")]
    Useless(String),
    #[error(transparent)]
    Engine(#[from] sanmon_engines::Fault),
    #[error("{0}")]
    Check(String),
}

/// The folder that holds the workspace's Cargo.toml.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo's folder for what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A command in the root of the workspace, without standard input; it and what it starts find the Node.js that was installed.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    if let Some(path) = node::search_path() {
        command.env("PATH", path);
    }
    command
}

/// The cargo that runs this task, as if somebody had called it.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this task of its own package. Some build scripts, ring's among them, look at variables of these names,
    // and whatever stands on them would be built anew whenever cargo is called from elsewhere.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command to its end and shows what it prints.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|source| Failure::Start { command: line(command), source })?;
    if status.success() { Ok(()) } else { Err(Failure::Status { command: line(command), status }) }
}

/// Runs a command to its end, or ends it once it took longer than `limit`.
pub(crate) fn run_within(limit: Duration, command: &mut Command) -> Result<(), Failure> {
    let mut child = command.spawn().map_err(|source| Failure::Start { command: line(command), source })?;
    let start = Instant::now();
    let mut was_asked = false;
    loop {
        let status = child.try_wait().map_err(|source| Failure::Start { command: line(command), source })?;
        match status {
            Some(_) if was_asked => return Err(Failure::Late { command: line(command), limit }),
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(Failure::Status { command: line(command), status }),
            None => {}
        }
        let took = start.elapsed();
        if took > limit + FAREWELL {
            // What can't be killed is not waited for.
            let _ = child.kill();
            return Err(Failure::Late { command: line(command), limit });
        }
        if took > limit && !was_asked {
            was_asked = true;
            // Asked first, so that it ends what it started itself, such as browsers.
            succeeds(Command::new("kill").arg(child.id().to_string()));
        }
        sleep(POLL);
    }
}

/// How long a command that was asked to end may take.
const FAREWELL: Duration = Duration::from_secs(10);

/// How often a command is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Runs a command to its end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: line(command), source })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Failure::Status { command: line(command), status: output.status })
    }
}

/// Whether a command can be run and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Says which file could not be read or written.
pub(crate) fn file(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
    let what = what.into();
    |source| Failure::File { what, source }
}

/// A command as one would type it.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_takes_too_long_is_stopped() {
        let limit = Duration::from_millis(100);
        let late = run_within(limit, command("sleep").arg("60"));
        assert!(matches!(late, Err(Failure::Late { .. })), "{late:?}");
        let failed = run_within(FAREWELL, &mut command("false"));
        assert!(matches!(failed, Err(Failure::Status { .. })), "{failed:?}");
        assert!(run_within(FAREWELL, &mut command("true")).is_ok());
    }
}
