//! The servers that Sanmon is compared with, each a process of its own: those that are present.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::workspace;
use tempfile::TempDir;

use crate::generator::Dialect;
use crate::program::{Program, told};
use crate::target::Target;

/// How long a server without a first line may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// The names of all of them. The first is the one with which ratios are made.
pub(crate) const NAMES: [&str; 4] = ["bun", "ws", "nats", "websockets"];

/// A server that runs.
pub(crate) struct Peer {
    pub(crate) target: Target,
    /// What it is, with its version.
    pub(crate) what: String,
    _program: Program,
    /// Its configuration, if it has one.
    _folder: Option<TempDir>,
}

/// Starts those of these names that are installed: `cargo xtask bench --peers` installs them.
///
/// # Errors
/// One of them is here and does not start.
pub(crate) fn start(names: &[&'static str]) -> io::Result<Vec<Peer>> {
    let mut peers = Vec::new();
    for name in names {
        let peer = match *name {
            "bun" => bun()?,
            "ws" => ws()?,
            "nats" => nats()?,
            "websockets" => websockets()?,
            _ => None,
        };
        match peer {
            Some(peer) => peers.push(peer),
            None => println!("  {name} is not installed, and left out"),
        }
    }
    Ok(peers)
}

fn bun() -> io::Result<Option<Peer>> {
    let bun = folder().join("node_modules/.bin/bun");
    let Ok(version) = told(Command::new(&bun).arg("--version")) else { return Ok(None) };
    let mut command = Command::new(bun);
    command.arg(folder().join("bun_server.js"));
    said("Bun", format!("Bun {version}, server.publish (uWebSockets)"), &mut command).map(Some)
}

fn ws() -> io::Result<Option<Peer>> {
    let Ok(version) = told(Command::new("node").arg("--version")) else { return Ok(None) };
    let Ok(package) = fs::read(folder().join("node_modules/ws/package.json")) else { return Ok(None) };
    let package: serde_json::Value = serde_json::from_slice(&package)?;
    let what = format!("ws {} on Node.js {version}", package["version"].as_str().unwrap_or_default());
    said("ws", what, Command::new("node").arg(folder().join("ws_server.js"))).map(Some)
}

fn websockets() -> io::Result<Option<Peer>> {
    let Some(python) = env::var_os("BENCH_PYTHON") else { return Ok(None) };
    let asked = "import websockets, platform; print(f'websockets {websockets.__version__} on Python {platform.python_version()}')";
    let Ok(what) = told(Command::new(&python).args(["-c", asked])) else { return Ok(None) };
    if what.is_empty() {
        return Ok(None);
    }
    said("websockets", what, Command::new(python).arg(folder().join("websockets_server.py"))).map(Some)
}

fn nats() -> io::Result<Option<Peer>> {
    let Ok(version) = told(Command::new("nats-server").arg("--version")) else { return Ok(None) };
    let ports = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
    let [plain, websocket] = [ports[0].local_addr()?, ports[1].local_addr()?];
    drop(ports);
    let folder = TempDir::with_prefix("sanmon-nats-")?;
    let file = folder.path().join("nats.conf");
    // Pings would be counted, since its frames are told apart by their lengths alone.
    let text =
        format!("listen: \"{plain}\"\nping_interval: \"1h\"\nwebsocket {{ listen: \"{websocket}\", no_tls: true }}\n");
    fs::write(&file, text)?;
    let program = Program::silent(Command::new("nats-server").arg("--config").arg(&file))?;
    let start = Instant::now();
    while TcpStream::connect(websocket).is_err() {
        if start.elapsed() > PATIENCE {
            return Err(io::Error::other("nats-server does not listen"));
        }
        sleep(Duration::from_millis(20));
    }
    let target = Target::new("nats-server", websocket, program.pid(), Dialect::Nats);
    let what = format!("{version}, its WebSocket");
    Ok(Some(Peer { target, what, _program: program, _folder: Some(folder) }))
}

/// Starts a server whose first line is its port.
fn said(name: &'static str, what: String, command: &mut Command) -> io::Result<Peer> {
    let (program, port) = Program::listening(command)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let target = Target::new(name, address, program.pid(), Dialect::Socket);
    Ok(Peer { target, what, _program: program, _folder: None })
}

fn folder() -> PathBuf {
    workspace().join("tests").join("bench").join("peers")
}
