//! Unix sockets: what may be replaced, who may open them, and that their files go with them.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

use super::ListenError;
use crate::config::Address;

/// The longest path that fits into `sockaddr_un` with its closing zero.
const MAX_PATH_BYTES: usize = 107;

/// The file of a socket, removed on drop as long as it is still that socket's.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), inode: fs::symlink_metadata(path)?.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have replaced it in the meantime.
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at `path`, in place of a socket that nobody serves any more.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), ListenError> {
    check_length(path)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(ListenError::NotASocket { path: path.to_owned() });
        }
        Ok(_) if is_served(path) => return Err(ListenError::InUse { address: Address::Unix(path.to_owned()) }),
        Ok(_) => fs::remove_file(path).map_err(|source| refused(path, source))?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(|source| refused(path, source))?;
    let file = SocketFile::of(path).map_err(|source| refused(path, source))?;
    Ok((listener, file))
}

/// Listens at `path` with mode 0600: born in a folder that only this user may enter, then moved to its place.
pub(super) fn bind_private(path: &Path) -> Result<(UnixListener, SocketFile), ListenError> {
    check_length(path)?;
    let nursery = path.with_file_name(".ctl");
    let bound = bind_in(&nursery, path).map_err(|source| refused(path, source));
    let _ = fs::remove_dir_all(&nursery);
    bound
}

fn bind_in(nursery: &Path, path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    // One that a killed server left behind.
    let _ = fs::remove_dir_all(nursery);
    DirBuilder::new().mode(0o700).create(nursery)?;
    let born = nursery.join("s");
    let listener = UnixListener::bind(&born)?;
    fs::set_permissions(&born, Permissions::from_mode(0o600))?;
    fs::rename(&born, path)?;
    Ok((listener, SocketFile::of(path)?))
}

/// Whether a process listens on the socket. A full queue counts as such, and does not make us wait.
fn is_served(path: &Path) -> bool {
    let connected = Socket::new(Domain::UNIX, Type::STREAM, None).and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    });
    match connected {
        Ok(()) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound),
    }
}

fn check_length(path: &Path) -> Result<(), ListenError> {
    match path.as_os_str().len() {
        0..=MAX_PATH_BYTES => Ok(()),
        _ => Err(ListenError::TooLong { path: path.to_owned() }),
    }
}

fn refused(path: &Path, source: io::Error) -> ListenError {
    super::refused(&Address::Unix(path.to_owned()), source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_replaced_and_its_file_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());

        let bound = bind(&path).unwrap();
        assert!(matches!(bind(&path), Err(ListenError::InUse { .. })));
        drop(bound);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        fs::write(&path, "data").unwrap();
        assert!(matches!(bind(&path), Err(ListenError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "data");

        let long = folder.path().join("x".repeat(120));
        assert!(matches!(bind(&long), Err(ListenError::TooLong { .. })));
    }

    #[tokio::test]
    async fn a_private_socket_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let old = bind_private(&path).unwrap();
        let new = bind_private(&path).unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        drop(old);
        assert!(path.exists(), "the file is the new listener's");
        drop(new);
        assert!(!path.exists());
    }
}
