//! The opening handshake: from a request to a socket that belongs to the hub.
//!
//! Not by `warp::ws()`, which hides the socket behind a large read buffer per connection: the upgrade is awaited here, and
//! the bare stream taken back out of hyper.

use std::task::{Context, Waker};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sanmon_core::gateway::{Close, Code};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::debug;

use crate::config::TrustedProxy;
use crate::hub::{Hub, NoRoom, Stream, Ticket, Upgraded};
use crate::listen::{Io, Strict};
use crate::origin::{Origins, Standing};
use crate::peer::Peer;

/// How long the 101 may take to leave before the connection is given up.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// When a client that found no room is told to try again, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// What is asked of every upgrade.
#[derive(Clone, Debug)]
pub(crate) struct Gatekeeper {
    /// Pages that may connect; others are told so by a close, the only thing that a browser lets them read.
    pub origins: Origins,
    /// Proxies whose word on the client's address counts.
    pub trusted_proxies: Vec<TrustedProxy>,
}

/// Why a request does not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpgradeRefusal {
    /// It does not ask for one as RFC 6455, section 4.2.1, has it.
    #[error("not a WebSocket upgrade: {0}")]
    Malformed(&'static str),
    /// It asks for another version than 13.
    #[error("only version 13 of the WebSocket protocol is spoken here")]
    Version,
    /// There is no place for it.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// Whether a request asks for a WebSocket at all, however badly.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, &UPGRADE, "websocket")
}

impl Gatekeeper {
    /// Answers a GET that asks for a WebSocket: 101, after which the connection is the hub's, or why not.
    pub(crate) fn answer(
        &self,
        hub: &Hub,
        headers: &HeaderMap,
        peer: &Peer,
        upgrade: Option<OnUpgrade>,
    ) -> Response<String> {
        self.admit(hub, headers, peer, upgrade).unwrap_or_else(|refusal| refusal.into_response())
    }

    fn admit(
        &self,
        hub: &Hub,
        headers: &HeaderMap,
        peer: &Peer,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Response<String>, UpgradeRefusal> {
        let accept = check(headers)?;
        let upgrade = upgrade.ok_or(UpgradeRefusal::Malformed("this connection can't be upgraded"))?;
        let ticket = hub.admit(peer.client(headers, &self.trusted_proxies))?;
        let refused = match self.origins.standing(headers, peer) {
            Standing::NoOrigin | Standing::Allowed => None,
            Standing::Refused => Some(Close::new(Code::OriginRefused)),
        };
        tokio::spawn(hand_over(hub.clone(), upgrade, ticket, refused));
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
        Ok(response)
    }
}

/// Waits until the 101 is out, takes the socket out of hyper and the runtime, and gives it to the hub.
async fn hand_over(hub: Hub, upgrade: OnUpgrade, ticket: Ticket, refused: Option<Close>) {
    let upgraded = match timeout(UPGRADE_TIMEOUT, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => return debug!(%error, "an upgrade failed"),
        Err(_) => return debug!("an upgrade took too long"),
    };
    let Ok(parts) = upgraded.downcast::<TokioIo<Strict>>() else {
        return debug!("an upgrade on a connection of an unknown kind");
    };
    let io = parts.io.into_inner().into_inner();
    release_waker(&io);
    match Stream::from_io(io) {
        Ok(stream) => hub.accept(Upgraded { stream, leftover: parts.read_buf, ticket, refused }),
        Err(error) => debug!(%error, "a socket could not be taken out of the runtime"),
    }
}

/// The socket's reader slot still holds the waker of hyper's task and with it the whole task, until it is polled again.
fn release_waker(io: &Io) {
    let mut cx = Context::from_waker(Waker::noop());
    let _ = match io {
        Io::Tcp(stream) => stream.poll_read_ready(&mut cx),
        Io::Unix(stream) => stream.poll_read_ready(&mut cx),
        Io::Tls(stream) => stream.get_ref().0.poll_read_ready(&mut cx),
    };
}

/// Checks the headers of an upgrade: the value of Sec-WebSocket-Accept that answers them.
fn check(headers: &HeaderMap) -> Result<HeaderValue, UpgradeRefusal> {
    if !is_upgrade(headers) {
        return Err(UpgradeRefusal::Malformed("`Upgrade` does not name websocket"));
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(UpgradeRefusal::Malformed("`Connection` does not name upgrade"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
        return Err(UpgradeRefusal::Version);
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).into_iter();
    let key = keys.next().ok_or(UpgradeRefusal::Malformed("`Sec-WebSocket-Key` is missing"))?;
    if keys.next().is_some() {
        return Err(UpgradeRefusal::Malformed("`Sec-WebSocket-Key` stands there more than once"));
    }
    if !BASE64_STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16) {
        return Err(UpgradeRefusal::Malformed("`Sec-WebSocket-Key` is not 16 bytes of base64"));
    }
    Ok(HeaderValue::try_from(derive_accept_key(key.as_bytes())).expect("base64 may stand in a header"))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

impl UpgradeRefusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::NoRoom(NoRoom::Address) => StatusCode::TOO_MANY_REQUESTS,
            Self::NoRoom(NoRoom::Node | NoRoom::Draining | NoRoom::CutOff | NoRoom::Memory) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) => "bad_upgrade",
            Self::Version => "bad_websocket_version",
            Self::NoRoom(NoRoom::Node) => "node_full",
            Self::NoRoom(NoRoom::Draining) => "draining",
            Self::NoRoom(NoRoom::CutOff) => "cut_off",
            Self::NoRoom(NoRoom::Memory) => "no_memory",
            Self::NoRoom(NoRoom::Address) => "too_many_connections",
        }
    }

    fn into_response(self) -> Response<String> {
        let body = serde_json::json!({ "error": { "code": self.code(), "message": self.to_string() } });
        let mut response = Response::new(body.to_string());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Self::Malformed(_) => {}
            Self::Version => {
                headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            }
            Self::NoRoom(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    fn upgrade() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("WebSocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        headers
    }

    #[test]
    fn the_accept_key_is_that_of_the_rfc() {
        assert_eq!(check(&upgrade()).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        for (name, wrong, refusal) in [
            (UPGRADE, "h2c", StatusCode::BAD_REQUEST),
            (CONNECTION, "close", StatusCode::BAD_REQUEST),
            (SEC_WEBSOCKET_VERSION, "8", StatusCode::UPGRADE_REQUIRED),
            (SEC_WEBSOCKET_KEY, "c2hvcnQ=", StatusCode::BAD_REQUEST),
        ] {
            let mut headers = upgrade();
            headers.insert(&name, HeaderValue::from_static(wrong));
            assert_eq!(check(&headers).unwrap_err().status(), refusal, "{name}: {wrong}");
            headers.remove(&name);
            assert_eq!(check(&headers).unwrap_err().status(), refusal, "no {name}");
        }
        let mut doubled = upgrade();
        doubled.append(SEC_WEBSOCKET_KEY, doubled[SEC_WEBSOCKET_KEY].clone());
        assert_eq!(check(&doubled).unwrap_err().status(), StatusCode::BAD_REQUEST);
        let full = UpgradeRefusal::from(NoRoom::Node).into_response();
        assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(full.headers()[RETRY_AFTER], "5");
    }
}
