//! Who is at the other end of a connection, as the server knows it before any header is read.

use std::net::IpAddr;

/// Facts about a connection that every request on it carries as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address at the other end of the socket; none on a unix socket. A proxy's own address, if it came through one.
    pub address: Option<IpAddr>,
    /// Through which door it came in.
    pub door: Door,
    /// Whether the connection is encrypted.
    pub transport: Transport,
}

/// The kinds of listeners that a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A listener for clients and backends.
    Public,
    /// The admin address.
    Admin,
    /// The control socket in the data folder: who may open it is operator.
    Control,
}

/// What bytes travel in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As they are.
    Plain,
    /// Encrypted by this process.
    Tls,
}
