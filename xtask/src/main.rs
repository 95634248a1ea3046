//! What continuous integration and developers both type: `cargo xtask run`, `test`, `npm`, `bench`, `faults` and `fuzz`.

#![forbid(unsafe_code)]

mod bench;
mod build;
mod command;
mod faults;
mod fuzz;
mod licences;
mod node;
mod npm;
mod prepare;
mod python;
mod run;
mod test;
mod wasm_target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and checks Sanmon")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the server and start it on 127.0.0.1:8080 with its data in ./data
    Run(run::Run),
    /// Build the server with its console, to be installed
    Build(build::Build),
    /// Install what the tests need, then run every check there is
    Test(test::Test),
    /// Build, check and pack the npm package
    Npm(npm::Npm),
    /// Measure memory, deliveries and durable publishes of a release build
    Bench(bench::Bench),
    /// Feed the parsers and state machines with inputs that nobody thought of
    Fuzz(fuzz::Fuzz),
    /// Break things under a release build, and renew the table of what was lost in tests/README.md
    Faults(faults::Faults),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Run(run) => run.run(),
        Task::Build(build) => build.run(),
        Task::Test(test) => test.run(),
        Task::Npm(npm) => npm.run(),
        Task::Bench(bench) => bench.run(),
        Task::Fuzz(fuzz) => fuzz.run(),
        Task::Faults(faults) => faults.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}
