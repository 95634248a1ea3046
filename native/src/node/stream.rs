//! The store and the log of a node that is one of many: opened, read to the log's end, then followed and fed for good.

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::OpenError;
use crate::clock::Clock;
use crate::cluster::Tie;
use crate::config::{Config, ServerUrl};
use crate::hub::Hub;
use crate::log::jetstream::{JetStream, Reader, Settings, SharedStream};
use crate::log::relay;
use crate::metrics::Metrics;
use crate::nats::Nats;
use crate::store::{OnCommit, Outbox, Store};

/// A log that stands at its end, and waits to go on.
pub(super) struct Stream {
    log: JetStream,
    reader: Reader,
    outbox: Outbox,
    poked: Arc<Notify>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// Opens the store at `url` and its log, and reads all that the log holds.
///
/// # Errors
/// An [`OpenError`].
pub(super) async fn open(
    config: &Config,
    url: &ServerUrl,
    nats: &Nats,
    tie: watch::Receiver<Tie>,
    clock: Clock,
    metrics: &Arc<Metrics>,
    on_commit: OnCommit,
) -> Result<(Store, Stream), OpenError> {
    let (metrics, poked) = (Arc::clone(metrics), Arc::new(Notify::new()));
    let log = JetStream::open(nats.clone(), Settings::of(config), clock.unix()).await?;
    let shared = SharedStream::new(log.clone(), tie, Arc::clone(&poked), metrics.publish_seconds.clone());
    let store = Store::join(config, url, clock, on_commit, Arc::new(shared)).await?;
    let reader = Reader::open(log.clone(), store.clone(), clock, Arc::clone(&metrics)).await?;
    let mut outbox = store.outbox().expect("a store that was joined has an outbox");
    // A database that is newer or older than the log must not number changes as the log knows them already.
    outbox.outgrow(reader.last_change()).await?;
    Ok((store, Stream { log, reader, outbox, poked, clock, metrics }))
}

impl Stream {
    /// Follows the log for `hub`, and relays to it when no other node does, until these tasks are ended.
    pub(super) fn flow(self, hub: Hub) -> [AbortHandle; 2] {
        let Self { log, reader, outbox, poked, clock, metrics } = self;
        let reading = reader.run(move |head| hub.begin_anew(head));
        let relaying = relay::run(outbox, log, poked, clock, metrics);
        [guarded("reader of the log", reading), guarded("relay", relaying)]
    }
}

/// Runs a task that has no end. Should it panic, the node ends, as with one of the hub's threads: it would go on to serve, and
/// tell nobody what happens.
fn guarded(what: &'static str, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    let task = AssertUnwindSafe(task).catch_unwind();
    let guarded = async move {
        if task.await.is_err() {
            tracing::error!("the {what} panicked; the node ends");
            std::process::abort();
        }
    };
    tokio::spawn(guarded).abort_handle()
}
