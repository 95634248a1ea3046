//! Copies of the whole database while the server runs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Store;
use super::error::StoreError;

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// There is a file already.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The database is a server's, not a file of this process.
    #[error("PostgreSQL is backed up by pg_dump; only the database of a single machine is copied here")]
    NotHere,
    /// The file could not be written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database could not be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a copy of the database, as it is now, to the new file `to`, which only this user may read. It is whole and on the
/// disk when this returns: until then it has another name.
///
/// # Errors
/// `to` exists, or can't be written, or the database can't be read.
pub(crate) async fn backup(store: &Store, to: &Path) -> Result<(), BackupError> {
    if !store.engine.can_be_copied() {
        return Err(BackupError::NotHere);
    }
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists { path: to.to_owned() },
        _ => BackupError::File { path: to.to_owned(), source },
    };
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(|source| {
            match source.kind() {
                io::ErrorKind::AlreadyExists => BackupError::Exists { path: partial.clone() },
                _ => BackupError::File { path: partial.clone(), source },
            }
        })?;
    let copied = match store.engine.copy_to(&partial).await {
        // Unlike a rename, a link never takes another file's place.
        Ok(()) => file.sync_all().and_then(|()| std::fs::hard_link(&partial, to)).map_err(failed),
        Err(error) => Err(error.into()),
    };
    let _ = std::fs::remove_file(&partial);
    copied?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::store::tests::{Bench, On, draft};

    #[tokio::test]
    async fn a_copy_is_a_whole_store() {
        let bench = Bench::new(On::Sqlite).await;
        let seqs = bench.store.publish(vec![draft(r#"{"t":"X"}"#)], None).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("sanmon.db");
        backup(&bench.store, &to).await.unwrap();
        assert_eq!(to.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        assert!(matches!(backup(&bench.store, &to).await, Err(BackupError::Exists { .. })));
        let nowhere = folder.path().join("nowhere/sanmon.db");
        assert!(matches!(backup(&bench.store, &nowhere).await, Err(BackupError::File { .. })));

        let config = Config { data: folder.path().to_owned(), ..Config::default() };
        let copy = Store::open(&config, Clock::start(), Arc::new(|_| {})).await.unwrap();
        assert_eq!((copy.head(), copy.log_figures().entries), (seqs[0], 1));
    }
}
