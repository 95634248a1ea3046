//! `cargo xtask bench`: a release build, measured beside other servers.

mod browser;
mod peers;

use clap::Args;

use self::peers::Peers;
use crate::command::{Failure, cargo, command, run, target};

#[derive(Args)]
pub(crate) struct Bench {
    /// Which ones: fanout, idle, connect, publish, slow, codec, cluster, changes, interactions, or wasm (the browser client,
    /// which needs Node.js, npm and Chromium); all but wasm when none is named
    #[arg(value_parser = ["fanout", "idle", "connect", "publish", "slow", "codec", "cluster", "changes", "interactions", WASM])]
    names: Vec<String>,
    /// Install the servers to compare with first, as tests/bench/peers pins them; those that are here are used anyhow
    #[arg(long)]
    peers: bool,
    /// Compare with these only: bun, ws, nats, websockets
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = ["bun", "ws", "nats", "websockets"])]
    beside: Option<Vec<String>>,
    /// Measure fan-out's curve with so many connections only, and record nothing of it
    #[arg(long, value_name = "COUNT", value_delimiter = ',')]
    connections: Option<Vec<String>>,
}

/// The one that is measured from outside of this workspace's programs.
const WASM: &str = "wasm";

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.peers {
            Peers::install()?;
        }
        let (wasm, others): (Vec<String>, Vec<String>) = self.names.into_iter().partition(|name| name == WASM);
        if !others.is_empty() || wasm.is_empty() {
            server(&others, self.beside.as_deref(), self.connections.as_deref())?;
        }
        if wasm.is_empty() { Ok(()) } else { browser::measure() }
    }
}

/// Measures the server.
fn server(names: &[String], beside: Option<&[String]>, connections: Option<&[String]>) -> Result<(), Failure> {
    let release = target().join("release");
    let mut bench = command(release.join("bench"));
    bench.env("TEST_SANMON", release.join("sanmon")).args(names);
    bench.args(beside.map(|beside| format!("--beside={}", beside.join(","))));
    bench.args(connections.map(|connections| format!("--connections={}", connections.join(","))));
    bench.env("BENCH_BOT", release.join("examples").join("pong"));
    if let Some(python) = Peers::python() {
        bench.env("BENCH_PYTHON", python);
    }
    let packages = ["--package", "sanmon", "--package", "sanmon-tests"];
    let targets = ["--bins", "--example", "pong"];
    run(cargo().args(["build", "--release", "--locked"]).args(packages).args(targets))?;
    run(&mut bench)
}

/// Tries whether the benchmarks work, with this server and without others, in seconds. Nothing is recorded.
pub(crate) fn try_out(server: &std::path::Path) -> Result<(), Failure> {
    run(command(target().join("debug").join("bench")).arg("--smoke").env("TEST_SANMON", server))
}
