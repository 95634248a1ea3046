//! Running a node inside a program: its listeners, what each leads to, and how it ends.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{info, warn};
use warp::filters::BoxedFilter;
use warp::reply::Response;

pub use crate::cluster::JoinError;
use crate::config::{Address, Config, Contradiction};
use crate::doorway::{self, Crowd, Doorway, Flushes, Phase};
pub use crate::listen::ListenError;
use crate::listen::{Listener, Pace};
pub use crate::log::jetstream::{ReadError, StreamError};
pub use crate::nats::NatsError;
use crate::node::{Node, OpenError};
use crate::peer::Door;
use crate::routes;
use crate::store::StoreError;
use crate::store::operator_keys;
pub use crate::store::{FolderError, ServerError};
use crate::tls::Tls;
pub use crate::tls::TlsError;

/// The name of the control socket in the data folder.
pub(crate) const CONTROL_SOCKET: &str = "control.sock";

/// Connections that the admin address and the control socket serve at once, each; more wait.
const SIDE_DOOR_CONNECTIONS: u32 = 64;

/// A running server.
///
/// ```no_run
/// use sanmon::config::Config;
/// use sanmon::server::Server;
///
/// # async fn example() -> Result<(), sanmon::server::StartError> {
/// let server = Server::start(Config { data: "data".into(), ..Config::default() }).await?;
/// if let Some(key) = server.operator_key() {
///     println!("the operator key, shown this once: {key}");
/// }
/// println!("clients connect to {}", server.public_url());
/// // ...
/// server.drain().await;
/// server.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    node: Arc<Node>,
    addresses: Vec<Address>,
    admin_addresses: Vec<Address>,
    operator_key: Option<String>,
    tls: Option<Arc<Tls>>,
    pace: Arc<Pace>,
    rooms: Vec<Room>,
    phase: watch::Sender<Phase>,
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings don't go together.
    #[error(transparent)]
    Config(#[from] Contradiction),
    /// Nothing can be taken at an address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The certificate or its key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// NATS can't be reached.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The node can't be one of many.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// PostgreSQL can't be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// NATS can't hold the event log.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The event log that many machines share can't be read.
    #[error("can't read the event log: {0}")]
    Log(#[from] ReadError),
    /// The database can't be read, or the first operator key can't be stored.
    #[error("can't use the database: {0}")]
    Database(String),
    /// The system gave no more threads or polls.
    #[error("can't start the threads that own connections: {0}")]
    Threads(#[source] io::Error),
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Folder(error) => error.into(),
            OpenError::Nats(error) => error.into(),
            OpenError::Join(error) => error.into(),
            OpenError::Server(error) => error.into(),
            OpenError::Stream(error) => error.into(),
            OpenError::Log(error) => error.into(),
            OpenError::Read(error) => error.into(),
            OpenError::Hub(error) => Self::Threads(error),
        }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.to_string())
    }
}

/// How many connections a kind of listener serves at once.
#[derive(Clone, Debug)]
struct Room {
    permits: Arc<Semaphore>,
    size: u32,
}

impl Room {
    fn of(size: u32) -> Self {
        Self { permits: Arc::new(Semaphore::new(size as usize)), size }
    }
}

impl Server {
    /// Listens, opens the data folder, and serves. A data folder without any operator key gets one, which
    /// [`Self::operator_key`] tells this once.
    ///
    /// # Errors
    /// A [`StartError`]; nothing runs then.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config.check()?;
        let tls = match (&config.tls_cert, &config.tls_key) {
            (Some(certificate), Some(key)) => {
                let limit = Duration::from_millis(config.tls_handshake_timeout_ms);
                Some(Arc::new(Tls::open(certificate, key, limit)?))
            }
            _ => None,
        };
        let public = match Listener::inherited()? {
            inherited if inherited.is_empty() => bind_all(&config.listen, &config)?,
            inherited => inherited,
        };
        let admin = bind_all(&config.admin_listen, &config)?;
        let addresses = addresses_of(&public);
        let node = Node::open(config, &addresses).await?;
        match Self::open_doors(&node, public, admin, tls).await {
            Ok(server) => Ok(server),
            Err(error) => {
                node.close().await;
                Err(error)
            }
        }
    }

    async fn open_doors(
        node: &Arc<Node>,
        public: Vec<Listener>,
        admin: Vec<Listener>,
        tls: Option<Arc<Tls>>,
    ) -> Result<Self, StartError> {
        let operator_key = first_key(node).await?;
        // The folder's lock is held by now, so whatever socket lies there is a dead server's.
        let control = Listener::bind_private(&node.config.data.join(CONTROL_SOCKET))?;
        let mut server = Self {
            node: Arc::clone(node),
            addresses: addresses_of(&public),
            admin_addresses: addresses_of(&admin),
            operator_key,
            tls,
            pace: Arc::new(Pace::new(node.config.max_accepts_per_second, node.clock)),
            rooms: Vec::new(),
            phase: watch::Sender::new(Phase::Serving),
        };
        let size = node.config.max_http_connections;
        server.open(Door::Public, size, routes::api(Arc::clone(node)), public);
        server.open(Door::Admin, SIDE_DOOR_CONNECTIONS, routes::admin(Arc::clone(node)), admin);
        server.open(Door::Control, SIDE_DOOR_CONNECTIONS, routes::control(Arc::clone(node)), vec![control]);
        Ok(server)
    }

    /// Lets listeners of one kind serve.
    fn open(&mut self, door: Door, size: u32, routes: BoxedFilter<(Response,)>, listeners: Vec<Listener>) {
        let room = Room::of(size);
        let crowd = match door {
            Door::Public => Some(Arc::new(Crowd::new(&self.node.config, self.node.clock))),
            Door::Admin | Door::Control => None,
        };
        let doorway = Doorway {
            door,
            tls: self.tls.clone().filter(|_| door == Door::Public),
            service: TowerToHyperService::new(warp::service(routes)),
            flushes: Flushes::Unwatched,
            pace: Some(Arc::clone(&self.pace)).filter(|_| door == Door::Public),
            room: Arc::clone(&room.permits),
            crowd,
            http: doorway::http(&self.node.config),
            metrics: Arc::clone(&self.node.metrics),
            phase: self.phase.subscribe(),
        };
        for listener in listeners {
            tokio::spawn(doorway.clone().run(listener));
        }
        self.rooms.push(room);
    }

    /// The address that clients are told, such as `wss://gw1.example/gateway`.
    pub fn public_url(&self) -> &str {
        &self.node.public_url
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.node.config.data
    }

    /// The unix socket over which whoever may open it calls the HTTP API with all rights.
    pub fn control_socket(&self) -> PathBuf {
        self.data().join(CONTROL_SOCKET)
    }

    /// Where clients and backends connect, with the ports that were bound.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where metrics and health are served, with the ports that were bound.
    pub fn admin_addresses(&self) -> &[Address] {
        &self.admin_addresses
    }

    /// The operator key that was made because there was none. It is stored nowhere: this is the only time to show it.
    pub fn operator_key(&self) -> Option<&str> {
        self.operator_key.as_deref()
    }

    /// Reads the certificate and its key again, for the connections to come. Nothing to do for a server without TLS.
    ///
    /// # Errors
    /// A [`TlsError`]; what was in use stays in use.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.tls.as_deref().map_or(Ok(()), Tls::reload)
    }

    /// Sends all clients of the gateway away over the drain window, while HTTP is still served.
    pub async fn drain(&self) {
        self.node.drain().await;
    }

    /// Takes no more connections, finishes the requests that are under way, and closes the data folder.
    pub async fn stop(self) {
        self.phase.send_replace(Phase::Finishing);
        let all_done = async {
            for room in &self.rooms {
                let _ = room.permits.acquire_many(room.size).await;
            }
        };
        let limit = Duration::from_millis(self.node.config.stop_timeout_ms);
        if timeout(limit, all_done).await.is_err() {
            warn!("requests were still under way; their connections are cut");
        }
        self.phase.send_replace(Phase::Over);
        self.node.close().await;
        info!("stopped");
    }
}

fn bind_all(addresses: &[Address], config: &Config) -> Result<Vec<Listener>, ListenError> {
    addresses.iter().map(|address| Listener::bind(address, config)).collect()
}

fn addresses_of(listeners: &[Listener]) -> Vec<Address> {
    listeners.iter().map(|listener| listener.address().clone()).collect()
}

/// Makes an operator key with all scopes if there is none at all.
async fn first_key(node: &Node) -> Result<Option<String>, StoreError> {
    Ok(operator_keys::create_first(&node.store).await?.map(|minted| minted.key))
}
