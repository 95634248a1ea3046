//! How much room the disk of the data folder has left.

use std::io;
use std::path::Path;

/// The bytes that this user may still write to the disk that holds `path`.
///
/// # Errors
/// The system's, such as for a path that is not there.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
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
}
