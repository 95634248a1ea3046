//! The log that many machines share, as the store sees it: what it asks of the log, and what the log's reader tells it.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::{Envelope, Seq};
use sanmon_core::time::UnixMillis;

use super::changes::ChangeNumber;
use crate::store::StoreError;

/// What the store asks of a log that many machines share.
pub(crate) trait SharedLog: fmt::Debug + Send + Sync {
    /// Puts events into the log that change nothing that is stored, and returns their places once they are durable. With
    /// `key`, the event with the same key and index is put there once, however often this is called.
    fn publish(&self, drafts: Vec<Draft>, key: Option<String>) -> BoxFuture<'_, Result<Vec<Seq>, StoreError>>;

    /// The entries at these places, in the log's order; places that are no longer held are left out.
    fn read(&self, places: Vec<Seq>) -> BoxFuture<'_, Result<Vec<Arc<Entry>>, StoreError>>;

    /// The last place that the log gave, asked of it now.
    fn head(&self) -> BoxFuture<'_, Result<Seq, StoreError>>;

    /// Returns once this node knows that it can't reach the log, which it notices after some seconds; at once while it knows.
    fn out_of_reach(&self) -> BoxFuture<'_, ()>;

    /// Something was committed to the outbox, and is to be relayed soon. It must not block.
    fn poke(&self);

    /// The largest entry that the log takes: the bytes of its audience, change and event as texts.
    fn max_entry_bytes(&self) -> usize;
}

/// An entry of the shared log, in the log's order.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    /// The entry at its place. A message that is none, or was relayed twice, is an entry without event or change.
    pub(crate) entry: Arc<Entry>,
    /// The number of the change that emitted it; `None` for what was published.
    pub(crate) change: Option<ChangeNumber>,
}

/// An entry that waits in the outbox, or is on its way there: the texts of which its message is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Its number.
    pub(crate) number: ChangeNumber,
    /// When it was emitted.
    pub(crate) at: UnixMillis,
    /// Who hears it, as JSON.
    pub(crate) audience: String,
    /// What it changes for live connections, as JSON.
    pub(crate) change: Option<String>,
    /// The event without its place.
    pub(crate) event: Option<String>,
}

impl Parcel {
    /// What a change emitted.
    pub(crate) fn of(number: ChangeNumber, at: UnixMillis, draft: &Draft) -> Self {
        let json = "an audience and a change have a JSON form";
        Self {
            number,
            at,
            audience: serde_json::to_string(&draft.audience).expect(json),
            change: draft.change.as_ref().map(|change| serde_json::to_string(change).expect(json)),
            event: draft.event.as_ref().map(Envelope::to_json),
        }
    }

    /// The bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        self.audience.len() + self.change.as_ref().map_or(0, String::len) + self.event.as_ref().map_or(0, String::len)
    }
}
