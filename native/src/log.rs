//! The one ordered event log: every event's place, its durability, and what a client that comes back has missed.

mod changes;
pub(crate) mod jetstream;
mod older;
pub(crate) mod outbox;
mod recent;
pub(crate) mod relay;
mod retention;
pub(crate) mod rows;
mod shared;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::history::{History, Replay};
use sanmon_core::time::UnixMillis;
use sqlx::AnyConnection;
use tokio::sync::watch;

pub(crate) use self::changes::ChangeNumber;
use self::changes::Changes;
use self::older::Older;
use self::recent::Recent;
use self::retention::{Bounds, Held};
pub(crate) use self::shared::{Met, Parcel, SharedLog};
use crate::config::Config;
use crate::store::StoreError;

/// Bytes of entries that are kept in memory for those who come back.
const RECENT_BYTES: usize = 32 << 20;

/// Bytes of older entries that are kept in memory while somebody asks for such.
const OLDER_BYTES: usize = 32 << 20;

/// How long a reader waits until an entry that it saw committed is known here as well.
const CATCH_UP: Duration = Duration::from_secs(5);

/// By how many places a client may be ahead of what is known here, because it comes from a node that was faster.
const AHEAD: u64 = 100_000;

/// How long such a client waits.
const AHEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Outlines of entries that are read at once when the log is opened.
const OUTLINE_PAGE: i64 = 10_000;

/// Entries that are read at once then.
const PAGE: i64 = 1000;

/// What is known of the log without asking the database.
#[derive(Debug)]
pub(crate) struct Log {
    known: RwLock<Known>,
    older: Mutex<Older>,
    /// How many entries were read back from the database.
    read_back: AtomicU64,
    /// Whether the database holds what may not stay there.
    is_frozen: AtomicBool,
    head: watch::Sender<Seq>,
    /// The last change that was met, where changes have numbers of their own: in a log that many machines share.
    met: Option<watch::Sender<ChangeNumber>>,
    bounds: Bounds,
}

#[derive(Debug)]
struct Known {
    history: History,
    recent: Recent,
    held: Held,
    /// Where changes stand; nothing on one machine, where a change's number is its place.
    changes: Changes,
}

/// How much the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogFigures {
    /// How many entries.
    pub entries: u64,
    /// The bytes of their texts.
    pub bytes: u64,
    /// When the oldest was placed.
    pub oldest_at: Option<UnixMillis>,
    /// The last place that was given.
    pub head: Seq,
    /// How many entries were read back from the database since the start, for those who come back.
    pub read_back: u64,
}

impl Log {
    /// Reads what the database holds of a log whose last place is `head`, at the time `now`.
    pub(crate) async fn load(
        conn: &mut AnyConnection,
        head: Seq,
        now: UnixMillis,
        config: &Config,
    ) -> Result<Self, StoreError> {
        let mut outlines = rows::outlines_after(conn, Seq::new(0), OUTLINE_PAGE).await?;
        let floor = outlines.first().map_or(head, |first| Seq::new(first.entry.seq.as_u64() - 1));
        let mut known = Known::after(floor);
        while let Some(newest) = outlines.last() {
            let last = newest.entry.seq;
            for outline in &outlines {
                known.history.push(&outline.entry);
                // None is from the future, unless the clock was set back meanwhile: its age counts from now then.
                known.held.push(outline.entry.seq, outline.entry.at.min(now), outline.size);
            }
            outlines = rows::outlines_after(conn, last, OUTLINE_PAGE).await?;
        }
        let mut last = known.held.newest(RECENT_BYTES, recent::OVERHEAD);
        loop {
            let page = rows::after(conn, last, PAGE).await?;
            let Some(newest) = page.last() else { break };
            last = newest.seq;
            page.into_iter().for_each(|entry| known.recent.push(entry));
        }
        Ok(Self {
            known: RwLock::new(known),
            older: Mutex::new(Older::new(OLDER_BYTES)),
            read_back: AtomicU64::new(0),
            is_frozen: AtomicBool::new(false),
            head: watch::Sender::new(head),
            met: None,
            bounds: Bounds::of(config),
        })
    }

    /// A log that many machines share, of which nothing is known yet.
    pub(crate) fn shared(config: &Config) -> Self {
        let nowhere = Seq::new(0);
        Self {
            known: RwLock::new(Known::after(nowhere)),
            older: Mutex::new(Older::new(OLDER_BYTES)),
            read_back: AtomicU64::new(0),
            is_frozen: AtomicBool::new(false),
            head: watch::Sender::new(nowhere),
            met: Some(watch::Sender::new(ChangeNumber::default())),
            bounds: Bounds::of(config),
        }
    }

    /// Begins a shared log anew, after the place `floor`: nothing of what was before counts any longer.
    pub(crate) fn begin(&self, floor: Seq) {
        *self.write() = Known::after(floor);
        *self.older() = Older::new(OLDER_BYTES);
        self.head.send_replace(floor);
        self.tell_met(ChangeNumber::default());
    }

    /// Takes in entries of a shared log, in its order and without a hole. Each counts as placed at the time `placed`.
    pub(crate) fn meet(&self, met: &[Met], placed: impl Fn(&Entry) -> UnixMillis) {
        let Some(last) = met.last() else { return };
        let mut known = self.write();
        for Met { entry, change } in met {
            known.history.push(entry);
            known.held.push(entry.seq, placed(entry), retention::size(entry));
            known.recent.push(Arc::clone(entry));
            if let Some(number) = change {
                known.changes.push(*number, entry.seq);
            }
        }
        let last_change = known.changes.last();
        drop(known);
        self.head.send_replace(last.entry.seq);
        self.tell_met(last_change);
    }

    /// All entries of changes up to `number` were met, or are no longer held: the whole of a shared log was read after they
    /// were relayed to it.
    pub(crate) fn settle(&self, number: ChangeNumber) {
        let mut known = self.write();
        known.changes.settle(number);
        let last_change = known.changes.last();
        drop(known);
        self.tell_met(last_change);
    }

    fn tell_met(&self, change: ChangeNumber) {
        if let Some(met) = &self.met {
            met.send_replace(change);
        }
    }

    /// Takes in entries that are committed.
    pub(crate) fn append(&self, entries: &[Arc<Entry>]) {
        let Some(last) = entries.last() else { return };
        let mut known = self.write();
        for entry in entries {
            known.history.push(entry);
            known.held.push(entry.seq, entry.at, retention::size(entry));
            known.recent.push(Arc::clone(entry));
        }
        drop(known);
        self.head.send_replace(last.seq);
    }

    /// The last place that is committed and known here.
    pub(crate) fn head(&self) -> Seq {
        *self.head.borrow()
    }

    /// What is in the database beyond the head may be gone at the next start: nobody is to wait for it, or hear of it.
    pub(crate) fn freeze(&self) {
        self.is_frozen.store(true, Ordering::Release);
    }

    /// What is in the database stays there.
    pub(crate) fn thaw(&self) {
        self.is_frozen.store(false, Ordering::Release);
    }

    /// The last change that somebody who has read this one in the database may hear of.
    pub(crate) fn audible(&self, change: ChangeNumber) -> ChangeNumber {
        if self.is_frozen.load(Ordering::Acquire) {
            change.min(ChangeNumber::new(self.head().as_u64()))
        } else {
            change
        }
    }

    /// Waits until the entry of `change`, which is committed, is known here.
    pub(crate) async fn reach(&self, change: ChangeNumber) -> Result<(), StoreError> {
        let reached = match &self.met {
            None => {
                let mut head = self.head.subscribe();
                let reached = head.wait_for(|head| head.as_u64() >= change.as_u64());
                matches!(tokio::time::timeout(CATCH_UP, reached).await, Ok(Ok(_)))
            }
            Some(met) => {
                let mut met = met.subscribe();
                let reached = met.wait_for(|met| *met >= change);
                matches!(tokio::time::timeout(CATCH_UP, reached).await, Ok(Ok(_)))
            }
        };
        if reached { Ok(()) } else { Err(StoreError::Log("it does not move on".into())) }
    }

    /// Waits a little for `place`, where a client is that may have come from a faster node.
    pub(crate) async fn catch_up(&self, place: Seq) {
        let head = self.head();
        if self.met.is_some() && place > head && place.as_u64() - head.as_u64() <= AHEAD {
            let mut head = self.head.subscribe();
            let _ = tokio::time::timeout(AHEAD_TIMEOUT, head.wait_for(|head| *head >= place)).await;
        }
    }

    /// Waits until `place` is met, however long that takes.
    pub(crate) async fn reach_place(&self, place: Seq) {
        let mut head = self.head.subscribe();
        // The log itself holds the other end.
        let _ = head.wait_for(|head| *head >= place).await;
    }

    /// Where a change stands that was reached; the place before all that is held, if it is no longer held.
    pub(crate) fn place_of(&self, change: ChangeNumber) -> Seq {
        if self.met.is_none() {
            return Seq::new(change.as_u64());
        }
        let known = self.read();
        known.changes.place_of(change).unwrap_or_else(|| known.held.forgotten())
    }

    /// The last change that stands at this place or before it.
    pub(crate) fn change_at(&self, place: Seq) -> ChangeNumber {
        if self.met.is_none() {
            return ChangeNumber::new(place.as_u64());
        }
        self.read().changes.through(place)
    }

    /// How many places a replay has; `None` if that can't be said any longer.
    pub(crate) fn count(&self, replay: &Replay) -> Option<u64> {
        self.read().history.count(replay)
    }

    /// The next places of a replay, at most so many; `None` if they can't be told any longer.
    pub(crate) fn next_page(&self, replay: &mut Replay, most: usize) -> Option<Vec<Seq>> {
        self.read().history.next_page(replay, most)
    }

    /// Those of the entries at these places that are in memory, each beside its place.
    pub(crate) fn in_memory(&self, places: &[Seq]) -> Vec<Option<Arc<Entry>>> {
        let known = self.read();
        let mut entries: Vec<_> = places.iter().map(|seq| known.recent.at(*seq).cloned()).collect();
        drop(known);
        if entries.iter().any(Option::is_none) {
            let older = self.older();
            for (seq, entry) in places.iter().zip(&mut entries).filter(|(_, entry)| entry.is_none()) {
                *entry = older.at(*seq).cloned();
            }
        }
        entries
    }

    /// Keeps entries that were read back from the database, and gives those that everyone shares.
    pub(crate) fn share(&self, entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
        self.read_back.fetch_add(entries.len() as u64, Ordering::Relaxed);
        let mut older = self.older();
        entries.into_iter().map(|entry| older.keep(entry)).collect()
    }

    /// The place up to which entries are to go, at most `step` of them at once.
    pub(crate) fn excess(&self, now: UnixMillis, step: usize) -> Option<Seq> {
        self.read().held.excess(self.bounds, now, step)
    }

    /// The place before the first entry that is held.
    pub(crate) fn forgotten(&self) -> Seq {
        self.read().held.forgotten()
    }

    /// Forgets the entries up to and including `seq`.
    pub(crate) fn forget_through(&self, seq: Seq) {
        let mut known = self.write();
        known.history.forget_through(seq);
        known.held.forget_through(seq);
        known.changes.forget_through(seq);
    }

    /// How much the log holds.
    pub(crate) fn figures(&self) -> LogFigures {
        let known = self.read();
        LogFigures {
            entries: known.held.entries(),
            bytes: known.held.bytes(),
            oldest_at: known.held.oldest(),
            head: self.head(),
            read_back: self.read_back.load(Ordering::Relaxed),
        }
    }

    fn older(&self) -> MutexGuard<'_, Older> {
        self.older.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Nothing under these locks can leave the data half changed.
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Nothing yet, of a log that holds nothing up to `floor`.
    fn after(floor: Seq) -> Self {
        Self {
            history: History::new(floor),
            recent: Recent::new(RECENT_BYTES),
            held: Held::none(floor),
            changes: Changes::default(),
        }
    }
}
