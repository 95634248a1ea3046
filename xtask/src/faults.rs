//! `cargo xtask faults`: what a release build loses and how soon it recovers when things break.

use clap::Args;

use crate::command::{Failure, cargo, command, run, target};
use crate::prepare;

#[derive(Args)]
pub(crate) struct Faults {
    /// Build without optimisations: sooner done, with figures that say less
    #[arg(long)]
    dev: bool,
    /// Which ones, by their names in tests/README.md; all of them when none is named
    names: Vec<String>,
}

impl Faults {
    /// Does them at full length and renews the table in tests/README.md.
    pub(crate) fn run(self) -> Result<(), Failure> {
        prepare::install_for_faults()?;
        let (profile, folder) = if self.dev { ("dev", "debug") } else { ("release", "release") };
        let packages = ["--package", "sanmon", "--package", "sanmon-tests"];
        run(cargo().args(["build", "--locked", "--profile", profile, "--bins"]).args(packages))?;
        let built = target().join(folder);
        run(command(built.join("faults")).env("TEST_SANMON", built.join("sanmon")).args(&self.names))
    }
}
