//! One running server: its configuration, clock, metrics, and whether it drains.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::Clock;
use crate::config::Config;
use crate::metrics::Metrics;

/// One running server, shared by everything that answers for it.
#[derive(Debug)]
pub struct Node {
    /// What the operator set.
    pub config: Config,
    /// The machine's clocks.
    pub clock: Clock,
    /// What the node counts.
    pub metrics: Arc<Metrics>,
    /// The address that clients are told, such as `wss://gw1.example/gateway`.
    pub public_url: String,
    draining: AtomicBool,
}

impl Node {
    /// Whether the node is about to stop: it takes no new connections and is not named to anyone.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From here on the node counts as draining.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
