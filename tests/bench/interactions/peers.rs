//! The servers that are compared, each a process of its own.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use harness::{Server, Setup, workspace};

use super::bodies::{APPLICATION, Kind};

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
    Bot(Bot),
    Node(Box<Server>),
}

/// A bot; killed when dropped.
struct Bot(Child);

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Peer {
    pub(super) fn pid(&self) -> u32 {
        match &self.process {
            Process::Bot(Bot(child)) => child.id(),
            Process::Node(server) => server.pid(),
        }
    }

    /// Whether it answers this by itself.
    pub(super) fn takes(&self, kind: Kind) -> bool {
        kind == Kind::Ping || matches!(self.process, Process::Bot(_))
    }
}

/// Starts all of them. The first is what the others are compared with.
///
/// # Errors
/// One of them is missing: `cargo xtask bench interactions` installs it and says where it is.
pub(super) async fn start(key: &str) -> io::Result<Vec<Peer>> {
    let (python, peers) = (named("BENCH_PYTHON")?, workspace().join("tests").join("bench").join("peers"));
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
    let key = format!("{APPLICATION}={key}");
    let library = Peer {
        name: "sanmon, the library",
        what: "the bot of the README, an InteractionServer".to_owned(),
        ..bot(Command::new(named("BENCH_BOT")?).env("KEY", &key).env("LISTEN", "127.0.0.1:0"))?
    };
    let server = Setup::new().set("interactions_key", key).start().await;
    let program = Peer {
        name: "sanmon serve",
        what: "the program; commands would go to a bot behind it, so it is asked pings only".to_owned(),
        address: server.address(),
        path: "/interactions",
        process: Process::Node(Box::new(server)),
    };
    Ok(vec![hikari, discord, library, program])
}

/// Starts a bot, which prints its port, or its address, once it listens.
fn bot(command: &mut Command) -> io::Result<Peer> {
    let name = command.get_program().to_owned();
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| failed(&name, error))?;
    let stdout = child.stdout.take().expect("its stdout");
    let bot = Bot(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let port = line.trim().rsplit([' ', ':']).next().and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| failed(&name, format!("it said {line:?} instead of where it listens")))?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Ok(Peer { name: "", what: String::new(), address, path: "/", process: Process::Bot(bot) })
}

/// The first line that a command prints.
fn told(command: &mut Command) -> io::Result<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| failed(command.get_program(), error))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

fn named(variable: &str) -> io::Result<PathBuf> {
    let missing = || io::Error::other(format!("{variable} is not set: run this by `cargo xtask bench interactions`"));
    env::var_os(variable).map(PathBuf::from).ok_or_else(missing)
}

fn failed(name: &std::ffi::OsStr, why: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{} does not start: {why}", OsString::from(name).display()))
}
