//! The stream as the store sees it: where what is published goes, and where old entries come from.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use prometheus::Histogram;
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::Seq;
use tokio::sync::{Notify, Semaphore, watch};

use super::{Body, JetStream, Outgoing};
use crate::cluster::Tie;
use crate::log::SharedLog;
use crate::nats::Link;
use crate::store::StoreError;

/// Bytes of events that may be on their way to the stream.
const ROOM: usize = 64 << 20;

/// The stream as the store sees it.
#[derive(Debug)]
pub(crate) struct SharedStream {
    log: JetStream,
    /// Whether this node and the others know of each other.
    tie: watch::Receiver<Tie>,
    room: Semaphore,
    /// Told when something waits in the outbox.
    outbox: Arc<Notify>,
    /// Seconds until what was published is stored.
    seconds: Histogram,
}

impl SharedStream {
    /// The stream `log`, beside an outbox whose relay is woken by `outbox`, at a node whose tie to the others is `tie`.
    pub(crate) fn new(log: JetStream, tie: watch::Receiver<Tie>, outbox: Arc<Notify>, seconds: Histogram) -> Self {
        Self { log, tie, room: Semaphore::new(ROOM), outbox, seconds }
    }
}

impl SharedLog for SharedStream {
    fn publish(&self, drafts: Vec<Draft>, key: Option<String>) -> BoxFuture<'_, Result<Vec<Seq>, StoreError>> {
        Box::pin(async move {
            let _timer = self.seconds.start_timer();
            let id = |index: usize| key.as_ref().map(|key| format!("{key}:{index}"));
            let outgoing = |(index, draft)| Outgoing { body: Body::of(draft), id: id(index) };
            let messages: Vec<Outgoing> = drafts.iter().enumerate().map(outgoing).collect();
            let bytes = messages.iter().map(|message| message.body.len()).sum::<usize>().clamp(1, ROOM);
            let bytes = u32::try_from(bytes).expect("the bound fits");
            let _room = self.room.try_acquire_many(bytes).map_err(|_| StoreError::Busy)?;
            self.log.publish(messages).await
        })
    }

    fn read(&self, places: Vec<Seq>) -> BoxFuture<'_, Result<Vec<Arc<Entry>>, StoreError>> {
        Box::pin(async move { self.log.at(&places).await })
    }

    fn head(&self) -> BoxFuture<'_, Result<Seq, StoreError>> {
        Box::pin(async move {
            let extent = self.log.extent().await;
            extent.map(|extent| extent.head).map_err(|error| StoreError::Log(error.to_string()))
        })
    }

    fn out_of_reach(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut link = self.log.nats().link();
            tokio::select! {
                // Silence shows there first.
                () = Tie::cut_off(self.tie.clone()) => {}
                Ok(_) = link.wait_for(|link| *link != Link::Up) => {}
            }
        })
    }

    fn poke(&self) {
        self.outbox.notify_one();
    }

    fn max_entry_bytes(&self) -> usize {
        Body::room(self.log.nats().max_payload())
    }
}
