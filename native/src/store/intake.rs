//! What the reader of a shared log tells the store.

use std::sync::Arc;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;

use super::error::StoreError;
use super::sweep;
use super::tx::{Touched, touched_by};
use super::writer::OnCommit;
use super::{Store, guild_inits::GuildInits};
use crate::clock::Clock;
use crate::log::{ChangeNumber, Log, Met, outbox};

/// The end of the store where the entries of a log that many machines share come in: one reader, in the log's order, without a
/// hole.
pub(crate) struct Intake {
    pub(super) log: Arc<Log>,
    pub(super) inits: Arc<GuildInits>,
    pub(super) clock: Clock,
    pub(super) on_commit: OnCommit,
}

impl Intake {
    /// Begins anew with the first entry after the place `floor`: at the start, and when the log was replaced or has a hole.
    /// Whoever was connected must be sent away first, since what they missed can't be said.
    pub(crate) fn begin(&self, floor: Seq) {
        self.inits.clear(floor);
        self.log.begin(floor);
    }

    /// Takes in entries that the log held before the node looked: nobody is told of them.
    pub(crate) fn recall(&self, met: &[Met]) {
        let now = self.clock.steady();
        self.log.meet(met, |entry| entry.at.min(now));
        self.forget(met.len());
    }

    /// Ends the reading of what the log held. All up to `relayed` was in the log before it was read, see
    /// [`Store::relayed`]: what of it was not met is no longer held.
    pub(crate) fn settle(&self, relayed: ChangeNumber) {
        self.inits.clear(self.log.head());
        self.log.settle(relayed);
    }

    /// Takes in the next entries, and tells everyone of them.
    pub(crate) fn meet(&self, met: &[Met]) {
        let Some(last) = met.last() else { return };
        let changes = met.iter().filter(|met| met.change.is_some());
        let touched: Vec<Touched> = changes.flat_map(|met| touched(&met.entry)).collect();
        self.inits.touch(&touched, last.entry.seq);
        // By this node's own clock, which alone says how old they are later.
        let now = self.clock.steady();
        self.log.meet(met, |_| now);
        self.forget(met.len());
        let entries: Vec<Arc<Entry>> = met.iter().map(|met| Arc::clone(&met.entry)).collect();
        (self.on_commit)(&entries);
    }

    /// As much as a commit forgets on one machine.
    fn forget(&self, added: usize) {
        if let Some(through) = self.log.excess(self.clock.steady(), sweep::STEP + 2 * added) {
            self.log.forget_through(through);
        }
    }
}

impl Store {
    /// The last change that is relayed to the shared log, with all before it. Whoever asks, and reads the log to its end
    /// after that, has met them all.
    ///
    /// # Errors
    /// Only faults of the machine.
    pub(crate) async fn relayed(&self) -> Result<ChangeNumber, StoreError> {
        outbox::relayed(&mut *self.read().await?).await
    }
}

/// What an entry says of guilds that are kept encoded.
fn touched(entry: &Entry) -> Vec<Touched> {
    // A text begins with the event's name: it is written so, and names need no escapes.
    let text = entry.dispatch.as_ref().and_then(|dispatch| dispatch.text().strip_prefix(r#"{"t":""#));
    let name = text.and_then(|text| text.split('"').next());
    touched_by(name, &entry.audience, entry.change.as_ref())
}
