//! `cargo xtask build`: the program as one installs it, with its console.

use clap::Args;

use crate::command::{Failure, cargo, run, target};
use crate::run::build_console;

#[derive(Args)]
pub(crate) struct Build {}

impl Build {
    /// Builds the console's module, then the server with all optimisations.
    pub(crate) fn run(self) -> Result<(), Failure> {
        build_console()?;
        run(cargo().args(["build", "--workspace", "--bin", "sanmon", "--locked", "--release"]))?;
        println!("built {}", target().join("release").join("sanmon").display());
        Ok(())
    }
}
