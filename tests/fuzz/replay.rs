//! Every input that fuzzing has found worth keeping, once more, on any toolchain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sanmon_fuzz::TARGETS;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Runs each file of a target's corpus; one that panics is the last whose command libtest prints.
fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let folder = fs::read_dir(corpus().join(name)).expect("a corpus");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    assert!(files.len() >= 10, "{name} has a corpus of {} files", files.len());
    files.sort();
    for file in files {
        println!("cargo xtask fuzz --target {name} --replay {}", file.display());
        (target.run)(&fs::read(&file).expect("a file"));
    }
}

#[test]
fn decoder() {
    replay("decoder");
}

#[test]
fn zlib() {
    replay("zlib");
}

#[test]
fn identify() {
    replay("identify");
}

#[test]
fn session() {
    replay("session");
}

#[test]
fn client() {
    replay("client");
}

#[test]
fn interaction() {
    replay("interaction");
}

#[test]
fn websocket() {
    replay("websocket");
}

#[test]
fn every_target_has_a_corpus_and_a_binary() {
    let names = |folder: PathBuf| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(corpus()), targets);
    assert_eq!(names(corpus().with_file_name("targets")), targets);
}
