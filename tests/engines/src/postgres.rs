//! A PostgreSQL server.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};

use crate::folder::Folder;
use crate::process::{Farewell, POLL, Process};
use crate::{Fault, port, program};

/// How long it may take to begin, a recovery included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// The user that PostgreSQL runs as when its owner is root, as which it refuses to run: `nobody`, and its group.
const NOBODY: u32 = 65_534;

/// What survives what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What is committed survives the server, but not the machine: nothing waits for a disk.
    Process,
    /// What is committed is on the disk.
    Disk,
}

/// A PostgreSQL server on a port of its own; ended when dropped.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    folder: Folder,
    port: u16,
    durability: Durability,
    databases: AtomicU32,
}

impl Postgres {
    /// The one that all tests of a process share, which ends with the process: for tests that leave it running.
    ///
    /// # Panics
    /// It does not start; the message says what is missing.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// An empty server on a free port, which does not wait for disks.
    ///
    /// # Panics
    /// As [`Self::shared`].
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Durability::Process)
    }

    /// An empty server on a free port.
    ///
    /// # Panics
    /// As [`Self::shared`].
    #[must_use]
    pub fn start_with(durability: Durability) -> Self {
        let started = Folder::passing("postgres").and_then(|folder| Self::on_folder(folder, durability));
        started.unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// A server whose data stays in a folder, on the disk.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_in(folder: &Path) -> Result<Self, Fault> {
        Self::on_folder(Folder::lasting(folder)?, Durability::Disk)
    }

    fn on_folder(folder: Folder, durability: Durability) -> Result<Self, Fault> {
        let databases = AtomicU32::new(0);
        let mut postgres = Self { process: None, folder, port: port::free()?, durability, databases };
        postgres.create()?;
        postgres.run()?;
        Ok(postgres)
    }

    /// Where clients connect to a database: `postgres://sanmon@127.0.0.1:PORT/NAME`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://sanmon@{}/{database}", self.address())
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Makes a new database and returns where clients connect to it.
    ///
    /// # Panics
    /// It can't be made.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Makes a database of this name unless it is there.
    ///
    /// # Errors
    /// It can't be made.
    pub fn ensure(&self, database: &str) -> Result<(), Fault> {
        let is_there = self.ask("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{database}'"))?;
        if is_there.is_empty() {
            self.ask("postgres", &format!("CREATE DATABASE {database}"))?;
        }
        Ok(())
    }

    /// What a statement returns, a line a row, columns parted by `|`.
    ///
    /// # Panics
    /// It fails.
    pub fn query(&self, database: &str, statement: &str) -> String {
        self.ask(database, statement).unwrap_or_else(|fault| panic!("{fault}"))
    }

    /// The process id of its first process while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it by SIGKILL; its data stays for [`Self::restart`].
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            // Its children would end by themselves, but could still commit until they notice.
            process.signal(Signal::KILL);
            process.kill();
        }
    }

    /// Ends it at once, which its next start recovers from; its data stays for [`Self::restart`].
    pub fn shut_down(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port and data; what still runs is ended first.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.process = None;
        self.run().unwrap_or_else(|fault| panic!("{fault}"));
    }

    /// Stops its processes (SIGSTOP): connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets stopped processes go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Fills the folder unless it is filled already.
    fn create(&self) -> Result<(), Fault> {
        let folder = self.folder.path();
        if folder.join("data").join("PG_VERSION").exists() {
            return Ok(());
        }
        if geteuid().is_root() {
            std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY)).map_err(Fault::file(folder))?;
            let mut look = Command::new("test");
            look.arg("-x").arg(folder).uid(NOBODY).gid(NOBODY);
            if !look.status().is_ok_and(|status| status.success()) {
                return Err(Fault::Unreachable { path: folder.to_owned() });
            }
        }
        let mut initdb = self.program("initdb")?;
        initdb.arg("--pgdata").arg(folder.join("data"));
        initdb.args(["--username=sanmon", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.arg("--no-instructions"), "initdb")?;
        Ok(())
    }

    fn run(&mut self) -> Result<(), Fault> {
        let start = Instant::now();
        loop {
            match self.attempt() {
                Ok(process) => {
                    self.process = Some(process);
                    return Ok(());
                }
                // After SIGKILL it waits until the last of the old processes is gone, and says so by ending.
                Err(Fault::Unfit { .. }) if start.elapsed() < PATIENCE / 4 => sleep(Duration::from_millis(100)),
                Err(fault) => return Err(fault),
            }
        }
    }

    fn attempt(&self) -> Result<Process, Fault> {
        let log = self.folder.log();
        let _ = std::fs::remove_file(&log);
        let mut command = self.program("postgres")?;
        command.arg("-D").arg(self.folder.path().join("data"));
        let fsync = if self.durability == Durability::Disk { "on" } else { "off" };
        let port = self.port.to_string();
        let settings = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", ""),
            ("max_connections", "200"),
            ("shared_buffers", "64MB"),
            ("wal_level", "minimal"),
            ("max_wal_senders", "0"),
            ("fsync", fsync),
            ("full_page_writes", fsync),
        ];
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // SIGQUIT: ends at once, but takes its shared memory with it.
        self.folder.log_to(&mut command)?;
        let farewell = Farewell { signal: Signal::QUIT, patience: FAREWELL };
        let mut process = Process::start(&mut command, farewell, self.folder.to_remove())?;
        let start = Instant::now();
        let unfit = |what: String| Fault::Unfit {
            program: "postgres",
            what,
            log: std::fs::read_to_string(&log).unwrap_or_default(),
        };
        while TcpStream::connect(self.address()).is_err() || self.ask("postgres", "SELECT 1").is_err() {
            if let Some(status) = process.ended() {
                return Err(unfit(format!("ended ({status})")));
            }
            if start.elapsed() > PATIENCE {
                return Err(unfit(format!("did not answer within {PATIENCE:?}")));
            }
            sleep(POLL);
        }
        Ok(process)
    }

    fn ask(&self, database: &str, statement: &str) -> Result<String, Fault> {
        let mut psql = self.program("psql")?;
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--command", statement, &self.url(database)]).env("PGCONNECT_TIMEOUT", "5");
        let output = run(&mut psql, "psql")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// One of PostgreSQL's programs, as a user that it accepts, without what the owner's environment would change.
    fn program(&self, name: &str) -> Result<Command, Fault> {
        let mut command = Command::new(program::postgres()?.join(name));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").current_dir(self.folder.path());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }
}

/// Runs one of its programs to its end.
fn run(command: &mut Command, program: &'static str) -> Result<Output, Fault> {
    let path = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|source| Fault::Start { program: path, source })?;
    if output.status.success() {
        return Ok(output);
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Fault::Unfit { program, what: format!("failed ({})", output.status), log })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_survives_the_server() {
        let mut postgres = Postgres::start();
        let folder = postgres.folder.path().to_owned();
        postgres.query("postgres", "CREATE TABLE kept (word TEXT)");
        postgres.query("postgres", "INSERT INTO kept VALUES ('tea')");
        postgres.kill();
        assert!(TcpStream::connect(postgres.address()).is_err(), "it was killed");
        postgres.restart();
        assert_eq!(postgres.query("postgres", "SELECT word FROM kept"), "tea");
        postgres.restart();
        assert_eq!(postgres.query("postgres", "SELECT word FROM kept"), "tea");
        let address = postgres.address();
        drop(postgres);
        assert!(TcpStream::connect(address).is_err() && !folder.exists(), "nothing is left of it");
    }

    #[test]
    fn databases_of_the_shared_server_are_apart() {
        let (one, other) = (Postgres::shared().database(), Postgres::shared().database());
        assert_ne!(one, other);
        Postgres::shared().ensure("named").expect("a database");
        Postgres::shared().ensure("named").expect("the same database");
        assert_eq!(Postgres::shared().query("named", "SELECT current_database()"), "named");
    }
}
