//! `cargo xtask bench`: a release build, measured.

mod peers;

use clap::Args;

use self::peers::Peers;
use crate::command::{Failure, cargo, command, run, target};

#[derive(Args)]
pub(crate) struct Bench {
    /// Which ones: idle, deliver, publish, slow, interactions; all of them when none is named
    #[arg(value_parser = ["idle", "deliver", "publish", "slow", "interactions"])]
    names: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let release = target().join("release");
        let mut bench = command(release.join("bench"));
        bench.env("TEST_SANMON", release.join("sanmon")).args(&self.names);
        // Before what takes minutes, so that who lacks something hears of it at once.
        if self.names.is_empty() || self.names.iter().any(|name| name == "interactions") {
            let peers = Peers::install()?;
            bench.env("BENCH_PYTHON", peers.python()).env("BENCH_BOT", release.join("examples").join("pong"));
        }
        let packages = ["--package", "sanmon", "--package", "sanmon-tests"];
        let targets = ["--bins", "--example", "pong"];
        run(cargo().args(["build", "--release", "--locked"]).args(packages).args(targets))?;
        run(&mut bench)
    }
}
