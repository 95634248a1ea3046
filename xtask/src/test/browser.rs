//! The tests that need a browser: the console, the client in a page, and the packed package where it is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::command::{Failure, command, root, run_within};
use crate::{npm, prepare};

/// Node bounds a file of tests by it as well as each test; no file takes half of that on a slow machine.
const ONE_TEST: Duration = Duration::from_secs(400);

/// All of them, one file after the other.
const ALL_TESTS: Duration = Duration::from_secs(1200);

/// Checks the types, packs the package, and runs what is in tests/browser against this server program.
pub(crate) fn test(server: &Path) -> Result<(), Failure> {
    let packed = npm::pack_for_tests()?;
    let folder = root().join("tests").join("browser");
    npm::install(&folder)?;
    let mut node = command("node");
    node.current_dir(&folder)
        .args(["--test", "--test-concurrency=1", &format!("--test-timeout={}", ONE_TEST.as_millis())])
        .args(files(&folder)?)
        .env("TEST_SANMON", server)
        .env("TEST_ENGINES", server.with_file_name("engines"))
        .env("TEST_PACKED", packed);
    if let Some(browser) = prepare::chromium() {
        node.env("TEST_CHROMIUM", browser);
    }
    run_within(ALL_TESTS, &mut node)
}

/// The test files, by name: what else is there measures, or is shared.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries =
        fs::read_dir(folder).map_err(|source| Failure::File { what: folder.display().to_string(), source })?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".test.js"));
    files.sort();
    Ok(files)
}
