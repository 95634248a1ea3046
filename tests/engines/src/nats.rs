//! A NATS server with JetStream.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::folder::Folder;
use crate::process::{Farewell, POLL, Process};
use crate::{Fault, port, program};

/// How long it may take to begin; a large stream is read first.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// A NATS server with JetStream on a port of its own; ended when dropped.
#[derive(Debug)]
pub struct Nats {
    process: Option<Process>,
    folder: Folder,
    port: u16,
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

    /// A server whose store stays in a folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_in(folder: &Path) -> Result<Self, Fault> {
        Self::on_folder(Folder::lasting(folder)?, "")
    }

    fn on_folder(folder: Folder, settings: &str) -> Result<Self, Fault> {
        let mut nats = Self { process: None, folder, port: port::free()? };
        let config = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: {:?} }}\n{settings}\n",
            nats.port,
            nats.folder.path().join("store")
        );
        let path = nats.folder.path().join("nats.conf");
        std::fs::write(&path, config).map_err(Fault::file(path))?;
        nats.run()?;
        Ok(nats)
    }

    /// Where clients connect: `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    /// The same as an address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it by SIGKILL; its store stays for [`Self::restart`].
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends it in order; its store stays for [`Self::restart`].
    pub fn shut_down(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port and store, in order if it still runs.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.process = None;
        self.run().unwrap_or_else(|fault| panic!("{fault}"));
    }

    /// Stops its process (SIGSTOP): connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a stopped process go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    fn run(&mut self) -> Result<(), Fault> {
        let (folder, log) = (self.folder.path(), self.folder.log());
        let mut command = Command::new(program::nats_server()?);
        command.arg("--config").arg(folder.join("nats.conf"));
        self.folder.log_to(&mut command)?;
        let farewell = Farewell { signal: Signal::TERM, patience: FAREWELL };
        let mut process = Process::start(&mut command, farewell, self.folder.to_remove())?;
        let start = Instant::now();
        let unfit = |what: String| Fault::Unfit {
            program: "nats-server",
            what,
            log: std::fs::read_to_string(&log).unwrap_or_default(),
        };
        while !greets(self.address()) {
            if let Some(status) = process.ended() {
                return Err(unfit(format!("ended ({status})")));
            }
            if start.elapsed() > PATIENCE {
                return Err(unfit(format!("did not answer within {PATIENCE:?}")));
            }
            sleep(POLL);
        }
        self.process = Some(process);
        Ok(())
    }
}

/// Whether a server says who it is at this address, which it does once JetStream is ready.
fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let mut start = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && &start == b"INFO "
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_lives_dies_and_comes_back() {
        let mut nats = Nats::start();
        let (address, folder) = (nats.address(), nats.folder.path().to_owned());
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
    fn what_is_wrong_is_said() {
        let folder = Folder::passing("nats").expect("a folder");
        let fault = Nats::on_folder(folder, "max_payload: {").expect_err("no configuration");
        assert!(matches!(&fault, Fault::Unfit { log, .. } if !log.is_empty()), "{fault}");
    }
}
