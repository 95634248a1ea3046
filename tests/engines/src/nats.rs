//! A NATS server with JetStream.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::folder::Folder;
use crate::process::{Farewell, PATIENCE, Process};
use crate::{Engine, Fault, port, program};

/// How long it may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// How often it is asked whether it holds what it is to hold.
const POLL: Duration = Duration::from_millis(20);

/// A NATS server with JetStream on a port of its own; ended when dropped.
#[derive(Debug)]
pub struct Nats {
    engine: Engine,
    address: SocketAddr,
    /// Where one of several says how it is.
    monitor: Option<SocketAddr>,
    /// Removed once the process has ended.
    folder: Arc<Folder>,
}

impl Nats {
    /// A server with an empty store, on a free port.
    ///
    /// # Panics
    /// It does not start; the message says what is missing.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// The same, with more lines of its configuration, such as `max_payload: 65536`.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_with(settings: &str) -> Self {
        let started = Folder::passing("nats").and_then(|folder| Self::on_folder(folder, settings));
        started.unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// So many servers that are one: each holds what the others hold, where that is asked for.
    ///
    /// # Panics
    /// As [`Self::start`], or they don't find each other.
    #[must_use]
    pub fn start_together(servers: usize) -> Vec<Self> {
        let started = (0..servers).map(|_| port::free()).collect::<Result<Vec<u16>, Fault>>().and_then(|ports| {
            let routes: Vec<String> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
            let begin = |(number, port)| {
                let monitor = port::free()?;
                let settings = format!(
                    "server_name: \"nats-{number}\"\nhttp: \"127.0.0.1:{monitor}\"\n\
                     cluster {{ name: \"together\", listen: \"127.0.0.1:{port}\", routes: {routes:?} }}"
                );
                let nats = Self::on_folder(Folder::passing("nats")?, &settings)?;
                Ok(Self { monitor: Some(SocketAddr::from(([127, 0, 0, 1], monitor))), ..nats })
            };
            ports.iter().enumerate().map(begin).collect::<Result<Vec<Self>, Fault>>()
        });
        let together = started.unwrap_or_else(|fault| panic!("{fault}"));
        together.iter().for_each(Self::until_healthy);
        together
    }

    /// Waits until this one of several holds all that it is to hold.
    ///
    /// # Panics
    /// It takes longer than a minute, or there is but one server.
    pub fn until_healthy(&self) {
        let monitor = self.monitor.expect("one of several");
        let start = Instant::now();
        while !is_healthy(monitor) {
            assert!(start.elapsed() < PATIENCE, "{} has not caught up with the others", self.url());
            sleep(POLL);
        }
    }

    /// A server whose store stays in a folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_in(folder: &Path) -> Result<Self, Fault> {
        Self::on_folder(Folder::lasting(folder)?, "")
    }

    fn on_folder(folder: Folder, settings: &str) -> Result<Self, Fault> {
        let (folder, port) = (Arc::new(folder), port::free()?);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let store = folder.path().join("store");
        let config = format!("listen: \"{address}\"\njetstream {{ store_dir: {store:?} }}\n{settings}\n");
        let path = folder.path().join("nats.conf");
        std::fs::write(&path, config).map_err(Fault::file(path))?;
        let own = Arc::clone(&folder);
        Ok(Self { engine: Engine::start(move || begin(&own, address))?, address, monitor: None, folder })
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The same as an address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its store, its configuration and what it writes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Deref for Nats {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl DerefMut for Nats {
    fn deref_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }
}

/// Starts the program on a folder that holds its configuration.
fn begin(folder: &Folder, address: SocketAddr) -> Result<Process, Fault> {
    let mut command = Command::new(program::nats_server()?);
    command.arg("--config").arg(folder.path().join("nats.conf"));
    folder.log_to(&mut command)?;
    let farewell = Farewell { signal: Signal::TERM, patience: FAREWELL };
    let mut process = Process::start(&mut command, farewell, folder.to_remove())?;
    process.until_ready("nats-server", &folder.log(), || greets(address))?;
    Ok(process)
}

/// Whether a server says who it is at this address, which it does once JetStream is ready.
fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let mut start = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && &start == b"INFO "
}

/// Whether one of several says that it has a leader and holds what the others hold.
fn is_healthy(monitor: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&monitor, Duration::from_secs(1)) else { return false };
    let mut start = [0; "HTTP/1.0 200".len()];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_exact(&mut start).is_ok()
        && start.ends_with(b" 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_lives_dies_and_comes_back() {
        let mut nats = Nats::start();
        let (address, folder) = (nats.address(), nats.folder().to_owned());
        assert!(greets(address));
        nats.freeze();
        assert!(!greets(address), "it is stopped");
        nats.thaw();
        assert!(greets(address));
        nats.kill();
        assert!(TcpStream::connect(address).is_err(), "it was killed");
        nats.restart();
        assert!(greets(address), "it is back at the same place");
        drop(nats);
        assert!(TcpStream::connect(address).is_err() && !folder.exists(), "nothing is left of it");
    }

    #[test]
    fn of_three_one_may_be_gone() {
        let mut three = Nats::start_together(3);
        three[0].kill();
        assert!(!is_healthy(three[0].monitor.expect("one of several")), "it was killed");
        three[1].until_healthy();
        three[0].restart();
        three[0].until_healthy();
    }

    #[test]
    fn what_is_wrong_is_said() {
        let folder = Folder::passing("nats").expect("a folder");
        let fault = Nats::on_folder(folder, "max_payload: {").expect_err("no configuration");
        assert!(matches!(&fault, Fault::Unfit { log, .. } if !log.is_empty()), "{fault}");
    }
}
