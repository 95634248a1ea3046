//! Who is at the other end of a connection, as the server knows it before any header is read.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

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

impl Peer {
    /// The client's address: the socket's, or where that is a trusted proxy's, the last one in `X-Forwarded-For` that is
    /// not. What stands further left in that header was written by whoever asked.
    pub fn client(&self, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let mut client = self.address?.to_canonical();
        let values = headers.get_all(X_FORWARDED_FOR).into_iter().rev().filter_map(|value| value.to_str().ok());
        for named in values.flat_map(|value| value.rsplit(',')) {
            if !is_trusted(&client) {
                break;
            }
            let Some(address) = address_in(named.trim()) else { break };
            client = address.to_canonical();
        }
        Some(client)
    }
}

/// The address of an entry of `X-Forwarded-For`: some proxies add the port, and some put brackets around IPv6.
fn address_in(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn client(socket: &str, forwarded: &[&str]) -> String {
        let address = Some(socket.parse().unwrap());
        let peer = Peer { address, door: Door::Public, transport: Transport::Plain };
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, value.parse().unwrap());
        }
        peer.client(&headers, &["10.0.0.0/8".parse().unwrap()]).unwrap().to_string()
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
