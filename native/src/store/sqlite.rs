//! What is particular to SQLite: the file in the data folder, its lock, and how connections are set up.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection};

use super::error::{FolderError, StoreError};

/// How long a reader waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The database file of a data folder.
#[derive(Clone, Debug)]
pub(super) struct Database {
    options: AnyConnectOptions,
}

/// The data folder, held by this process alone until dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
    /// The size of the write-ahead log when the disk was last asked whether it is well.
    grown_to: u64,
}

impl Folder {
    /// Makes the folder if there is none, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::File { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock = private_file(&path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock, grown_to: 0 }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse { folder: path }),
            Err(TryLockError::Error(source)) => Err(FolderError::File { path: path.join("lock"), source }),
        }
    }

    /// Where the folder is, as an absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the disk was well while a commit was synced. A sync of a file that grew may succeed on a file system that fails
    /// meanwhile, and what it should have kept is gone: ext4 of Linux 6.18 does so in one of ten failures. What stays within the
    /// file is not asked about.
    pub(super) fn confirm(&mut self) -> io::Result<()> {
        let size = std::fs::metadata(self.path.join("sanmon.db-wal")).map_or(0, |file| file.len());
        if size == self.grown_to {
            return Ok(());
        }
        self.prove()?;
        self.grown_to = size;
        Ok(())
    }

    /// Changes something that a file system which failed does not take, however recently it did: a file's length. That of
    /// the lock says nothing to anybody.
    pub(super) fn prove(&self) -> io::Result<()> {
        let length = self.lock.metadata()?.len();
        self.lock.set_len(u64::from(length == 0))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing alone would leave it locked for as long as a child process, forked meanwhile by any thread of this one, has
        // its copy of the descriptor.
        let _ = self.lock.unlock();
    }
}

impl Database {
    /// The database file of this folder, made if there is none.
    pub(super) fn of(folder: &Folder) -> Result<Self, FolderError> {
        sqlx::any::install_default_drivers();
        let path = folder.path().join("sanmon.db");
        // SQLite gives its side files the mode of the file that it finds.
        drop(private_file(&path)?);
        let url = SqliteConnectOptions::new().filename(&path).to_url_lossy();
        let options = AnyConnectOptions::from_url(&url)
            .map_err(|error| FolderError::Database { folder: folder.path().to_owned(), reason: error.to_string() })?;
        Ok(Self { options: options.disable_statement_logging() })
    }

    /// The connection that writes.
    pub(super) async fn writer(&self) -> Result<AnyConnection, StoreError> {
        let mut conn = self.options.connect().await?;
        for pragma in [
            "PRAGMA journal_mode = WAL",
            // Each commit is on the disk before it is answered.
            "PRAGMA synchronous = FULL",
            "PRAGMA busy_timeout = 5000",
            "PRAGMA foreign_keys = ON",
            // In pages of 4 KiB: a checkpoint syncs two files, so it should not come after every few commits.
            "PRAGMA wal_autocheckpoint = 4000",
            "PRAGMA journal_size_limit = 67108864",
            "PRAGMA cache_size = -16000",
        ] {
            sqlx::raw_sql(pragma).execute(&mut conn).await?;
        }
        Ok(conn)
    }

    /// Connections that only read.
    pub(super) fn readers(&self) -> AnyPool {
        let connections = std::thread::available_parallelism().map_or(4, |cores| cores.get() as u32 + 2);
        AnyPoolOptions::new()
            .max_connections(connections.clamp(4, 16))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .max_lifetime(None)
            .after_connect(|conn, _| {
                Box::pin(async move {
                    for pragma in ["PRAGMA busy_timeout = 5000", "PRAGMA query_only = ON"] {
                        sqlx::raw_sql(pragma).execute(&mut *conn).await?;
                    }
                    Ok(())
                })
            })
            .connect_lazy_with(self.options.clone())
    }

    /// Writes a copy of the whole database, as it is now, to the empty file `to`.
    pub(super) async fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        let path = to.to_str().ok_or_else(|| StoreError::Unavailable("the path is not UTF-8".into()))?;
        let mut conn = self.options.connect().await?;
        sqlx::query("VACUUM INTO $1").bind(path.to_owned()).execute(&mut conn).await?;
        conn.close().await?;
        Ok(())
    }
}

/// Moves what the write-ahead log holds into the database file, so that a clean stop leaves one file behind.
pub(super) async fn checkpoint(conn: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(conn).await?;
    Ok(())
}

/// The statement that begins a transaction which writes: it takes the write lock at once, never half-way.
pub(super) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

/// Opens a file that only this user may read, and makes it if there is none.
fn private_file(path: &Path) -> Result<File, FolderError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|source| FolderError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_once_it_is_dropped_whoever_has_inherited_its_descriptor() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::take(path.path()).unwrap();
        let inherited = folder.lock.try_clone().unwrap();
        assert!(matches!(Folder::take(path.path()), Err(FolderError::InUse { .. })));
        drop(folder);
        let again = Folder::take(path.path()).unwrap();
        // Nor does it matter when that one is closed.
        drop(inherited);
        assert!(matches!(Folder::take(path.path()), Err(FolderError::InUse { .. })));
        drop(again);
    }

    #[test]
    fn a_disk_that_takes_no_change_is_not_well_once_the_file_grew() {
        let data = tempfile::tempdir().unwrap();
        let mut folder = Folder::take(data.path()).unwrap();
        let wal = folder.path().join("sanmon.db-wal");
        std::fs::write(&wal, "frames").unwrap();
        folder.confirm().unwrap();
        // A file that is open for reading alone can't be given another length, as on a disk that failed.
        folder.lock = File::open(folder.path().join("lock")).unwrap();
        folder.confirm().unwrap();
        std::fs::write(&wal, "more frames").unwrap();
        folder.confirm().unwrap_err();
        // Nor is it taken for well when it is asked again.
        folder.confirm().unwrap_err();
    }
}
