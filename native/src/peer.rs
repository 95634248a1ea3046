//! Who is at the other end of a connection, as the server knows it before any header is read.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::config::TrustedProxy;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Facts about a connection that every request on it carries as an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The address at the other end of the socket; none on a unix socket. A proxy's own address, if it came through one.
    pub address: Option<IpAddr>,
    /// Through which door it came in.
    pub door: Door,
    /// Whether the connection is encrypted.
    pub transport: Transport,
}

impl Peer {
    /// The client's address: the socket's, or where that is a trusted proxy's, the last one in `X-Forwarded-For` that is
    /// not. What stands further left in that header was written by whoever asked. None on a unix socket, unless whoever
    /// connects to those is trusted and names one.
    pub(crate) fn client(&self, headers: &HeaderMap, trusted: &[TrustedProxy]) -> Option<IpAddr> {
        let is_trusted = |peer: Option<IpAddr>| trusted.iter().any(|proxy| proxy.is(peer));
        let mut client = self.address.map(|address| address.to_canonical());
        let values = headers.get_all(X_FORWARDED_FOR).into_iter().rev().filter_map(|value| value.to_str().ok());
        for named in values.flat_map(|value| value.rsplit(',')) {
            if !is_trusted(client) {
                break;
            }
            let Some(address) = address_in(named.trim()) else { break };
            client = Some(address.to_canonical());
        }
        client
    }
}

/// The address of an entry of `X-Forwarded-For`: some proxies add the port, and some put brackets around IPv6.
fn address_in(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The kinds of listeners that a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// A listener for clients and backends.
    Public,
    /// The admin address.
    Admin,
    /// The control socket in the data folder: who may open it is operator.
    Control,
}

/// What bytes travel in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// As they are.
    Plain,
    /// Encrypted by this process.
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(socket: &str, forwarded: &[&str]) -> String {
        client_by(Some(socket.parse().unwrap()), forwarded, &["10.0.0.0/8"]).unwrap().to_string()
    }

    fn client_by(address: Option<IpAddr>, forwarded: &[&str], trusted: &[&str]) -> Option<IpAddr> {
        let peer = Peer { address, door: Door::Public, transport: Transport::Plain };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
        peer.client(&headers, &trusted)
    }

    #[test]
    fn a_proxy_on_a_unix_socket_is_believed_where_it_is_said_to_be_one() {
        let (named, far, near) = (["198.51.100.7"], "198.51.100.7".parse().ok(), "10.0.0.1".parse().ok());
        assert_eq!(client_by(None, &named, &["unix"]), far);
        assert_eq!(client_by(None, &["198.51.100.7, 10.0.0.1"], &["unix", "10.0.0.1"]), far);
        assert_eq!(client_by(None, &["198.51.100.7, 10.0.0.1"], &["unix"]), near);
        assert_eq!(client_by(None, &[], &["unix"]), None);
        assert_eq!(client_by(None, &named, &["10.0.0.0/8", "0.0.0.0/0"]), None);
        assert_eq!(client_by(near, &named, &["unix"]), near);
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("::ffff:10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.7, nonsense"]), "10.0.0.1");
        for (named, meant) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("[198.51.100.7", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", &[named]), meant, "{named}");
        }
    }
}
