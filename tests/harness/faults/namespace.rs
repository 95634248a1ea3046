//! Namespaces: a part of the machine that is there for some processes alone, and ends with them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::half_open::LONGEST;
use super::{Outcome, Scale};
use crate::sanmon;

/// The start of a command in namespaces of its own, such as `--mount`; who is not root becomes so in a user namespace.
pub(super) fn namespace(kinds: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(kinds);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// The same as the words that begin a command.
pub(super) fn words(command: &Command) -> Vec<String> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Does a fault in a process of its own, the program `faults`, whose network has nobody else in it: the server, its
/// clients and its backends can only be together in one if all of them are started there.
pub(super) async fn in_a_network_of_its_own(fault: &str, scale: Scale) -> Outcome {
    assert!(
        namespace(&["--net"]).args(["ip", "link", "set", "lo", "up"]).status().is_ok_and(|status| status.success()),
        "this needs `unshare` (util-linux), `ip` (iproute2), and a kernel that lets this user make a network namespace"
    );
    let mut command = tokio::process::Command::from(namespace(&["--net"]));
    command.arg(program()).args(["--inside", fault, scale.pick("short", "long")]);
    // Built before: there is no way to a registry from there.
    command.env("TEST_SANMON", sanmon()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = tokio::time::timeout(LONGEST * 4, command.kill_on_drop(true).output());
    let output = output.await.unwrap_or_else(|_| panic!("{fault} takes too long")).expect("a process starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("what it cost")
}

/// The program `faults`: this one, or the one that was built with this test.
fn program() -> PathBuf {
    let exe = std::env::current_exe().expect("a program knows its own path");
    if exe.file_stem().is_some_and(|name| name == "faults") {
        return exe;
    }
    // target/<profile>/deps/e2e-<hash>
    let built = exe.ancestors().nth(2).expect("a test lies in target/<profile>/deps").join("faults");
    assert!(built.exists(), "{} is missing: cargo builds it with the tests", built.display());
    built
}
