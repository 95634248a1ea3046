//! One running server: its configuration, clock, store, hub and metrics, whether it drains, and among which others it is.

mod isolation;
mod stream;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sanmon_core::entry::Entry;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::cluster::{Cluster, JoinError, Stage, Terms, Vitals};
use crate::config::{Address, Config};
use crate::disk;
use crate::hub::Hub;
use crate::interactions::{Endpoint, Relay};
use crate::log::jetstream::{ReadError, StreamError};
use crate::metrics::Metrics;
use crate::nats::{Nats, NatsError};
use crate::store::{FolderError, ServerError, Store, StoreError};

/// The bucket of NATS in which nodes stand.
const NODES: &str = "sanmon_nodes";

/// One running server, shared by everything that answers for it.
pub(crate) struct Node {
    /// What the operator set.
    pub config: Config,
    /// The machine's clocks.
    pub clock: Clock,
    /// What is stored, and the event log.
    pub store: Store,
    /// Who is connected.
    pub hub: Hub,
    /// Where the platform's signed interactions come in.
    pub(crate) interactions: Endpoint<Relay>,
    /// What the node counts.
    pub metrics: Arc<Metrics>,
    /// The address that clients are told, such as `wss://gw1.example/gateway`.
    pub public_url: String,
    /// The other nodes; none on one machine.
    pub cluster: Option<Cluster>,
    nats: Option<Nats>,
    draining: Arc<AtomicBool>,
    /// What runs beside it.
    tasks: Tasks,
}

/// Tasks that end with whoever has them.
#[derive(Debug, Default)]
struct Tasks(Vec<AbortHandle>);

impl Tasks {
    fn end(&self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why a node can't run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
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
    /// The database can't be read.
    #[error("can't read the database: {0}")]
    Read(#[from] StoreError),
    /// The system gave no more threads or polls.
    #[error("can't start the threads that own connections: {0}")]
    Hub(#[source] io::Error),
}

impl Node {
    /// Opens the data folder and starts the hub. `listening` is where clients connect: the first address is what they are
    /// told if the configuration names none.
    ///
    /// # Errors
    /// An [`OpenError`]; nothing runs then.
    pub(crate) async fn open(config: Config, listening: &[Address]) -> Result<Arc<Self>, OpenError> {
        let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
        let public_url = config.public_url.clone().unwrap_or_else(|| first_url(&config, listening));
        let (nats, cluster) = match join(&config, clock, &public_url).await? {
            Some((nats, cluster)) => (Some(nats), Some(cluster)),
            None => (None, None),
        };
        let hub = match Hub::start(&config, clock, Arc::clone(&metrics)) {
            Ok(hub) => hub,
            Err(error) => {
                leave(cluster.as_ref(), nats.as_ref()).await;
                return Err(OpenError::Hub(error));
            }
        };
        let (others, link) = (cluster.clone(), nats.clone());
        match Self::attach(config, clock, metrics, hub.clone(), public_url, others, link).await {
            Ok(node) => Ok(Arc::new(node)),
            Err(error) => {
                hub.stop();
                leave(cluster.as_ref(), nats.as_ref()).await;
                Err(error)
            }
        }
    }

    async fn attach(
        config: Config,
        clock: Clock,
        metrics: Arc<Metrics>,
        hub: Hub,
        public_url: String,
        cluster: Option<Cluster>,
        nats: Option<Nats>,
    ) -> Result<Self, OpenError> {
        // Should the node lease another number later, it goes on making ids with this one: each is larger than the last one of
        // all nodes, which the store keeps, so none is made twice.
        let node = cluster.as_ref().map(Cluster::number).or(config.node);
        let config = Config { node, ..config };
        let (receiver, published) = (hub.clone(), metrics.events_published.clone());
        let on_commit = Arc::new(move |entries: &[Arc<Entry>]| {
            published.inc_by(entries.len() as u64);
            receiver.publish(entries);
        });
        let (store, stream) = match (&config.store_url, &nats, &cluster) {
            (Some(url), Some(nats), Some(cluster)) => {
                let opening = stream::open(&config, url, nats, cluster.tie(), clock, &metrics, on_commit);
                let (store, stream) = opening.await?;
                (store, Some(stream))
            }
            _ => (Store::open(&config, clock, on_commit).await?, None),
        };
        let store = store.measured_by(metrics.commit_seconds.clone());
        let mut tasks = Tasks::default();
        if let Some(stream) = stream {
            // Before the hub looks at the store: what it stores there waits until the log has it.
            hub.begin_anew(store.head());
            tasks.0.extend(stream.flow(hub.clone()));
        }
        hub.attach(store.clone(), public_url.clone(), cluster.clone()).await?;
        let interactions = Endpoint::of_node(&config, hub.clone(), cluster.as_ref(), clock, Arc::clone(&metrics));
        let draining = Arc::new(AtomicBool::new(false));
        if let Some(cluster) = &cluster {
            let (hub, draining) = (hub.clone(), Arc::clone(&draining));
            let watch = isolation::watch_over(cluster.clone(), hub.clone(), store.clone());
            tasks.0.push(tokio::spawn(watch).abort_handle());
            cluster.announce(move || vitals(&hub, &draining));
        }
        Ok(Self { config, clock, store, hub, interactions, metrics, public_url, cluster, nats, draining, tasks })
    }

    /// The name under which the node stands in `/domains`.
    pub(crate) fn domain(&self) -> String {
        let named = || self.config.domain.clone().unwrap_or_else(|| "production-1".to_owned());
        self.cluster.as_ref().map_or_else(named, Cluster::domain)
    }

    /// Whether the node is about to stop: it takes no new connections and is not named to anyone.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// All metrics as Prometheus reads them, the log's figures as they are now.
    pub(crate) fn render_metrics(&self) -> String {
        let (log, metrics) = (self.store.log_figures(), &self.metrics);
        let age = log.oldest_at.map_or(0, |oldest| self.clock.steady().as_millis().saturating_sub(oldest.as_millis()));
        metrics.log_head.set(log.head.as_i64());
        metrics.log_entries.set(log.entries.cast_signed());
        metrics.log_bytes.set(log.bytes.cast_signed());
        // Another scrape may be doing the same.
        metrics.log_read_back.inc_by(log.read_back.saturating_sub(metrics.log_read_back.get()));
        metrics.guilds_read.inc_by(self.store.guilds_read().saturating_sub(metrics.guilds_read.get()));
        metrics.log_age_ms.set(age.cast_signed());
        let free = disk::free_bytes(&self.config.data).unwrap_or_default();
        metrics.disk_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
        metrics.writes_queued.set(i64::try_from(self.store.queued()).unwrap_or(i64::MAX));
        metrics.nats_connected.set(self.nats.as_ref().is_some_and(Nats::is_up).into());
        let resident = self.hub.resident_bytes().and_then(|bytes| i64::try_from(bytes).ok());
        metrics.resident_bytes.set(resident.unwrap_or_default());
        metrics.render()
    }

    /// Sends all clients away over the drain window, and waits for the callbacks of bots that were sent away before they
    /// had answered. From here on the node counts as draining.
    pub(crate) async fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        if let Some(cluster) = &self.cluster {
            cluster.refresh();
        }
        self.hub.drain().await;
        let deadline = Duration::from_millis(self.config.interactions_deadline_ms);
        if tokio::time::timeout(deadline, self.interactions.desk().emptied()).await.is_err() {
            tracing::warn!("interactions still waited for their callbacks after the drain");
        }
    }

    /// Cuts off who is still connected, and closes the data folder once what was accepted is stored.
    pub(crate) async fn close(&self) {
        self.draining.store(true, Ordering::Relaxed);
        let hub = self.hub.clone();
        // Joins threads, which would block the runtime. It fails only if it panicked, which its threads have logged.
        let _ = tokio::task::spawn_blocking(move || hub.stop()).await;
        self.store.close().await;
        self.tasks.end();
        leave(self.cluster.as_ref(), self.nats.as_ref()).await;
    }
}

/// Connects to NATS and takes a place among the other nodes, where the node is to be one of many.
async fn join(config: &Config, clock: Clock, url: &str) -> Result<Option<(Nats, Cluster)>, OpenError> {
    if config.nats_url.is_empty() {
        return Ok(None);
    }
    let urls: Vec<&str> = config.nats_url.iter().map(|url| url.secret()).collect();
    let nats = Nats::connect(&urls.join(","), config.nats_credentials.as_deref(), clock).await?;
    let terms = Terms {
        bucket: NODES.to_owned(),
        replicas: usize::from(config.nats_replicas),
        node: config.node,
        domain: config.domain.clone(),
        url: url.to_owned(),
    };
    match Cluster::join(nats.client().clone(), clock, terms).await {
        Ok(cluster) => Ok(Some((nats, cluster))),
        Err(error) => {
            nats.close().await;
            Err(error.into())
        }
    }
}

/// Gives back the place among the others.
async fn leave(cluster: Option<&Cluster>, nats: Option<&Nats>) {
    if let Some(cluster) = cluster {
        cluster.leave().await;
    }
    if let Some(nats) = nats {
        nats.close().await;
    }
}

/// What the others are told of the node.
fn vitals(hub: &Hub, draining: &AtomicBool) -> Vitals {
    Vitals {
        stage: if draining.load(Ordering::Relaxed) { Stage::Draining } else { Stage::Serving },
        room: hub.room().is_ok(),
        connections: hub.connections() as u64,
        run: hub.presence_run(),
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("config", &self.config)
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

/// The address of the first listener, as a client on this machine reaches it.
fn first_url(config: &Config, listening: &[Address]) -> String {
    let scheme = if config.tls_cert.is_some() { "wss" } else { "ws" };
    let tcp = listening.iter().find_map(|address| match address {
        Address::Tcp(address) => Some(*address),
        Address::Unix(_) => None,
    });
    match tcp {
        Some(address) => format!("{scheme}://{}/gateway", reachable(address)),
        None => format!("{scheme}://localhost/gateway"),
    }
}

/// The loopback address in place of one that stands for all.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_an_address_that_leads_somewhere() {
        let told = |addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            first_url(&Config::default(), &addresses)
        };
        assert_eq!(told(&["unix:/s", "127.0.0.1:8080"]), "ws://127.0.0.1:8080/gateway");
        assert_eq!(told(&["[::]:80"]), "ws://[::1]:80/gateway");
        assert_eq!(told(&["unix:/s"]), "ws://localhost/gateway");
        let encrypted = Config { tls_cert: Some("c".into()), ..Config::default() };
        assert_eq!(first_url(&encrypted, &["0.0.0.0:443".parse().unwrap()]), "wss://127.0.0.1:443/gateway");
    }

    #[tokio::test]
    async fn a_node_opens_and_closes_and_its_folder_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().to_owned(), hub_threads: 1, ..Config::default() };
        let node = Node::open(config.clone(), &[]).await.unwrap();
        let second = Node::open(config.clone(), &[]).await.unwrap_err();
        assert!(matches!(second, OpenError::Folder(FolderError::InUse { .. })), "{second}");
        node.drain().await;
        assert!(node.is_draining());
        node.close().await;
        drop(node);
        Node::open(config, &[]).await.unwrap().close().await;
    }
}
