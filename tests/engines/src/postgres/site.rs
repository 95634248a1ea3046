//! A folder with PostgreSQL's data, and its programs on it.

use std::fs::Permissions;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Signal, geteuid};

use super::{Certificate, Durability, Postgres};
use crate::folder::Folder;
use crate::process::{Farewell, PATIENCE, Process};
use crate::{Fault, port, program};

/// How long it may take to end once it was asked to.
const FAREWELL: Duration = Duration::from_secs(5);

/// The user that PostgreSQL runs as when its owner is root, as which it refuses to run: `nobody`, and its group.
const NOBODY: u32 = 65_534;

/// Where a certificate and its key are, in the folder of the data.
const CERT: &str = "cert.pem";
const KEY: &str = "key.pem";

/// Where a server is, and how it runs there.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) folder: Folder,
    port: u16,
    durability: Durability,
    /// Whether the folder holds a certificate.
    is_encrypted: bool,
}

impl Site {
    /// A folder, filled unless it is filled already, and a free port.
    pub(super) fn new(folder: Folder, durability: Durability) -> Result<Self, Fault> {
        let site = Self { folder, port: port::free()?, durability, is_encrypted: false };
        site.create()?;
        Ok(site)
    }

    /// Takes the certificate, and asks [`Postgres::GUARDED`] for its password.
    pub(super) fn encrypted_by(mut self, certificate: Certificate<'_>) -> Result<Self, Fault> {
        let data = self.folder.path().join("data");
        for (from, name) in [(certificate.cert, CERT), (certificate.key, KEY)] {
            let to = data.join(name);
            std::fs::copy(from, &to).map_err(Fault::file(from))?;
            std::fs::set_permissions(&to, Permissions::from_mode(0o600)).map_err(Fault::file(&to))?;
            self.give(&to)?;
        }
        let who = Postgres::GUARDED;
        let rules = format!(
            "hostssl all {who} 127.0.0.1/32 scram-sha-256\nhost all {who} 127.0.0.1/32 reject\nhost all sanmon 127.0.0.1/32 trust\n"
        );
        let path = data.join("pg_hba.conf");
        std::fs::write(&path, rules).map_err(Fault::file(&path))?;
        self.is_encrypted = true;
        Ok(self)
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(super) fn url(&self, database: &str) -> String {
        format!("postgres://sanmon@{}/{database}", self.address())
    }

    /// Fills the folder unless it is filled already.
    fn create(&self) -> Result<(), Fault> {
        let folder = self.folder.path();
        if folder.join("data").join("PG_VERSION").exists() {
            return Ok(());
        }
        self.give(folder)?;
        if geteuid().is_root() {
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

    /// Gives a file or folder to whom the server runs as.
    fn give(&self, path: &Path) -> Result<(), Fault> {
        if geteuid().is_root() {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).map_err(Fault::file(path))?;
        }
        Ok(())
    }

    pub(super) fn begin(&self) -> Result<Process, Fault> {
        let start = Instant::now();
        loop {
            match self.attempt() {
                // After SIGKILL it waits until the last of the old processes is gone, and says so by ending.
                Err(Fault::Unfit { .. }) if start.elapsed() < PATIENCE / 4 => sleep(Duration::from_millis(100)),
                tried => return tried,
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
        let encryption = [("ssl", "on"), ("ssl_cert_file", CERT), ("ssl_key_file", KEY)];
        for (name, value) in settings.iter().chain(encryption.iter().filter(|_| self.is_encrypted)) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // SIGQUIT: ends at once, but takes its shared memory with it.
        self.folder.log_to(&mut command)?;
        let farewell = Farewell { signal: Signal::QUIT, patience: FAREWELL };
        let mut process = Process::start(&mut command, farewell, self.folder.to_remove())?;
        let is_ready = || TcpStream::connect(self.address()).is_ok() && self.ask("postgres", "SELECT 1").is_ok();
        process.until_ready("postgres", &log, is_ready)?;
        Ok(process)
    }

    pub(super) fn ask(&self, database: &str, statement: &str) -> Result<String, Fault> {
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
