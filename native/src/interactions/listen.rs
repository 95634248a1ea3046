//! Where an interactions server takes connections: one value an address.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Address;
use crate::listen::{ListenError, Listener, TcpOptions};
use crate::tls::Tls;

/// How many connections the kernel holds before they are accepted, unless said otherwise.
const BACKLOG: u32 = 128;

/// One address at which a server takes connections.
#[derive(Debug)]
pub struct Listen {
    place: Place,
    options: TcpOptions,
    tls: Option<Arc<Tls>>,
}

#[derive(Debug)]
enum Place {
    Tcp(SocketAddr),
    Host(String, u16),
    Unix(PathBuf),
    ExistingTcp(std::net::TcpListener),
    ExistingUnix(std::os::unix::net::UnixListener),
}

/// A bound address and how it speaks.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) tls: Option<Arc<Tls>>,
}

impl Listen {
    /// A TCP address; port 0 takes a free one.
    pub fn tcp(address: impl Into<SocketAddr>) -> Self {
        Self::at(Place::Tcp(address.into()))
    }

    /// All addresses of a name, such as `localhost`.
    pub fn host(name: impl Into<String>, port: u16) -> Self {
        Self::at(Place::Host(name.into(), port))
    }

    /// The path of a unix socket. A socket file that nobody serves any more is replaced; any other file is left alone,
    /// and the start fails.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Unix(path.into()))
    }

    /// A TCP socket that listens already.
    pub fn existing_tcp(listener: std::net::TcpListener) -> Self {
        Self::at(Place::ExistingTcp(listener))
    }

    /// A unix socket that listens already.
    pub fn existing_unix(listener: std::os::unix::net::UnixListener) -> Self {
        Self::at(Place::ExistingUnix(listener))
    }

    const fn at(place: Place) -> Self {
        Self { place, options: TcpOptions { backlog: BACKLOG, reuse_address: true, reuse_port: false }, tls: None }
    }

    /// Changes how TCP addresses are bound, by default with a backlog of 128 and `reuse_address`.
    #[must_use]
    pub const fn options(mut self, options: TcpOptions) -> Self {
        self.options = options;
        self
    }

    /// Speaks TLS, over TCP.
    #[must_use]
    pub fn tls(mut self, tls: Arc<Tls>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Binds it, each address of a name.
    pub(super) async fn bind(self) -> Result<Vec<Bound>, ListenError> {
        let Self { place, options, tls } = self;
        let listeners = match place {
            Place::Tcp(address) => vec![Listener::bind(&Address::Tcp(address), options)?],
            Place::Unix(path) => vec![Listener::bind(&Address::Unix(path), options)?],
            Place::ExistingTcp(listener) => vec![Listener::from_tcp(listener).map_err(ListenError::Existing)?],
            Place::ExistingUnix(listener) => vec![Listener::from_unix(listener).map_err(ListenError::Existing)?],
            Place::Host(name, port) => {
                let found = tokio::net::lookup_host((name.as_str(), port)).await;
                let mut addresses: Vec<_> =
                    found.map_err(|source| ListenError::Unresolved { name: name.clone(), source })?.collect();
                addresses.sort_unstable();
                addresses.dedup();
                bind_all(&addresses, options)?
            }
        };
        Ok(listeners.into_iter().map(|listener| Bound { listener, tls: tls.clone() }).collect())
    }
}

/// Binds all addresses; those after the first share its port, if it was to be a free one.
fn bind_all(addresses: &[SocketAddr], options: TcpOptions) -> Result<Vec<Listener>, ListenError> {
    let mut listeners: Vec<Listener> = Vec::with_capacity(addresses.len());
    for address in addresses {
        let mut address = *address;
        if let (0, Some(Address::Tcp(first))) = (address.port(), listeners.first().map(Listener::address)) {
            address.set_port(first.port());
        }
        listeners.push(Listener::bind(&Address::Tcp(address), options)?);
    }
    Ok(listeners)
}
