//! How a client finds a server and connects to it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::header::RETRY_AFTER;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, ClientRequestBuilder};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::trust::{Trust, TrustError};
use crate::causes::with_causes;

/// How long finding a server, or connecting to it, may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The most that is read of an answer to `/available`.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// How much is read from the socket at once.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// What a WebSocket runs over.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// Where to look for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its HTTP API, which names the gateway at `/available`.
    Api(String),
    /// The gateway itself.
    Gateway(String),
    /// A unix socket that serves the gateway.
    Unix(PathBuf),
}

/// What a client needs to reach servers.
#[derive(Clone)]
pub(super) struct Network {
    origin: Origin,
    http: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
    max_message_bytes: usize,
}

/// Why a server could not be found or reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is of no kind that a server has.
    #[error("`{0}` is no address of a server: https://, http://, wss:// or ws://")]
    BadAddress(String),
    /// No authority can be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The HTTP client can't be set up, or a request failed.
    #[error("can't ask {url}: {}", with_causes(source))]
    Http {
        /// What was asked.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// The server answered, but not with an address.
    #[error("{url} answered {answer}")]
    BadAnswer {
        /// What was asked.
        url: String,
        /// What it said.
        answer: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// Nobody said which session to identify with.
    #[error("no session was given")]
    NoSession,
    /// No connection came about.
    #[error("can't connect to {to}: {}", with_causes(source))]
    Io {
        /// Where.
        to: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The server did not open the WebSocket.
    #[error("{to} opened no WebSocket: {source}")]
    Handshake {
        /// Where.
        to: String,
        /// What went wrong.
        source: Box<tungstenite::Error>,
    },
    /// It took too long.
    #[error("{0} did not answer in time")]
    TimedOut(String),
}

impl Origin {
    /// The kind of address that this is.
    pub(super) fn parse(url: &str) -> Result<Self, ConnectError> {
        let bad = || ConnectError::BadAddress(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(bad());
        }
        match uri.scheme_str() {
            Some("http" | "https") => Ok(Self::Api(url.trim_end_matches('/').to_owned())),
            Some("ws" | "wss") => Ok(Self::Gateway(url.to_owned())),
            _ => Err(bad()),
        }
    }

    fn is_encrypted(&self) -> bool {
        match self {
            Self::Api(url) | Self::Gateway(url) => url.starts_with("https:") || url.starts_with("wss:"),
            Self::Unix(_) => false,
        }
    }
}

impl Network {
    pub(super) fn new(origin: Origin, trust: &Trust, max_message_bytes: usize) -> Result<Self, ConnectError> {
        // Plain connections need no authorities, and a small machine has none.
        let trust = match trust {
            Trust::Platform if !origin.is_encrypted() => &Trust::Only(Vec::new()),
            given => given,
        };
        let tls = trust.client_config()?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|source| ConnectError::Http { url: "a server".into(), source })?;
        Ok(Self { origin, http, tls: Arc::new(tls), max_message_bytes })
    }

    /// The address of a gateway.
    pub(super) async fn discover(&self) -> Result<String, ConnectError> {
        match &self.origin {
            Origin::Api(base) => self.ask(format!("{base}/available")).await,
            Origin::Gateway(url) => Ok(url.clone()),
            Origin::Unix(_) => Ok("ws://localhost/gateway".into()),
        }
    }

    async fn ask(&self, url: String) -> Result<String, ConnectError> {
        #[derive(Deserialize)]
        struct Available {
            url: String,
        }
        let failed = |source: reqwest::Error| ConnectError::Http { url: url.clone(), source: source.without_url() };
        let mut response = self.http.get(&url).send().await.map_err(failed)?;
        let bad = |answer: String, retry_after| ConnectError::BadAnswer { url: url.clone(), answer, retry_after };
        if !response.status().is_success() {
            let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(bad(response.status().to_string(), seconds.map(Duration::from_secs)));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            answer.extend_from_slice(&chunk);
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(bad("without end".into(), None));
            }
        }
        match serde_json::from_slice::<Available>(&answer) {
            Ok(available) => Ok(available.url),
            Err(error) => Err(bad(format!("no address: {error}"), None)),
        }
    }

    /// Opens a WebSocket to the gateway at `url`.
    pub(super) async fn connect(&self, url: &str) -> Result<WebSocketStream<Box<dyn Transport>>, ConnectError> {
        match timeout(TIMEOUT, self.open(url)).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectError::TimedOut(url.to_owned())),
        }
    }

    async fn open(&self, url: &str) -> Result<WebSocketStream<Box<dyn Transport>>, ConnectError> {
        let bad = || ConnectError::BadAddress(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let stream = self.transport(&uri).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(self.max_message_bytes))
            .max_frame_size(Some(self.max_message_bytes));
        let request =
            ClientRequestBuilder::new(uri).with_header("user-agent", concat!("sanmon/", env!("CARGO_PKG_VERSION")));
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(source) => Err(ConnectError::Handshake { to: url.to_owned(), source: Box::new(source) }),
        }
    }

    async fn transport(&self, uri: &Uri) -> Result<Box<dyn Transport>, ConnectError> {
        if let Origin::Unix(path) = &self.origin {
            let failed = |source| ConnectError::Io { to: path.display().to_string(), source };
            return Ok(Box::new(UnixStream::connect(path).await.map_err(failed)?));
        }
        let bad = || ConnectError::BadAddress(uri.to_string());
        let is_encrypted = match uri.scheme_str() {
            Some("wss") => true,
            // A server may not lead a client from an encrypted address to a readable one.
            Some("ws") if !self.origin.is_encrypted() => false,
            _ => return Err(bad()),
        };
        let host = uri.host().ok_or_else(bad)?.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let failed = |source| ConnectError::Io { to: format!("{host}:{port}"), source };
        let stream = TcpStream::connect((host, port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        if !is_encrypted {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad())?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.map_err(failed)?;
        Ok(Box::new(stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_how_a_server_is_found() {
        assert_eq!(Origin::parse("https://a.example/").unwrap(), Origin::Api("https://a.example".into()));
        assert_eq!(Origin::parse("ws://[::1]:80/gateway").unwrap(), Origin::Gateway("ws://[::1]:80/gateway".into()));
        for bad in ["", "a.example", "ftp://a.example", "https://", "/gateway"] {
            assert!(matches!(Origin::parse(bad), Err(ConnectError::BadAddress(_))), "{bad}");
        }
    }

    #[tokio::test]
    async fn an_encrypted_address_never_leads_to_a_readable_one() {
        let origin = Origin::parse("https://a.example").unwrap();
        let network = Network::new(origin, &Trust::Only(Vec::new()), 1 << 20).unwrap();
        let error = network.connect("ws://127.0.0.1:1/gateway").await.err().unwrap();
        assert!(matches!(error, ConnectError::BadAddress(_)), "{error}");
    }

    #[tokio::test]
    async fn who_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let network = Network::new(Origin::Unix(path.clone()), &Trust::Platform, 1 << 20).unwrap();
        let url = network.discover().await.unwrap();
        let error = network.connect(&url).await.err().unwrap();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
