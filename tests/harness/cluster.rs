//! Several nodes on one NATS and one PostgreSQL, each with a road of its own to NATS.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rustix::process::Signal;
use sanmon_engines::{Durability, Nats, Postgres};
use serde_json::Value;

use crate::faults::at_home;
use crate::{PATIENCE, Proxy, Server, Setup, Weather};

/// Nodes that share their store and their log; all of it ends when dropped.
pub struct Cluster {
    /// The nodes; dropped before what they stand on.
    pub nodes: Vec<Server>,
    /// How each node comes to NATS.
    roads: Vec<Proxy>,
    /// The log.
    pub nats: Nats,
    /// Servers that hold the log beside it, where it is to outlive one.
    pub replicas: Vec<Nats>,
    /// The store, unless other tests share it.
    pub postgres: Option<Postgres>,
}

impl Cluster {
    /// So many nodes on a NATS of their own, and on a database of the PostgreSQL that the tests of this process share.
    pub async fn start(nodes: usize) -> Self {
        Self::start_with(nodes, Setup::new()).await
    }

    /// The same with other settings.
    pub async fn start_with(nodes: usize, setup: Setup) -> Self {
        let store = tokio::task::spawn_blocking(|| Postgres::shared().database()).await.expect("a database");
        Self::over(nodes, setup, &store, None).await
    }

    /// The same on a PostgreSQL of their own, which may be killed.
    pub async fn start_alone(nodes: usize, setup: Setup, durability: Durability) -> Self {
        let start = move || {
            let postgres = Postgres::start_with(durability);
            let store = postgres.database();
            (postgres, store)
        };
        let (postgres, store) = tokio::task::spawn_blocking(start).await.expect("a database");
        Self::over(nodes, setup, &store, Some(postgres)).await
    }

    /// So many nodes on three servers of NATS, each of which holds the whole log, and without roads to them.
    pub async fn start_replicated(nodes: usize, setup: Setup) -> Self {
        let start = || (Nats::start_together(3), Postgres::shared().database());
        let (mut servers, store) = tokio::task::spawn_blocking(start).await.expect("three servers and a database");
        let urls: Vec<String> = servers.iter().map(Nats::url).collect();
        let nats = servers.remove(0);
        let mut cluster = Self { nodes: Vec::new(), roads: Vec::new(), nats, replicas: servers, postgres: None };
        let setup = setup.set("store_url", store).set("nats_replicas", 3).set("nats_url", urls.join(","));
        for _ in 0..nodes {
            cluster.join(at_home(setup.clone())).await;
        }
        cluster.until_all_are_named().await;
        cluster
    }

    async fn over(count: usize, setup: Setup, store: &str, postgres: Option<Postgres>) -> Self {
        let nats = tokio::task::spawn_blocking(Nats::start).await.expect("a server");
        let mut cluster = Self { nodes: Vec::new(), roads: Vec::new(), nats, replicas: Vec::new(), postgres };
        for _ in 0..count {
            let road = Proxy::to(cluster.nats.address()).await;
            let nats_url = format!("nats://{}", road.address());
            cluster.roads.push(road);
            cluster.join(at_home(setup.clone()).set("store_url", store).set("nats_url", nats_url)).await;
        }
        cluster.until_all_are_named().await;
        cluster
    }

    async fn join(&mut self, setup: Setup) {
        let node = match self.nodes.first() {
            // It is the one that makes the operator key.
            None => setup.start().await,
            Some(first) => setup.start_beside(first.key()).await,
        };
        self.nodes.push(node);
    }

    /// Waits until every node names all of them.
    pub async fn until_all_are_named(&self) {
        join_all((0..self.nodes.len()).map(|node| self.until_named(node, self.nodes.len()))).await;
    }

    /// The servers of NATS by number, from 0 on: the first, then its replicas.
    pub fn nats_server(&mut self, number: usize) -> &mut Nats {
        match number.checked_sub(1) {
            None => &mut self.nats,
            Some(replica) => &mut self.replicas[replica],
        }
    }

    /// Changes the network between a node and NATS.
    pub fn road(&self, node: usize, weather: Weather) {
        self.roads[node].set(weather);
    }

    /// Ends a node by SIGKILL; [`Self::start_again`] brings it back.
    pub async fn kill(&mut self, node: usize) {
        self.nodes[node].signal(Signal::KILL);
        self.nodes[node].exited().await;
    }

    /// Starts a node again that ended, on the same data and address.
    pub async fn start_again(&mut self, node: usize) {
        let ended = self.nodes.remove(node);
        self.nodes.insert(node, ended.start_again().await);
    }

    /// Waits until a node names so many in `/domains`, and any of them in `/available`; returns how long it took.
    pub async fn until_named(&self, node: usize, count: usize) -> Duration {
        let start = Instant::now();
        loop {
            let named = self.named(node).await;
            if named.len() == count && self.nodes[node].anyone().get("/available").await.status == 200 {
                return start.elapsed();
            }
            assert!(start.elapsed() < PATIENCE, "node {node} names {named:?} and not {count}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The addresses that a node names in `/domains`; none while it does not serve.
    pub async fn named(&self, node: usize) -> Vec<String> {
        let answer = self.nodes[node].anyone().get("/domains").await;
        let domains: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let urls = domains.as_object().filter(|_| answer.status == 200).into_iter().flatten();
        urls.filter_map(|(_, url)| url.as_str().map(ToOwned::to_owned)).collect()
    }

    /// Waits until a node's `/readyz` answers with this status; returns how long it took.
    pub async fn until_ready(&self, node: usize, status: u16) -> Duration {
        let start = Instant::now();
        loop {
            let answer = self.nodes[node].admin().get("/readyz").await;
            if answer.status == status {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < PATIENCE,
                "node {node} answers {} {} instead of {status}",
                answer.status,
                answer.text
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
