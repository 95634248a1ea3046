//! Signed interactions over HTTP: a server for bots written in Rust, and what the gateway's own endpoint shares with it.

mod arrival;
mod body;
mod builder;
mod endpoint;
mod entity;
mod files;
mod form;
mod json;
mod key_source;
mod lifecycle;
mod listen;
mod listener;
mod listeners;
mod platform;
mod relay;
mod service;
mod tasks;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Body;
use sanmon_core::interaction::Signed;
use sanmon_core::interaction::kind::Kind;
use warp::{Filter, Rejection};

pub use self::body::AnswerBody;
pub use self::builder::{BuildError, Builder};
pub(crate) use self::endpoint::Endpoint;
pub use self::entity::{EntityError, EntityFactory, Payload, TypedModel};
pub use self::files::{FileExecutor, FileJob};
use self::lifecycle::{Life, Serving};
pub use self::lifecycle::{StartError, StateConflict};
pub use self::listen::Listen;
pub use self::listener::{Deferral, Handled, Listener};
use self::listeners::Listeners;
pub use self::platform::{KeyError, Token};
pub(crate) use self::relay::{Callback, CallbackError, Relay};
pub(crate) use self::service::for_warp;
use crate::config::Address;
pub use crate::listen::{ListenError, TcpOptions};
pub use crate::tls::{Tls, TlsError};

/// How long requests and continuations may take to finish once a server closes, unless said otherwise.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

/// A server of interactions: it verifies them, hands each to the listener of its kind, and answers. Cheap to clone.
///
/// It listens by itself ([`Self::start`]), or another server mounts it ([`Self::hook`], [`Self::filter`]).
///
/// ```no_run
/// use sanmon::interactions::{Existing, Handled, InteractionServer, Listen, Listener};
/// use sanmon_core::interaction::kind::ApplicationCommand;
/// use sanmon_core::interaction::response::MessageAnswer;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let server = InteractionServer::builder().key("1180000000000000001=<64 hex digits>".parse()?).build()?;
/// let ping = Listener::new(|_| async { Handled::answer(MessageAnswer::new().content("Pong!")) });
/// server.set_listener::<ApplicationCommand>(Some(ping), Existing::Kept)?;
/// server.start([Listen::tcp(([127, 0, 0, 1], 8080))]).await?;
/// server.join().await?;
/// # Ok(())
/// # }
/// ```
pub struct InteractionServer<F: EntityFactory = TypedModel> {
    endpoint: Endpoint<Listeners<F>>,
    life: Arc<Life>,
    serving: Serving,
}

/// What becomes of a listener that is there when another is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and setting another is an error.
    Kept,
    /// The new one takes its place.
    Replaced,
}

/// There is a listener to this kind of interaction already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is a listener to this kind of interaction already")]
pub struct ListenerSet;

impl InteractionServer {
    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<F: EntityFactory> InteractionServer<F> {
    /// Sets the listener to interactions of kind `K`; `None` removes it.
    ///
    /// # Errors
    /// [`ListenerSet`], if there is one and it is to be kept.
    pub fn set_listener<K: Kind>(
        &self,
        listener: Option<Listener<K, F::Entity<K>>>,
        existing: Existing,
    ) -> Result<(), ListenerSet> {
        let is_removal = listener.is_none();
        let may = |is_set: bool| !is_set || is_removal || existing == Existing::Replaced;
        if self.endpoint.desk().change(listener, may) { Ok(()) } else { Err(ListenerSet) }
    }

    /// The listener to interactions of kind `K`.
    #[doc(alias = "get_listener")]
    pub fn listener<K: Kind>(&self) -> Option<Listener<K, F::Entity<K>>> {
        self.endpoint.desk().listener()
    }

    /// Whether the server listens.
    pub fn is_alive(&self) -> bool {
        self.life.is_alive()
    }

    /// Where it listens, with the ports that were bound; nowhere while it is not alive.
    pub fn addresses(&self) -> Vec<Address> {
        self.life.addresses()
    }

    /// Listens at these addresses, and returns once all are bound. Interactions are taken at the path `/`.
    ///
    /// # Errors
    /// A [`StartError`]; nothing is bound then.
    pub async fn start(&self, addresses: impl IntoIterator<Item = Listen>) -> Result<(), StartError> {
        self.start_with(addresses, SHUTDOWN_TIMEOUT).await
    }

    /// The same, where requests and continuations have this long to finish once the server is closed.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(
        &self,
        addresses: impl IntoIterator<Item = Listen>,
        shutdown_timeout: Duration,
    ) -> Result<(), StartError> {
        let addresses = addresses.into_iter().collect();
        self.life.start(&self.endpoint, &self.serving, addresses, shutdown_timeout).await
    }

    /// Takes no more connections, finishes requests and continuations that are under way, and cuts off what is not done
    /// within the time that was set at the start. It may be started again then. Of two who close it both wait for the end.
    ///
    /// # Errors
    /// [`StateConflict::NotAlive`].
    pub async fn close(&self) -> Result<(), StateConflict> {
        self.life.close(&self.endpoint).await
    }

    /// Waits until the server is closed.
    ///
    /// # Errors
    /// [`StateConflict::NotAlive`].
    pub async fn join(&self) -> Result<(), StateConflict> {
        self.life.join().await
    }

    /// Answers an interaction that came in by other means: its body, its signature as 64 bytes, its timestamp. The server
    /// need not be alive.
    pub async fn on_interaction(&self, body: &[u8], signature: &[u8], timestamp: &[u8]) -> Response<AnswerBody> {
        match Signed::new(None, signature, timestamp) {
            Ok(signed) => self.endpoint.on_signed(&signed, body).await,
            Err(rejection) => body::refused(&rejection),
        }
    }

    /// Answers a request that another server took, whatever its path. The server need not be alive.
    pub async fn hook<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        self.endpoint.hook(None, request).await
    }

    /// The server as a warp filter, which takes every request that gets to it.
    pub fn filter(&self) -> impl Filter<Extract = (warp::reply::Response,), Error = Rejection> + Clone + use<F> {
        service::filter(self.endpoint.clone())
    }

    /// What the server counts, in Prometheus' text format, version 0.0.4.
    pub fn render_metrics(&self) -> String {
        self.endpoint.metrics().render_interactions()
    }
}

impl<F: EntityFactory> Clone for InteractionServer<F> {
    fn clone(&self) -> Self {
        let (endpoint, life) = (self.endpoint.clone(), Arc::clone(&self.life));
        Self { endpoint, life, serving: self.serving.clone() }
    }
}

impl<F: EntityFactory> fmt::Debug for InteractionServer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InteractionServer").field("life", &self.life).finish_non_exhaustive()
    }
}
