//! Where connections come from: TCP addresses, unix sockets and inherited sockets, plain or encrypted.

mod framing;
mod io;
mod pace;
mod patience;
mod strict;
mod unix;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

pub(crate) use self::io::Io;
pub(crate) use self::pace::Pace;
pub(crate) use self::patience::Patience;
pub(crate) use self::strict::Strict;
use crate::config::{Address, Config};

/// A socket that takes connections. A unix socket's file goes when the listener is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    kind: Kind,
    address: Address,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "its drop removes the file")] Option<unix::SocketFile>),
}

/// How a TCP address is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Connections that the kernel holds before they are accepted.
    pub backlog: u32,
    /// Whether the address may be bound while connections of an earlier server are still in TIME_WAIT.
    pub reuse_address: bool,
    /// Whether other processes may bind the same port.
    pub reuse_port: bool,
}

impl From<&Config> for TcpOptions {
    fn from(config: &Config) -> Self {
        // A server that starts again need not wait for the old one's connections to leave TIME_WAIT.
        Self { backlog: config.backlog, reuse_address: true, reuse_port: config.reuse_port }
    }
}

/// Why nothing can be taken at an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Someone else listens there.
    #[error("{address} is in use: stop what listens there, or listen elsewhere")]
    InUse {
        /// Where.
        address: Address,
    },
    /// The file is there and no socket, so it is not ours to replace.
    #[error("{} is there and is no socket: remove it, or listen elsewhere", path.display())]
    NotASocket {
        /// Which file.
        path: PathBuf,
    },
    /// The kernel takes no socket path this long.
    #[error("{} is too long for a unix socket, which takes at most 107 bytes: choose a shorter path", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("can't listen on {address}: {source}")]
    Refused {
        /// Where.
        address: Address,
        /// Why.
        source: std::io::Error,
    },
    /// A name has no addresses.
    #[error("{name} can't be found: {source}")]
    Unresolved {
        /// The name.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// A socket that was given can't be used.
    #[error("the socket can't be used: {0}")]
    Existing(#[source] std::io::Error),
    /// An inherited socket is neither TCP nor a unix stream socket.
    #[error("inherited socket {index} is neither TCP nor a unix stream socket")]
    BadInherited {
        /// Its place among the inherited ones, from 0.
        index: usize,
    },
}

impl Listener {
    /// Listens at an address.
    ///
    /// # Errors
    /// A [`ListenError`] that says what stands there.
    pub(crate) fn bind(address: &Address, options: impl Into<TcpOptions>) -> Result<Self, ListenError> {
        match address {
            Address::Tcp(at) => bind_tcp(*at, options.into()).map_err(|source| refused(address, source)),
            Address::Unix(path) => {
                let (listener, file) = unix::bind(path)?;
                Ok(Self { kind: Kind::Unix(listener, Some(file)), address: address.clone() })
            }
        }
    }

    /// Listens on a unix socket that only this user may open, from its birth on. Whatever was at `path` is replaced:
    /// the caller owns the folder.
    ///
    /// # Errors
    /// A [`ListenError`] that says what stands in the way.
    pub(crate) fn bind_private(path: &Path) -> Result<Self, ListenError> {
        let (listener, file) = unix::bind_private(path)?;
        Ok(Self { kind: Kind::Unix(listener, Some(file)), address: Address::Unix(path.to_owned()) })
    }

    /// A TCP socket that listens already.
    ///
    /// # Errors
    /// Those of the system, such as that it is no such socket.
    pub(crate) fn from_tcp(listener: std::net::TcpListener) -> std::io::Result<Self> {
        tcp_listener(listener)
    }

    /// A unix socket that listens already. Who made it removes its file.
    ///
    /// # Errors
    /// As [`Self::from_tcp`].
    pub(crate) fn from_unix(listener: std::os::unix::net::UnixListener) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let path = listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
        let address = Address::Unix(path.unwrap_or_else(|| PathBuf::from("inherited")));
        Ok(Self { kind: Kind::Unix(UnixListener::from_std(listener)?, None), address })
    }

    /// The sockets that the process inherited by `LISTEN_FDS`, such as from systemd; none if there are none.
    ///
    /// # Errors
    /// [`ListenError::BadInherited`] for one that takes no streams.
    pub(crate) fn inherited() -> Result<Vec<Self>, ListenError> {
        let mut sockets = ListenFd::from_env();
        (0..sockets.len()).map(|index| inherit(&mut sockets, index)).collect()
    }

    /// Where it listens: the bound port, where port 0 was asked for.
    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    /// The next connection, and the address at its other end.
    ///
    /// # Errors
    /// Those of `accept(2)`: about one connection, or about the process, such as too many open files.
    pub(crate) async fn accept(&self) -> std::io::Result<(Io, Option<IpAddr>)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Io::Tcp(stream), Some(peer.ip().to_canonical())))
            }
            Kind::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Io::Unix(stream), None))
            }
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

fn bind_tcp(address: SocketAddr, options: TcpOptions) -> std::io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(options.reuse_address)?;
    socket.set_reuse_port(options.reuse_port)?;
    // Accepted sockets inherit it, which saves a system call for each.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    tcp_listener(socket.into())
}

fn tcp_listener(listener: std::net::TcpListener) -> std::io::Result<Listener> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let address = Address::Tcp(listener.local_addr()?);
    Ok(Listener { kind: Kind::Tcp(listener), address })
}

fn inherit(sockets: &mut ListenFd, index: usize) -> Result<Listener, ListenError> {
    let bad = |_| ListenError::BadInherited { index };
    if let Ok(Some(listener)) = sockets.take_tcp_listener(index) {
        return tcp_listener(listener).map_err(bad);
    }
    let listener = sockets.take_unix_listener(index).map_err(bad)?.ok_or(ListenError::BadInherited { index })?;
    Listener::from_unix(listener).map_err(bad)
}

fn refused(address: &Address, source: std::io::Error) -> ListenError {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => ListenError::InUse { address: address.clone() },
        _ => ListenError::Refused { address: address.clone(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> Address {
        "127.0.0.1:0".parse().unwrap()
    }

    #[tokio::test]
    async fn port_zero_becomes_a_real_one_and_sockets_do_not_wait_to_fill_a_packet() {
        let listener = Listener::bind(&local(), &Config::default()).unwrap();
        let Address::Tcp(address) = *listener.address() else { panic!("a TCP address") };
        assert_ne!(address.port(), 0);

        let client = tokio::net::TcpStream::connect(address).await.unwrap();
        let (io, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, Some(client.local_addr().unwrap().ip()));
        assert!(matches!(io, Io::Tcp(stream) if stream.nodelay().unwrap()));
    }

    #[tokio::test]
    async fn an_address_in_use_is_said_to_be() {
        let first = Listener::bind(&local(), &Config::default()).unwrap();
        let error = Listener::bind(first.address(), &Config::default()).unwrap_err();
        assert!(matches!(&error, ListenError::InUse { address } if address == first.address()), "{error}");
    }

    #[tokio::test]
    async fn a_port_may_be_shared_by_those_who_both_say_so() {
        let config = Config { reuse_port: true, ..Config::default() };
        let first = Listener::bind(&local(), &config).unwrap();
        assert!(Listener::bind(first.address(), &config).is_ok());
    }
}
