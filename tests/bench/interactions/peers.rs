//! The servers that are compared, each a process of its own.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use harness::{Server, Setup, workspace};

use super::bodies::{APPLICATION, Kind};
use crate::program::{Program, told};
use crate::session::Session;

/// A server that runs.
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// What it is, with versions.
    pub(super) what: String,
    pub(super) address: SocketAddr,
    /// Where it takes interactions.
    pub(super) path: &'static str,
    process: Process,
}

enum Process {
    Bot(Program),
    Node(Box<Server>),
}

impl Peer {
    pub(super) fn pid(&self) -> u32 {
        match &self.process {
            Process::Bot(bot) => bot.pid(),
            Process::Node(server) => server.pid(),
        }
    }

    /// Whether it answers this by itself.
    pub(super) fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Ping || matches!(self.process, Process::Bot(_))
    }
}

/// Starts those that are here, hikari first if it is: `cargo xtask bench --peers` installs the others. A smoke run has Sanmon's
/// alone.
///
/// # Errors
/// One of them does not start.
pub(super) async fn start(session: &Session, key: &str) -> io::Result<Vec<Peer>> {
    let mut servers = if session.is_smoke() { Vec::new() } else { others(key)? };
    let key = format!("{APPLICATION}={key}");
    // A smoke run is there without what `cargo xtask bench` builds, and the program serves to try the harness.
    if !session.is_smoke() {
        servers.push(Peer {
            name: "sanmon, the library",
            what: "the bot of the README, an InteractionServer".to_owned(),
            ..bot(Command::new(named("BENCH_BOT")?).env("KEY", &key).env("LISTEN", "127.0.0.1:0"))?
        });
    }
    let server = Setup::new().set("interactions_key", key).start().await;
    servers.push(Peer {
        name: "sanmon serve",
        what: "the program; commands would go to a bot behind it, so it is asked pings only".to_owned(),
        address: server.address(),
        path: "/interactions",
        process: Process::Node(Box::new(server)),
    });
    Ok(servers)
}

fn others(key: &str) -> io::Result<Vec<Peer>> {
    let peers = workspace().join("tests").join("bench").join("peers");
    let Some(python) = env::var_os("BENCH_PYTHON").filter(|_| peers.join("node_modules/discord-interactions").exists())
    else {
        println!("  hikari and discord-interactions are not installed, and left out");
        return Ok(Vec::new());
    };
    let hikari_version =
        "import hikari, platform; print(f'hikari {hikari.__version__} on Python {platform.python_version()}')";
    let hikari = Peer {
        name: "hikari",
        what: format!(
            "{}, its InteractionServer, as pip installs it, with the optimisations (-O) that it asks for",
            told(Command::new(&python).args(["-c", hikari_version]))?
        ),
        ..bot(Command::new(&python).arg("-O").arg(peers.join("hikari_bot.py")).arg(key))?
    };
    let node = told(Command::new("node").arg("--version"))?;
    let discord = Peer {
        name: "discord-interactions",
        what: format!("verifyKey of the npm package, on Node's own HTTP server, {node}"),
        ..bot(Command::new("node").arg(peers.join("discord_interactions_bot.js")).arg(key))?
    };
    Ok(vec![hikari, discord])
}

/// Starts a bot, which prints its port, or its address, once it listens.
fn bot(command: &mut Command) -> io::Result<Peer> {
    let (bot, port) = Program::listening(command.stderr(Stdio::inherit()))?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(Peer { name: "", what: String::new(), address, path: "/", process: Process::Bot(bot) })
}

fn named(variable: &str) -> io::Result<PathBuf> {
    let missing = || io::Error::other(format!("{variable} is not set: run this by `cargo xtask bench interactions`"));
    env::var_os(variable).map(PathBuf::from).ok_or_else(missing)
}
