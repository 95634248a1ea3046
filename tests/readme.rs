//! The README's example session, typed into a fresh shell.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use harness::{Server, sanmon, workspace};

/// Stands in the README for what differs each time.
const ANYTHING: char = '…';

/// The commands of the README's session, each with the lines that it prints.
fn session() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(workspace().join("README.md")).expect("the README");
    let block = text.split("```console\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a session");
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
    match printed.split_once(ANYTHING) {
        None => line == printed,
        Some((before, after)) => {
            line.strip_prefix(before).is_some_and(|rest| rest.len() > after.len() && rest.ends_with(after))
        }
    }
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

    let session = session();
    assert!(session.len() > 4, "{session:?}");
    let script: String = session.iter().map(|(command, _)| format!("{command}\necho =====\n")).collect();
    let mut shell = Command::new("bash");
    shell.args(["-euc", &script]).current_dir(folder.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SANMON_")) {
        shell.env_remove(name);
    }
    let output = shell.output().expect("bash runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    for ((command, expected), printed) in session.iter().zip(printed.split("=====\n")) {
        let lines: Vec<&str> = printed.lines().collect();
        let same =
            lines.len() == expected.len() && lines.iter().zip(expected).all(|(line, expected)| fits(line, expected));
        assert!(same, "`{command}` printed\n{printed}instead of\n{}", expected.join("\n"));
    }
}

#[test]
fn what_the_readme_names_is_there() {
    let text = fs::read_to_string(workspace().join("README.md")).expect("the README");
    for folder in ["core", "native", "wasm", "www", "tests", "xtask"] {
        assert!(text.contains(&format!("| `{folder}/` |")) && workspace().join(folder).is_dir(), "{folder}");
    }
}
