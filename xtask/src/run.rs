//! `cargo xtask run`: the server on this machine, for someone who has only Rust.

mod cluster;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use self::cluster::Cluster;
use crate::command::{Failure, cargo, root, run, target};
use crate::{npm, prepare, wasm_target};

/// Where the server listens when the arguments don't say.
const LISTEN: &str = "127.0.0.1:8080";

#[derive(Args)]
pub(crate) struct Run {
    /// Build with all optimisations: minutes instead of about one, then several times the throughput
    #[arg(long)]
    release: bool,
    /// Start NATS, PostgreSQL and so many nodes, on ports from 8080 and 9090 on, with their data in data/cluster
    #[arg(long, value_name = "NODES", value_parser = clap::value_parser!(u8).range(1..=16))]
    cluster: Option<u8>,
    /// Passed on to `sanmon serve`, such as `--listen 127.0.0.1:9000` or `--data /srv/chat`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    serve: Vec<String>,
}

impl Run {
    /// Builds, and becomes the server, which says where its console is and what to try next.
    ///
    /// The default is the development profile, in which dependencies are optimised a little: the first start is what a
    /// newcomer waits for, and one machine's worth of trying out needs no link-time optimisation.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let cluster = self.cluster.map(|nodes| self.cluster_of(nodes)).transpose()?;
        if cluster.is_some() {
            prepare::install_for_cluster()?;
        }
        if let Err(failure) = build_console() {
            eprintln!(
                "warning: the console's module could not be built, and the rest of the server works without: {failure}\n\
                 once `rustup target add {}` has worked, `cargo xtask run` builds it\n",
                wasm_target::TARGET
            );
        }
        let profile = if self.release { "release" } else { "dev" };
        // The whole workspace's features, nearly as the tests have them, so that both share what is built. Tests ask more of
        // warp and tower: these and the server itself are built once for each of the two.
        run(cargo().args(["build", "--workspace", "--bin", "sanmon", "--locked", "--profile", profile]))?;
        let server = target().join(if self.release { "release" } else { "debug" }).join("sanmon");
        if let Some(cluster) = cluster {
            return cluster.run(&server);
        }

        let says = |flag: &str| self.serve.iter().any(|arg| arg == flag || arg.starts_with(&format!("{flag}=")));
        let mut serve = Command::new(&server);
        serve.current_dir(root()).arg("serve");
        if !says("--listen") && std::env::var_os("SANMON_LISTEN").is_none() {
            serve.args(["--listen", LISTEN]);
        }
        if !says("--data") && std::env::var_os("SANMON_DATA").is_none() {
            serve.args(["--data", "data"]);
        }
        serve.args(&self.serve);
        replace_by(serve, &server)
    }

    /// The nodes that are asked for. What each has of its own is given here and not by who calls.
    fn cluster_of(&self, nodes: u8) -> Result<Cluster, Failure> {
        let (mut folder, mut flags) = (root().join("data").join("cluster"), Vec::new());
        let mut arguments = self.serve.iter();
        while let Some(argument) = arguments.next() {
            let (flag, value) =
                argument.split_once('=').map_or((argument.as_str(), None), |(flag, value)| (flag, Some(value)));
            match flag {
                "--data" => {
                    let value = value.or_else(|| arguments.next().map(String::as_str));
                    folder = root().join(PathBuf::from(value.unwrap_or_default()));
                }
                "--listen" | "--admin-listen" | "--store-url" | "--nats-url" | "--node" | "--domain"
                | "--public-url" => {
                    return Err(Failure::Check(format!("{flag} is each node's own, and given by --cluster")));
                }
                _ => flags.push(argument.clone()),
            }
        }
        Ok(Cluster { nodes, folder, flags })
    }
}

/// Builds what the console runs in the browser, for which the compiler may have to learn another target first.
pub(crate) fn build_console() -> Result<(), Failure> {
    if !wasm_target::is_installed() {
        println!("about to run `rustup target add {}`, for the console", wasm_target::TARGET);
        wasm_target::install()?;
    }
    npm::build_for_console()
}

/// Runs the server in this process's place, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace_by(mut serve: Command, program: &Path) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    // The server tells people what to try next by the name that it was called with.
    let source = serve.arg0(program.strip_prefix(root()).unwrap_or(program)).exec();
    Err(Failure::Start { command: "sanmon serve".into(), source })
}

#[cfg(not(unix))]
fn replace_by(mut serve: Command, _program: &Path) -> Result<(), Failure> {
    run(&mut serve)
}
