//! What a client is told before it sets out.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sanmon_core::codec::Encoding;
use sanmon_core::event::Seq;
use sanmon_core::gateway::ClientOptions;
use tokio::sync::mpsc;

use super::Client;
use super::driver::Driver;
use super::network::{ConnectError, Network, Origin};
use super::trust::Trust;

/// Updates that wait for whoever reads the client.
const UPDATES: usize = 64;
/// Commands that wait for the client.
const COMMANDS: usize = 16;
/// The largest message that is taken from a server, if nothing else is said.
const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// Asks for a session id.
#[derive(Clone)]
pub(super) struct SessionSource(Arc<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>);

impl SessionSource {
    pub(super) fn ask(&self) -> BoxFuture<'static, Option<String>> {
        (self.0)()
    }
}

/// A client that is about to set out.
#[derive(Clone)]
pub struct Builder {
    url: String,
    socket: Option<PathBuf>,
    session: Option<SessionSource>,
    encoding: Encoding,
    position: Option<Seq>,
    trust: Trust,
    max_message_bytes: usize,
}

impl Builder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            socket: None,
            session: None,
            encoding: Encoding::default(),
            position: None,
            trust: Trust::default(),
            max_message_bytes: MAX_MESSAGE_BYTES,
        }
    }

    /// Identifies with this session id.
    #[must_use]
    pub fn session(self, session_id: impl Into<String>) -> Self {
        let session_id = session_id.into();
        self.session_from(move || std::future::ready(Some(session_id.clone())))
    }

    /// Identifies with the session id that `source` gives, asked again for each connection. `None` is tried again later.
    #[must_use]
    pub fn session_from<F, S>(mut self, source: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Future<Output = Option<String>> + Send + 'static,
    {
        self.session = Some(SessionSource(Arc::new(move || source().boxed())));
        self
    }

    /// How events travel; JSON if nothing is said.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Gets what was missed since this place of the log, the `s` of the last event that an earlier client got.
    #[must_use]
    pub fn resume_from(mut self, position: Seq) -> Self {
        self.position = Some(position);
        self
    }

    /// Which authorities may name the server; those of the operating system if nothing is said.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Connects through this unix socket, whatever the server's address.
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// The largest message that is taken from the server, inflated or not; 16 MiB if nothing is said.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }

    /// Sets out. The client finds its server and connects by itself, on the current runtime.
    ///
    /// # Errors
    /// A [`ConnectError`] for what no second try can mend: no address of a server, no session, no authority to trust.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(self) -> Result<Client, ConnectError> {
        let origin = match self.socket {
            Some(path) => Origin::Unix(path),
            None => Origin::parse(&self.url)?,
        };
        let session = self.session.ok_or(ConnectError::NoSession)?;
        let network = Network::new(origin, &self.trust, self.max_message_bytes)?;
        let options = ClientOptions { encoding: self.encoding, position: self.position, ..ClientOptions::default() };
        let (to_user, updates) = mpsc::channel(UPDATES);
        let (commands, from_user) = mpsc::channel(COMMANDS);
        let driver = Driver::new(options, network, session, self.max_message_bytes, to_user, from_user);
        tokio::spawn(driver.run());
        Ok(Client { updates, commands })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the session, which is a secret.
        f.debug_struct("Builder").field("url", &self.url).field("socket", &self.socket).finish_non_exhaustive()
    }
}
