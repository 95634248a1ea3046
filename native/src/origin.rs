//! Which web pages may talk to the server: those of its own origin, and of the origins that the operator lists.

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use crate::config::Config;
use crate::peer::{Peer, Transport};

/// The origins whose pages may connect and call.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    listed: Vec<String>,
}

/// Where a request comes from, by what its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No browser, or a browser that does not name an origin, since the page is the server's own.
    NoOrigin,
    /// A page of an origin that is allowed.
    Allowed,
    /// A page of any other origin.
    Refused,
}

impl Origins {
    /// The origin of `public_url`, and those that the configuration lists.
    pub(crate) fn new(config: &Config, public_url: &str) -> Self {
        let own = origin_of_url(public_url);
        Self { listed: config.origins.iter().map(|origin| normal(origin)).chain(own).collect() }
    }

    /// Where a request with these headers comes from. Same origin is what the request's own Host says, too: nothing is
    /// authorised by a cookie, so a page that names itself as the host gains nothing that it could not get anyway.
    pub(crate) fn standing(&self, headers: &HeaderMap, peer: &Peer) -> Standing {
        let Some(origin) = headers.get(ORIGIN) else { return Standing::NoOrigin };
        let Ok(origin) = origin.to_str() else { return Standing::Refused };
        let origin = normal(origin);
        let scheme = match peer.transport {
            Transport::Plain => "http",
            Transport::Tls => "https",
        };
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let same = host.is_some_and(|host| normal(&format!("{scheme}://{host}")) == origin);
        if same || self.listed.contains(&origin) { Standing::Allowed } else { Standing::Refused }
    }
}

/// The origin of a page that lies where a WebSocket address points.
fn origin_of_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        "wss" | "https" => "https",
        "ws" | "http" => "http",
        _ => return None,
    };
    let host = rest.split(['/', '?', '#']).next()?;
    Some(normal(&format!("{scheme}://{host}")))
}

/// An origin as browsers write it: lower case, without the scheme's own port, without a slash at its end.
fn normal(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    let port = if origin.starts_with("https://") { ":443" } else { ":80" };
    origin.strip_suffix(port).map(str::to_owned).unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Door;

    fn standing(transport: Transport, host: &str, origin: Option<&str>) -> Standing {
        let config = Config { origins: vec!["https://Chat.example/".into()], ..Config::default() };
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        let peer = Peer { address: None, door: Door::Public, transport };
        Origins::new(&config, "wss://gw1.example/gateway").standing(&headers, &peer)
    }

    #[test]
    fn own_and_listed_origins_are_allowed_and_nothing_else() {
        let plain = |origin| standing(Transport::Plain, "127.0.0.1:8080", origin);
        assert_eq!(plain(None), Standing::NoOrigin);
        for allowed in ["http://127.0.0.1:8080", "https://chat.example", "https://gw1.example:443"] {
            assert_eq!(plain(Some(allowed)), Standing::Allowed, "{allowed}");
        }
        for refused in [
            "https://127.0.0.1:8080",
            "http://127.0.0.1",
            "http://chat.example",
            "https://chat.example.evil",
            "https://chat.example:8443",
            "null",
            "",
        ] {
            assert_eq!(plain(Some(refused)), Standing::Refused, "{refused}");
        }
        assert_eq!(standing(Transport::Tls, "h.example", Some("https://h.example")), Standing::Allowed);
        assert_eq!(standing(Transport::Tls, "h.example", Some("http://h.example")), Standing::Refused);
    }
}
