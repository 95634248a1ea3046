//! The newest entries of the log, shared by all hub threads.
//!
//! Each thread walks the ring at its own pace and by its own cursor, so publishing never waits for a thread. What bounds the
//! ring bounds how far a thread may lag: one that lags further has lost entries, and closes its connections as slow, since
//! resume gives them what they missed. The same ring joins a connection that catches up to the live ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{Lagged, Recent};

/// Entries that the ring holds at most.
const MAX_ENTRIES: usize = 65_536;
/// Bytes of events that the ring holds at most; a single larger entry is still held.
const MAX_BYTES: usize = 64 << 20;

/// The newest entries of the log.
#[derive(Debug)]
pub(super) struct Ring {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// How many entries went through the ring and out of it.
    gone: u64,
    /// The place up to which entries are not in the ring.
    floor: Seq,
    head: Seq,
    /// Cursors before this one were left behind when the log began anew.
    anew: u64,
}

impl Ring {
    pub(super) fn new() -> Self {
        let (floor, head) = (Seq::default(), Seq::default());
        Self { inner: Mutex::new(Inner { entries: VecDeque::new(), bytes: 0, gone: 0, floor, head, anew: 0 }) }
    }

    /// The log stands at `head`, and what comes from now on follows it.
    pub(super) fn begin(&self, head: Seq) {
        let mut inner = self.lock();
        if inner.entries.is_empty() {
            (inner.floor, inner.head) = (head, head);
        }
    }

    /// The log began anew, and what comes from now on follows `head`: whoever has walked the ring up to here is told so.
    pub(super) fn begin_anew(&self, head: Seq) {
        let mut inner = self.lock();
        // One beyond the last, so that a cursor at the end is left behind as well.
        inner.gone += inner.entries.len() as u64 + 1;
        inner.anew = inner.gone;
        inner.entries.clear();
        inner.bytes = 0;
        (inner.floor, inner.head) = (head, head);
    }

    /// Whether a cursor was left behind since the log began anew, and not since its thread lagged.
    pub(super) fn began_anew_since(&self, cursor: u64) -> bool {
        cursor < self.lock().anew
    }

    pub(super) fn push(&self, entries: &[Arc<Entry>]) {
        let mut inner = self.lock();
        for entry in entries {
            inner.bytes += bytes_of(entry);
            inner.head = entry.seq;
            inner.entries.push_back(entry.clone());
        }
        while inner.entries.len() > MAX_ENTRIES || (inner.bytes > MAX_BYTES && inner.entries.len() > 1) {
            let Some(oldest) = inner.entries.pop_front() else { break };
            inner.bytes -= bytes_of(&oldest);
            inner.gone += 1;
            inner.floor = oldest.seq;
        }
    }

    /// The place of the last entry, and the cursor behind it.
    pub(super) fn end(&self) -> (Seq, u64) {
        let inner = self.lock();
        (inner.head, inner.gone + inner.entries.len() as u64)
    }

    /// Takes at most `most` entries at `cursor` into `out`, moves the cursor behind them and answers the log's place there.
    pub(super) fn take(&self, cursor: &mut u64, most: usize, out: &mut Vec<Arc<Entry>>) -> Result<Seq, Lagged> {
        let inner = self.lock();
        let start = cursor.checked_sub(inner.gone).ok_or(Lagged)? as usize;
        let end = inner.entries.len().min(start + most);
        out.extend(inner.entries.range(start..end).cloned());
        *cursor = inner.gone + end as u64;
        Ok(if end == inner.entries.len() { inner.head } else { inner.entries[end - 1].seq })
    }

    /// Whether any entry after the place `after` and not after `until` is such a one.
    pub(super) fn any_between(&self, after: Seq, until: Seq, such: impl Fn(&Entry) -> bool) -> Result<bool, Lagged> {
        let inner = self.lock();
        if after < inner.floor {
            return Err(Lagged);
        }
        let start = inner.entries.partition_point(|entry| entry.seq <= after);
        Ok(inner.entries.range(start..).take_while(|entry| entry.seq <= until).any(|entry| such(entry)))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here leaves the ring half changed in a way that could hurt more than stopping all delivery.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent for Ring {
    fn between(&self, after: Seq, until: Seq, most: usize) -> Result<Vec<Arc<Entry>>, Lagged> {
        let inner = self.lock();
        if after < inner.floor {
            return Err(Lagged);
        }
        let start = inner.entries.partition_point(|entry| entry.seq <= after);
        Ok(inner.entries.range(start..).take(most).take_while(|entry| entry.seq <= until).cloned().collect())
    }
}

fn bytes_of(entry: &Entry) -> usize {
    entry.dispatch.as_ref().map_or(0, |dispatch| dispatch.text().len()) + size_of::<Entry>()
}

#[cfg(test)]
mod tests {
    use sanmon_core::audience::Audience;
    use sanmon_core::entry::Draft;
    use sanmon_core::event::Envelope;
    use sanmon_core::time::UnixMillis;

    use super::*;

    fn entry(seq: u64, text: &str) -> Arc<Entry> {
        let event: Envelope = format!(r#"{{"t":"X","d":"{text}"}}"#).parse().unwrap();
        Arc::new(Draft::new(event, Audience::Everyone).place(Seq::new(seq), UnixMillis::default()))
    }

    fn seqs(entries: &[Arc<Entry>]) -> Vec<u64> {
        entries.iter().map(|entry| entry.seq.as_u64()).collect()
    }

    #[test]
    fn cursors_walk_and_places_are_found_between_holes() {
        let ring = Ring::new();
        ring.begin(Seq::new(10));
        let (head, mut cursor) = ring.end();
        assert_eq!(head, Seq::new(10));
        ring.push(&[entry(12, ""), entry(15, ""), entry(16, "")]);
        let mut out = Vec::new();
        assert_eq!(ring.take(&mut cursor, 2, &mut out), Ok(Seq::new(15)));
        assert_eq!(seqs(&out), [12, 15]);
        out.clear();
        ring.take(&mut cursor, 2, &mut out).unwrap();
        assert_eq!(seqs(&out), [16]);
        let between = |after, until| ring.between(Seq::new(after), Seq::new(until), 9).map(|found| seqs(&found));
        assert_eq!(between(10, 16), Ok(vec![12, 15, 16]));
        assert_eq!(between(12, 15), Ok(vec![15]));
        assert_eq!(between(16, 16), Ok(vec![]));
        assert_eq!(between(9, 16), Err(Lagged));
    }

    #[test]
    fn who_lags_beyond_the_bound_is_told() {
        let ring = Ring::new();
        let (_, mut cursor) = ring.end();
        let big = "x".repeat(MAX_BYTES / 2);
        ring.push(&[entry(1, &big), entry(2, &big), entry(3, "small")]);
        assert_eq!(ring.take(&mut cursor, 9, &mut Vec::new()), Err(Lagged));
        assert_eq!(ring.between(Seq::new(0), Seq::new(3), 9).map(|found| seqs(&found)), Err(Lagged));
        assert_eq!(ring.between(Seq::new(1), Seq::new(3), 9).map(|found| seqs(&found)), Ok(vec![2, 3]));
        assert!(!ring.began_anew_since(cursor));
    }

    #[test]
    fn everyone_is_told_that_the_log_began_anew() {
        let ring = Ring::new();
        ring.begin(Seq::new(10));
        ring.push(&[entry(11, "")]);
        let (_, mut cursor) = ring.end();
        ring.begin_anew(Seq::new(50));
        let before = cursor;
        assert_eq!(ring.take(&mut cursor, 9, &mut Vec::new()), Err(Lagged));
        assert!(ring.began_anew_since(before));
        assert_eq!(ring.between(Seq::new(11), Seq::new(60), 9).map(|found| seqs(&found)), Err(Lagged));
        let (head, mut cursor) = ring.end();
        ring.push(&[entry(51, "")]);
        let mut out = Vec::new();
        assert_eq!((head, ring.take(&mut cursor, 9, &mut out)), (Seq::new(50), Ok(Seq::new(51))));
        assert!(seqs(&out) == [51] && !ring.began_anew_since(cursor));
    }
}
