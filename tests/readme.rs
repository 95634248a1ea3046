//! The README's example session, typed into a fresh shell.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::{Server, sanmon, workspace};

/// Stands in the README for what differs each time.
const ANYTHING: char = '…';

/// What is typed into each of the README's shells.
fn shells() -> Vec<Vec<(String, Vec<String>)>> {
    let text = fs::read_to_string(workspace().join("README.md")).expect("the README");
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(commands).collect()
}

fn commands(block: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => commands.last_mut().expect("a command comes first").1.push(line.to_owned()),
        }
    }
    commands
}

/// Whether a line is as printed in the README.
fn fits(line: &str, printed: &str) -> bool {
    let mut rest = line;
    let mut parts = printed.split(ANYTHING);
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for part in parts {
        // At least one character stands for what differs.
        let Some(at) = rest.char_indices().skip(1).map(|(at, _)| at).chain([rest.len()]).find(|at| {
            let tail = &rest[*at..];
            if part.is_empty() { tail.is_empty() } else { tail.starts_with(part) }
        }) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// A fresh shell in a folder.
fn shell(script: &str, folder: &Path) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-euc", script]).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SANMON_")) {
        shell.env_remove(name);
    }
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_example_session_works_as_printed() {
    let server = Server::start().await;
    // The folder as it is after a clone and `cargo xtask run`: the program in target/debug, the data in ./data.
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("target/debug")).expect("a folder");
    symlink(fs::canonicalize(sanmon()).expect("the program"), folder.path().join("target/debug/sanmon"))
        .expect("a link");
    symlink(server.data(), folder.path().join("data")).expect("a link");

    let shells = shells();
    let [watching, typing] = shells.as_slice() else { panic!("{shells:?}") };
    let (listen, expected) = watching.last().expect("a command");
    let before: String = watching[..watching.len() - 1].iter().map(|(command, _)| format!("{command}\n")).collect();
    let mut listener = shell(&format!("{before}exec {listen}"), folder.path()).spawn().expect("bash runs");
    let mut lines = BufReader::new(listener.stdout.take().expect("its output")).lines().map_while(Result::ok);
    for expected in &expected[..2] {
        let line = lines.next().expect("a line");
        assert!(fits(&line, expected), "`{listen}` printed\n{line}\ninstead of\n{expected}");
    }

    let script: String = typing.iter().map(|(command, _)| format!("{command}\necho =====\n")).collect();
    let output = shell(&script, folder.path()).output().expect("bash runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    for ((command, expected), printed) in typing.iter().zip(printed.split("=====\n")) {
        let lines: Vec<&str> = printed.lines().collect();
        let same =
            lines.len() == expected.len() && lines.iter().zip(expected).all(|(line, expected)| fits(line, expected));
        assert!(same, "`{command}` printed\n{printed}instead of\n{}", expected.join("\n"));
    }
    for expected in &expected[2..] {
        let line = lines.next().expect("a line");
        assert!(fits(&line, expected), "`{listen}` printed\n{line}\ninstead of\n{expected}");
    }
    listener.kill().expect("it listens");
    listener.wait().expect("it ends");
}

#[test]
fn what_the_readme_names_is_there() {
    let text = fs::read_to_string(workspace().join("README.md")).expect("the README");
    for folder in ["core", "native", "wasm", "www", "tests", "xtask"] {
        assert!(text.contains(&format!("| `{folder}/` |")) && workspace().join(folder).is_dir(), "{folder}");
    }
}
