//! How much room the disk of the data folder has left, and what of it is kept back.

use std::io;
use std::path::{Path, PathBuf};

/// The bytes that this user may still write to the disk that holds `path`.
///
/// # Errors
/// The system's, such as for a path that is not there.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Room on the disk that is kept for what has to go on while it is nearly full.
#[derive(Clone, Debug)]
pub(crate) struct Reserve {
    /// A folder on that disk.
    pub(crate) folder: PathBuf,
    /// How much; 0 for none.
    pub(crate) bytes: u64,
}

impl Reserve {
    /// Whether no more than the reserve is left. Of a disk that does not say, its own refusals tell.
    pub(crate) fn is_all(&self) -> bool {
        self.bytes > 0 && free_bytes(&self.folder).is_ok_and(|free| free < self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_and_a_path_that_is_not_there_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert_eq!(free_bytes(&folder.path().join("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_reserve_is_all_that_is_left_when_less_than_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = |bytes| Reserve { folder: folder.path().to_owned(), bytes }.is_all();
        assert_eq!([reserve(0), reserve(1), reserve(u64::MAX)], [false, false, true]);
        assert!(!Reserve { folder: folder.path().join("absent"), bytes: u64::MAX }.is_all());
    }
}
