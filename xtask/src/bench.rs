//! `cargo xtask bench`: a release build, measured.

use clap::Args;

use crate::command::{Failure, cargo, command, run, target};

#[derive(Args)]
pub(crate) struct Bench {
    /// Which ones: idle, deliver, publish, slow; all of them when none is named
    #[arg(value_parser = ["idle", "deliver", "publish", "slow"])]
    names: Vec<String>,
}

impl Bench {
    pub(crate) fn run(self) -> Result<(), Failure> {
        run(cargo().args([
            "build",
            "--release",
            "--locked",
            "--package",
            "sanmon",
            "--package",
            "sanmon-tests",
            "--bins",
        ]))?;
        let release = target().join("release");
        run(command(release.join("bench")).env("TEST_SANMON", release.join("sanmon")).args(&self.names))
    }
}
