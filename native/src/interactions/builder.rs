//! Setting an interactions server up.

use std::sync::Arc;
use std::time::Duration;

use sanmon_core::interaction::{ApplicationKey, Config as Door, MAX_TRIES, Server};
use serde_json::Value;

use super::InteractionServer;
use super::endpoint::{Endpoint, Terms};
use super::entity::{EntityError, EntityFactory, TypedModel};
use super::files::FileExecutor;
use super::json::Json;
use super::key_source::{Fetch, KeySource};
use super::lifecycle::{Life, Serving};
use super::listeners::Listeners;
use super::platform::{Platform, Token};
use crate::client::{Trust, TrustError};
use crate::clock::Clock;
use crate::config::Config;
use crate::doorway;
use crate::metrics::Metrics;

/// The platform's REST API, unless said otherwise.
const API_URL: &str = "https://discord.com/api/v10";
/// The platform gives up after 3 s, its own way to us and back included.
const DEADLINE: Duration = Duration::from_millis(2500);
/// How long the body of an interaction may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that are served at once.
const MAX_CONNECTIONS: u32 = 4096;

/// An interactions server to be.
#[derive(Debug)]
#[must_use]
pub struct Builder<F = TypedModel> {
    factory: F,
    door: Door,
    token: Option<Token>,
    api_url: String,
    trust: Trust,
    json: Json,
    files: FileExecutor,
    deadline: Duration,
    max_connections: u32,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Neither a public key nor a token to fetch it with was given.
    #[error("neither a public key was given, nor a token to fetch it with")]
    NoKey,
    /// More public keys than a request is tried with.
    #[error("more than {MAX_TRIES} public keys: a request is tried with no more")]
    TooManyKeys,
    /// No authority can be trusted to name the platform.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            factory: TypedModel,
            door: Door::default(),
            token: None,
            api_url: API_URL.to_owned(),
            trust: Trust::Platform,
            json: Json::default(),
            files: FileExecutor::default(),
            deadline: DEADLINE,
            max_connections: MAX_CONNECTIONS,
        }
    }
}

impl<F: EntityFactory> Builder<F> {
    /// A public key that may sign; several while they are exchanged, or for several applications, but no more than
    /// [`MAX_TRIES`].
    pub fn key(mut self, key: ApplicationKey) -> Self {
        self.door.keys.push(key);
        self
    }

    /// Fetches the public key of this token's application at the first request, if none is given.
    pub fn fetch_key(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Where the platform's REST API is, such as `https://discord.com/api/v10`, which is the default.
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = url.into();
        self
    }

    /// Which authorities to trust to name the platform.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Gives listeners what this factory makes.
    pub fn entity_factory<G: EntityFactory>(self, factory: G) -> Builder<G> {
        let Self { door, token, api_url, trust, json, files, deadline, max_connections, .. } = self;
        Builder { factory, door, token, api_url, trust, json, files, deadline, max_connections }
    }

    /// Decodes interactions by this, once they are verified and known to be JSON.
    pub fn decode_json(mut self, decode: impl Fn(&str) -> Result<Value, EntityError> + Send + Sync + 'static) -> Self {
        self.json.decode = Some(Arc::new(decode));
        self
    }

    /// Encodes answers by this.
    pub fn encode_json(
        mut self,
        encode: impl Fn(&Value) -> Result<String, EntityError> + Send + Sync + 'static,
    ) -> Self {
        self.json.encode = Some(Arc::new(encode));
        self
    }

    /// Reads files of answers by this.
    pub fn file_executor(mut self, executor: FileExecutor) -> Self {
        self.files = executor;
        self
    }

    /// How long a listener may take, from the request on; 2.5 s by default.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The largest body in bytes; 4 MiB by default.
    pub const fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.door.max_body_bytes = bytes;
        self
    }

    /// Refuses timestamps further than this from now, and signatures that were seen within it.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.door.max_age = Some(max_age);
        self
    }

    /// How many connections are served at once; more wait to be accepted. 4,096 by default.
    pub const fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// The server, which does not listen yet.
    ///
    /// # Errors
    /// A [`BuildError`].
    pub fn build(self) -> Result<InteractionServer<F>, BuildError> {
        if self.door.keys.len() > MAX_TRIES {
            return Err(BuildError::TooManyKeys);
        }
        let platform = Platform::new(self.api_url, &self.trust)?;
        let keys = match self.token {
            _ if !self.door.keys.is_empty() => KeySource::Given,
            Some(token) => KeySource::Fetched(Fetch::new(platform.clone(), token)),
            None => return Err(BuildError::NoKey),
        };
        let listeners = Listeners::new(self.factory, self.json, self.files.clone(), keys, platform);
        let terms = Terms { deadline: self.deadline, body_timeout: BODY_TIMEOUT, files: self.files };
        let metrics = Arc::new(Metrics::new());
        let endpoint = Endpoint::new(Server::new(self.door), listeners, terms, Clock::start(), metrics);
        let serving = Serving { http: doorway::http(&Config::default()), max_connections: self.max_connections.max(1) };
        Ok(InteractionServer { endpoint, life: Arc::new(Life::default()), serving })
    }
}
