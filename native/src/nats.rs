//! The one connection to NATS that a node's parts share: made at the start, made again for ever, its state for all to watch.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt as _;
use sanmon_core::time::Moment;
use tokio::sync::watch;

use crate::clock::Clock;

/// How long a start waits for a server that can't be reached: long enough for one that starts beside this node.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// After how much silence the server is pinged; three without an answer, and the connection counts as lost.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// How long a request waits for its answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Messages that wait for one subscriber. The server stops sending to the log's consumer at 32 MiB, which are fewer than these.
const SUBSCRIPTION_CAPACITY: usize = 1 << 18;

/// The connection. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Nats {
    client: Client,
    link: watch::Receiver<Link>,
}

/// Whether the server can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It can.
    Up,
    /// It can't, and everything is tried to change that.
    Down {
        /// Since when.
        since: Moment,
    },
}

/// Why there is no connection to NATS. None of these names a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// An address makes no sense.
    #[error("nats_url: {0}")]
    Url(String),
    /// The file of credentials can't be read or used.
    #[error("nats_credentials: {}: {reason}", .path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not take who this node says it is.
    #[error("NATS at {servers} refuses this node's credentials")]
    Refused {
        /// Where the servers are.
        servers: String,
    },
    /// An encrypted connection does not come about, such as when nobody vouches for the server.
    #[error("NATS at {servers} can't be spoken to over TLS: {reason}")]
    Tls {
        /// Where the servers are.
        servers: String,
        /// What was wrong.
        reason: String,
    },
    /// No server answers.
    #[error("NATS at {servers} can't be reached: {reason}")]
    Unreachable {
        /// Where the servers are.
        servers: String,
        /// What the last attempt failed with.
        reason: String,
    },
    /// The system has no authorities to trust.
    #[error("no authority can be trusted to name a NATS server: {0}")]
    Trust(#[from] rustls::Error),
}

/// Where servers are, and what they are told of who connects, which stands in their addresses.
#[derive(Debug, Default, PartialEq)]
struct Servers {
    /// Without secrets.
    addresses: Vec<ServerAddr>,
    login: Login,
}

#[derive(Clone, Default, PartialEq, Eq)]
enum Login {
    #[default]
    Nobody,
    Token(String),
    User {
        name: String,
        password: String,
    },
}

impl Nats {
    /// Connects to one of the servers of `urls` (`nats://a:4222,tls://user:password@b:4222`), as whom the URLs say or the
    /// file `credentials` of a NATS user. Once connected it stays so: whatever breaks, it is tried again for ever.
    ///
    /// # Errors
    /// A [`NatsError`], also when no server could be reached within half a minute.
    pub(crate) async fn connect(urls: &str, credentials: Option<&Path>, clock: Clock) -> Result<Self, NatsError> {
        let servers = Servers::parse(urls)?;
        let (state, link) = watch::channel(Link::Down { since: clock.now() });
        let state = Arc::new(state);
        let options = options(&servers, credentials, clock, &state).await?;
        let mut last = None;
        let connecting = async {
            loop {
                let error = match options.clone().connect(&servers.addresses[..]).await {
                    Ok(client) => return Ok(client),
                    Err(error) => error,
                };
                if let Some(reason) = tls_fault(&error) {
                    return Err(NatsError::Tls { servers: servers.names(), reason });
                }
                if matches!(error.kind(), ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation) {
                    return Err(NatsError::Refused { servers: servers.names() });
                }
                if last.is_none() {
                    tracing::warn!(%error, servers = servers.names(), "NATS can't be reached yet");
                }
                last = Some(error);
                tokio::time::sleep(pause(3)).await;
            }
        };
        let client = match tokio::time::timeout(START_TIMEOUT, connecting).await {
            Ok(client) => client?,
            Err(_) => {
                let last = last.map_or_else(|| "no answer".to_owned(), |error| error.to_string());
                let reason = format!("{last}, after trying for {} s", START_TIMEOUT.as_secs());
                return Err(NatsError::Unreachable { servers: servers.names(), reason });
            }
        };
        // By the event, so that one which comes after it is not overwritten.
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, link.clone().wait_for(|link| *link == Link::Up)).await;
        Ok(Self { client, link })
    }

    /// The client, for whatever is said over the connection.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the server can be reached, to be watched: what changes from now on is a change.
    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        let mut link = self.link.clone();
        link.mark_unchanged();
        link
    }

    /// Whether the server can be reached now, as far as is known.
    pub(crate) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The largest message that the server takes, headers included, in bytes.
    pub(crate) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    /// Says what is still unsaid, within a bound, and lets the connection go.
    pub(crate) async fn close(&self) {
        if self.is_up() {
            let _ = tokio::time::timeout(CONNECT_TIMEOUT, self.client.flush()).await;
        }
        let _ = tokio::time::timeout(CONNECT_TIMEOUT, self.client.drain()).await;
    }
}

async fn options(
    servers: &Servers,
    credentials: Option<&Path>,
    clock: Clock,
    state: &Arc<watch::Sender<Link>>,
) -> Result<ConnectOptions, NatsError> {
    let mut options = ConnectOptions::new();
    if let Some(path) = credentials {
        let failed =
            |error: std::io::Error| NatsError::Credentials { path: path.to_owned(), reason: error.to_string() };
        let text = tokio::fs::read_to_string(path).await.map_err(failed)?;
        options = options.credentials(&text).map_err(failed)?;
    }
    options = match servers.login.clone() {
        Login::Nobody => options,
        Login::Token(token) => options.token(token),
        Login::User { name, password } => options.user_and_password(name, password),
    };
    let state = Arc::clone(state);
    Ok(options
        .name("sanmon")
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .max_reconnects(None)
        .reconnect_delay_callback(pause)
        .tls_client_config(trust()?)
        .event_callback(move |event| {
            let state = Arc::clone(&state);
            async move { note(&state, clock, &event) }
        }))
}

/// Those whom the operating system trusts, or who stand in the file that `SSL_CERT_FILE` names.
fn trust() -> Result<ClientConfig, rustls::Error> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth())
}

/// What was wrong with TLS, if that is why there is no connection: it will be wrong the next time too.
fn tls_fault(error: &ConnectError) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        // An error of the network tells the one that it stands for as itself, and skips it as its cause.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let found = inner.and_then(|inner| inner.downcast_ref()).or_else(|| error.downcast_ref::<rustls::Error>());
        if let Some(fault) = found {
            return Some(fault.to_string());
        }
        cause = error.source();
    }
    None
}

/// How long to wait before the attempt of this number: a little longer each time, up to a bound.
fn pause(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    match attempt {
        0 | 1 => Duration::ZERO,
        _ => (Duration::from_millis(25) * 2_u32.pow(doublings)).min(MAX_PAUSE),
    }
}

fn note(state: &watch::Sender<Link>, clock: Clock, event: &Event) {
    match event {
        Event::Connected => {
            let was = state.send_replace(Link::Up);
            if let Link::Down { since } = was {
                tracing::info!(after_ms = clock.now().since(since).as_millis(), "connected to NATS");
            }
        }
        Event::Disconnected => {
            state.send_replace(Link::Down { since: clock.now() });
            tracing::warn!("the connection to NATS is lost: trying to get it back");
        }
        Event::SlowConsumer(_) => tracing::warn!("messages from NATS were dropped: this node reads too slowly"),
        Event::ServerError(error) => tracing::warn!(%error, "NATS complains"),
        Event::LameDuckMode | Event::Draining | Event::Closed | Event::ClientError(_) => {
            tracing::debug!(%event, "the connection to NATS changed");
        }
    }
}

impl Servers {
    fn parse(urls: &str) -> Result<Self, NatsError> {
        let mut servers = Self::default();
        for (index, url) in urls.split(',').map(str::trim).filter(|url| !url.is_empty()).enumerate() {
            // What is wrong is said by its place in the list: the text may hold a password.
            let wrong = |what: &str| NatsError::Url(format!("address {} {what}", index + 1));
            let address: ServerAddr = url.parse().map_err(|_| wrong("is no address such as nats://10.0.0.1:4222"))?;
            if !matches!(address.scheme(), "nats" | "tls") {
                return Err(wrong("begins neither with nats:// nor with tls://"));
            }
            if address.host().is_empty() {
                return Err(wrong("names no host"));
            }
            let login = Login::of(&address).ok_or_else(|| wrong("has a login that is not UTF-8"))?;
            if servers.login != Login::Nobody && login != Login::Nobody && servers.login != login {
                return Err(wrong("has another login than those before: one is used for all"));
            }
            if login != Login::Nobody {
                servers.login = login;
            }
            let mut bare = address.into_inner();
            let bared = bare.set_username("").and_then(|()| bare.set_password(None));
            bared.map_err(|()| wrong("can't be read"))?;
            servers.addresses.push(ServerAddr::from_url(bare).map_err(|_| wrong("can't be read"))?);
        }
        if servers.addresses.is_empty() {
            return Err(NatsError::Url("no address is given".into()));
        }
        Ok(servers)
    }

    /// Where they are, for people.
    fn names(&self) -> String {
        let names: Vec<String> =
            self.addresses.iter().map(|address| format!("{}:{}", address.host(), address.port())).collect();
        names.join(", ")
    }
}

impl Login {
    /// What an address says of who connects: `user:password@` or `token@`.
    fn of(address: &ServerAddr) -> Option<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
        Some(match (address.username(), address.password()) {
            (None, _) => Self::Nobody,
            (Some(token), None) => Self::Token(decoded(token)?),
            (Some(name), Some(password)) => Self::User { name: decoded(name)?, password: decoded(password)? },
        })
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Token(_) => "Token(..)",
            Self::User { .. } => "User(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_taken_out_of_addresses() {
        let servers = Servers::parse("nats://ada:p%40ss@a:4223, tls://b , c").unwrap();
        assert_eq!(servers.names(), "a:4223, b:4222, c:4222");
        assert_eq!(servers.login, Login::User { name: "ada".into(), password: "p@ss".into() });
        assert!(servers.addresses.iter().all(|address| !address.as_url_str().contains('@')));
        assert!(servers.addresses[1].tls_required());
        assert_eq!(Servers::parse("nats://secret@a").unwrap().login, Login::Token("secret".into()));
        assert_eq!(Servers::parse("nats://a").unwrap().login, Login::Nobody);
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_it() {
        for (urls, what) in [
            ("", "no address"),
            ("nats://ada:hunter2@a,http://ada:hunter2@b", "address 2 is no address"),
            ("ws://ada:hunter2@b", "neither"),
            ("nats://ada:hunter2@a,nats://bob:hunter2@b", "another login"),
        ] {
            let error = Servers::parse(urls).unwrap_err().to_string();
            assert!(error.contains(what) && !error.contains("hunter2"), "{urls}: {error}");
        }
        let servers = Servers::parse("nats://ada:hunter2@a").unwrap();
        assert!(!format!("{servers:?}").contains("hunter2"));
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        assert_eq!((pause(0), pause(1)), (Duration::ZERO, Duration::ZERO));
        assert_eq!(pause(2), Duration::from_millis(50));
        assert_eq!((pause(9), pause(usize::MAX)), (MAX_PAUSE, MAX_PAUSE));
    }
    #[tokio::test]
    async fn who_connects_is_told_and_a_refusal_is_final() {
        let server = sanmon_engines::Nats::start_with("authorization { user: ada, password: \"p@ss\" }");
        let address = server.address();
        let connect =
            async |login: &str| Nats::connect(&format!("nats://{login}{address}"), None, Clock::start()).await;
        assert!(connect("ada:p%40ss@").await.unwrap().is_up());
        for login in ["", "ada:wrong@", "token@"] {
            let refused = connect(login).await;
            assert!(matches!(refused, Err(NatsError::Refused { .. })), "{refused:?}");
        }
        let server = sanmon_engines::Nats::start_with("authorization { token: \"t@ken\" }");
        let connect = async |login: &str| {
            Nats::connect(&format!("nats://{login}{}", server.address()), None, Clock::start()).await
        };
        assert!(connect("t%40ken@").await.unwrap().is_up());
        assert!(matches!(connect("token@").await, Err(NatsError::Refused { .. })));
    }

    #[tokio::test]
    async fn a_connection_that_was_lost_comes_back() {
        let mut server = sanmon_engines::Nats::start();
        let nats = Nats::connect(&server.url(), None, Clock::start()).await.unwrap();
        let mut link = nats.link();
        assert!(nats.is_up());
        for _ in 0..2 {
            server.kill();
            link.wait_for(|link| matches!(link, Link::Down { .. })).await.unwrap();
            server.restart();
            link.wait_for(|link| *link == Link::Up).await.unwrap();
            nats.client().flush().await.unwrap();
        }
        nats.close().await;
    }

    #[tokio::test]
    async fn a_file_of_credentials_that_can_not_be_used_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path(), Path::new("no such file")] {
            let error = Nats::connect("nats://localhost", Some(path), Clock::start()).await.unwrap_err();
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }
}
