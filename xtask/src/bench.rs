//! `cargo xtask bench`: a release build, measured.

mod browser;
mod peers;

use clap::Args;

use self::peers::Peers;
use crate::command::{Failure, cargo, command, run, target};

#[derive(Args)]
pub(crate) struct Bench {
    /// Which ones: idle, deliver, publish, slow, interactions, or wasm (the browser client, which needs Node.js, npm and
    /// Chromium); all but wasm when none is named
    #[arg(value_parser = ["idle", "deliver", "publish", "slow", "interactions", WASM])]
    names: Vec<String>,
}

/// The one that is measured from outside of this workspace's programs.
const WASM: &str = "wasm";

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (wasm, others): (Vec<String>, Vec<String>) = self.names.into_iter().partition(|name| name == WASM);
        if !others.is_empty() || wasm.is_empty() {
            server(&others)?;
        }
        if wasm.is_empty() { Ok(()) } else { browser::measure() }
    }
}

/// Measures the server.
fn server(names: &[String]) -> Result<(), Failure> {
    let release = target().join("release");
    let mut bench = command(release.join("bench"));
    bench.env("TEST_SANMON", release.join("sanmon")).args(names);
    // Before what takes minutes, so that who lacks something hears of it at once.
    if names.is_empty() || names.iter().any(|name| name == "interactions") {
        let peers = Peers::install()?;
        bench.env("BENCH_PYTHON", peers.python()).env("BENCH_BOT", release.join("examples").join("pong"));
    }
    let packages = ["--package", "sanmon", "--package", "sanmon-tests"];
    let targets = ["--bins", "--example", "pong"];
    run(cargo().args(["build", "--release", "--locked"]).args(packages).args(targets))?;
    run(&mut bench)
}
