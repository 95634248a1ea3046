//! The benchmark of the browser client: the package as it is published, in Chromium and in Node.

use std::time::Duration;

use crate::command::{Failure, cargo, command, file, root, run, run_within, target};
use crate::npm;

/// Long enough for all its rounds on a slow machine.
const ROUNDS: Duration = Duration::from_secs(1800);

/// Measures it, and records the figures in tests/bench/results.
pub(super) fn measure() -> Result<(), Failure> {
    let package = npm::build_for_bench()?;
    // With the package's modules in it, from which a page connects.
    run(cargo().args(["build", "--release", "--locked", "--package", "sanmon", "--bins"]))?;
    let folder = root().join("tests").join("browser");
    npm::install(&folder)?;
    let results = root().join("tests").join("bench").join("results");
    std::fs::create_dir_all(&results).map_err(file("the folder for results"))?;
    run_within(
        ROUNDS,
        command("node")
            .arg(folder.join("bench").join("main.js"))
            .env("TEST_SANMON", target().join("release").join("sanmon"))
            .env("TEST_PACKAGE", package)
            .env("BENCH_RECORD", results.join("wasm.md")),
    )
}
