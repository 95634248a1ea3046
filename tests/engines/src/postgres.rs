//! A PostgreSQL server.

mod site;

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use self::site::Site;
use crate::folder::Folder;
use crate::{Engine, Fault};

/// What survives what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// What is committed survives the server, but not the machine: nothing waits for a disk.
    Process,
    /// What is committed is on the disk.
    Disk,
}

/// A certificate for 127.0.0.1 and its key: files of PEM.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// The certificate.
    pub cert: &'a Path,
    /// Its key.
    pub key: &'a Path,
}

/// A PostgreSQL server on a port of its own; ended when dropped.
#[derive(Debug)]
pub struct Postgres {
    engine: Engine,
    site: Arc<Site>,
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

    /// An empty server that also speaks TLS. Who comes as [`Self::GUARDED`] has to do so, and to give [`Self::PASSWORD`].
    ///
    /// # Panics
    /// As [`Self::shared`].
    #[must_use]
    pub fn start_guarded(certificate: Certificate<'_>) -> Self {
        let start = || {
            let folder = Folder::passing("postgres")?;
            let postgres = Self::on(Site::new(folder, Durability::Process)?.encrypted_by(certificate)?)?;
            let role = format!("CREATE ROLE {} LOGIN PASSWORD '{}'", Self::GUARDED, Self::PASSWORD);
            postgres.site.ask("postgres", &role)?;
            Ok(postgres)
        };
        start().unwrap_or_else(|fault: Fault| panic!("{fault}"))
    }

    /// Who has to show a password, and to speak TLS.
    pub const GUARDED: &str = "guarded";
    /// The password.
    pub const PASSWORD: &str = "p@ss/word";

    fn on_folder(folder: Folder, durability: Durability) -> Result<Self, Fault> {
        Self::on(Site::new(folder, durability)?)
    }

    fn on(site: Site) -> Result<Self, Fault> {
        let site = Arc::new(site);
        let own = Arc::clone(&site);
        Ok(Self { engine: Engine::start(move || own.begin())?, site, databases: AtomicU32::new(0) })
    }

    /// Where clients connect to a database: `postgres://sanmon@127.0.0.1:PORT/NAME`.
    pub fn url(&self, database: &str) -> String {
        self.site.url(database)
    }

    /// The address of the server.
    pub fn address(&self) -> SocketAddr {
        self.site.address()
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
        let is_there = self.site.ask("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{database}'"))?;
        if is_there.is_empty() {
            self.site.ask("postgres", &format!("CREATE DATABASE {database}"))?;
        }
        Ok(())
    }

    /// What a statement returns, a line a row, columns parted by `|`.
    ///
    /// # Panics
    /// It fails.
    pub fn query(&self, database: &str, statement: &str) -> String {
        self.site.ask(database, statement).unwrap_or_else(|fault| panic!("{fault}"))
    }
}

impl Deref for Postgres {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn what_is_committed_survives_the_server() {
        let mut postgres = Postgres::start();
        let folder = postgres.site.folder.path().to_owned();
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
