//! Nodes, a crowd at them, and backends that publish through whatever happens.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::kill::until_acknowledged;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Record, Return, Swarm};
use crate::Cluster;

/// How soon clients of these tests try again: what is looked at is what they get then.
pub(super) const SOON: Return = Return::After(Duration::from_millis(100));

/// Everyone at work.
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    pub(super) crowd: Crowd,
    pub(super) swarm: Swarm,
    pub(super) ledger: Arc<Ledger>,
    publishers: Publishers,
}

impl Scene {
    /// Brings so many clients to the nodes and starts the backends.
    pub(super) async fn set(cluster: Cluster, clients: usize, manner: Return) -> Self {
        let crowd = Crowd::settle(&cluster.nodes[0], clients, clients.div_ceil(20)).await;
        let swarm = Swarm::connect_among(&cluster.nodes, &crowd, manner);
        swarm.until_live(clients, "the clients").await;
        let ledger = Arc::<Ledger>::default();
        let pace = Pace { pause: Duration::from_millis(20), ..Pace::default() };
        let publishers = Publishers::start_among(&cluster.nodes, &crowd, &ledger, pace);
        Self { cluster, crowd, swarm, ledger, publishers }
    }

    /// How many there are.
    pub(super) fn clients(&self) -> usize {
        self.crowd.users.len()
    }

    /// How many of them are connected to a node.
    pub(super) async fn at(&self, node: usize) -> u64 {
        self.cluster.nodes[node].metric("sanmon_connections").await
    }

    /// Waits until so many more events were acknowledged.
    pub(super) async fn go_on(&self, more: u64) {
        until_acknowledged(&self.ledger, more).await;
    }

    /// How long it takes until an event is acknowledged.
    pub(super) async fn until_taken(&self) -> Duration {
        let start = Instant::now();
        until_acknowledged(&self.ledger, 1).await;
        start.elapsed()
    }

    /// Waits until so many more clients arrived and all are live; returns how long it took.
    pub(super) async fn until_back(&self, arrivals: u64) -> Duration {
        let start = Instant::now();
        let (all, board) = (self.clients(), self.swarm.board());
        self.swarm
            .until("everyone to be back", |_| self.swarm.arrivals() >= arrivals && board.live.load(Relaxed) == all)
            .await;
        start.elapsed()
    }

    /// Publishes refused so far.
    pub(super) fn refusals(&self) -> u64 {
        self.publishers.refusals()
    }

    /// Ends the backends, waits until everyone has everything, and audits it.
    pub(super) async fn end(self, tried: String, times: u32) -> (Outcome, Vec<Record>) {
        self.go_on(50).await;
        self.publishers.stop().await;
        self.swarm.settle(&self.cluster.nodes[0]).await;
        Outcome::of(tried, times, self.swarm, &self.crowd, &self.ledger)
    }
}
