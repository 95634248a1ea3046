//! `cargo xtask run`: the server on this machine, for someone who has only Rust.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::command::{Failure, cargo, root, run, target};

/// Where the server listens when the arguments don't say.
const LISTEN: &str = "127.0.0.1:8080";

#[derive(Args)]
pub(crate) struct Run {
    /// Build with all optimisations: minutes instead of about one, then several times the throughput
    #[arg(long)]
    release: bool,
    /// Passed on to `sanmon serve`, such as `--listen 127.0.0.1:9000` or `--data /srv/chat`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    serve: Vec<String>,
}

impl Run {
    /// Builds, says where to look, and becomes the server.
    ///
    /// The default is the development profile, in which dependencies are optimised a little: the first start is what a
    /// newcomer waits for, and one machine's worth of trying out needs no link-time optimisation.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let profile = if self.release { "release" } else { "dev" };
        run(cargo().args(["build", "--package", "sanmon", "--bin", "sanmon", "--locked", "--profile", profile]))?;
        let server = target().join(if self.release { "release" } else { "debug" }).join("sanmon");

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
        self.greet(&server);
        replace_by(serve)
    }

    /// Prints where the console is and what to type next.
    fn greet(&self, server: &std::path::Path) {
        let sanmon = server.strip_prefix(root()).map_or_else(|_| server.to_path_buf(), PathBuf::from);
        let sanmon = sanmon.display();
        let address = self.value_of("--listen").unwrap_or(LISTEN);
        let data = self.value_of("--data").unwrap_or("data");
        println!();
        println!("  console   http://{address}/");
        println!("  try       {sanmon} session create --data {data} --username ada");
        println!("            {sanmon} listen --url http://{address} --session <the session_id it printed>");
        println!("  stop      Ctrl-C; what was stored stays in {data}");
        println!();
    }

    /// The value that the arguments for the server give a flag.
    fn value_of(&self, flag: &str) -> Option<&str> {
        self.serve.iter().enumerate().find_map(|(index, arg)| match arg.strip_prefix(flag)? {
            "" => self.serve.get(index + 1).map(String::as_str),
            value => value.strip_prefix('='),
        })
    }
}

/// Runs the server in this process's place, so that signals and the exit code are its own.
#[cfg(unix)]
fn replace_by(mut server: Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let source = server.exec();
    Err(Failure::Start { command: "sanmon serve".into(), source })
}

#[cfg(not(unix))]
fn replace_by(mut server: Command) -> Result<(), Failure> {
    run(&mut server)
}
