//! `cargo xtask test`: everything that must hold, one step after the other.

mod browser;
mod step;

use std::path::Path;

use clap::Args;

use self::step::Steps;
use crate::command::{Failure, cargo, run, succeeds, target};
use crate::python::Python;
use crate::{bench, licences, npm, prepare, wasm_target};

#[derive(Args)]
pub(crate) struct Test {
    /// Run only the steps whose name contains this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

impl Test {
    /// Installs what is missing, runs every step, and stops at the first that fails.
    ///
    /// All steps that compile for this machine name the whole workspace, so that cargo resolves the same features each
    /// time and builds every dependency once.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut steps = Steps::new(self.only);
        steps.step("what the tests need", prepare::install)?;
        let python = Python::new("python", Path::new("tests/python/requirements.txt"));
        steps.step("python packages", || python.install())?;

        // Before whatever builds the server, which carries it.
        steps.step("console's module", npm::build_for_console)?;

        steps.step("format", || run(cargo().args(["fmt", "--all", "--check"])))?;
        steps.step("licences of dependencies", licences::check)?;
        steps.step("clippy", || {
            run(cargo().args(["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        })?;
        steps.step("core and wasm for wasm32", || {
            let packages = ["--package", "sanmon-core", "--package", "sanmon-wasm", "--package", "sanmon-signatures"];
            run(cargo().args(["build", "--locked", "--target", wasm_target::TARGET]).args(packages))
        })?;
        steps.step("build", || run(cargo().args(["build", "--locked", "--workspace", "--all-targets"])))?;

        let server = target().join("debug").join("sanmon");
        let tests = |targets: &[&str]| {
            let mut command = cargo();
            match succeeds(cargo().args(["nextest", "--version"])) {
                true => command.args(["nextest", "run", "--no-fail-fast"]),
                false => command.args(["test", "--no-fail-fast"]),
            };
            command.args(["--locked", "--workspace"]).args(targets);
            command.env("TEST_SANMON", &server).env("TEST_PYTHON", python.interpreter());
            command
        };
        steps.step("unit tests", || run(&mut tests(&["--lib", "--bins", "--examples"])))?;
        steps.step("doctests", || run(cargo().args(["test", "--locked", "--workspace", "--doc"])))?;
        steps.step("end to end", || run(&mut tests(&["--test", "*"])))?;
        steps.step("benchmarks, whether they work", || bench::try_out(&server))?;
        steps.step("browser tests", || browser::test(&server))?;
        steps.finish();
        Ok(())
    }
}
