//! What the log may forget: entries that are too old, too many, or too large together.

use std::collections::VecDeque;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::time::UnixMillis;

use crate::config::Config;

/// How much the log keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) max_age_ms: u64,
    pub(super) max_entries: u64,
    pub(super) max_bytes: u64,
}

impl Bounds {
    pub(super) const fn of(config: &Config) -> Self {
        Self { max_age_ms: config.log_max_age_ms, max_entries: config.log_max_entries, max_bytes: config.log_max_bytes }
    }
}

/// The sizes and times of all entries that the log holds: four bytes an entry, and a time for each commit.
#[derive(Debug)]
pub(super) struct Held {
    /// The place before the first entry that is held.
    forgotten: Seq,
    sizes: VecDeque<u32>,
    bytes: u64,
    /// When entries were placed: the last place of each time.
    times: VecDeque<(Seq, UnixMillis)>,
}

impl Held {
    /// Nothing is held of a log whose last place is `head`.
    pub(super) const fn none(head: Seq) -> Self {
        Self { forgotten: head, sizes: VecDeque::new(), bytes: 0, times: VecDeque::new() }
    }

    /// Takes the log's next entry, placed at the time `at`, whose text has `size` bytes.
    pub(super) fn push(&mut self, seq: Seq, at: UnixMillis, size: u32) {
        if self.sizes.is_empty() {
            self.forgotten = Seq::new(seq.as_u64() - 1);
        }
        self.sizes.push_back(size);
        self.bytes += u64::from(size);
        match self.times.back_mut() {
            Some((last, same)) if *same == at => *last = seq,
            _ => self.times.push_back((seq, at)),
        }
    }

    /// The place up to which entries are to go, at most `step` of them at once; `None` while all may stay.
    pub(super) fn excess(&self, bounds: Bounds, now: UnixMillis, step: usize) -> Option<Seq> {
        let too_many = (self.sizes.len() as u64).saturating_sub(bounds.max_entries);
        let aged = |at: &UnixMillis| now.as_millis().saturating_sub(at.as_millis()) > bounds.max_age_ms;
        // The clock may have been set back between two runs: what stands before an aged entry is as old.
        let too_old = self.times.iter().take_while(|(_, at)| aged(at)).last();
        let too_old = too_old.map_or(0, |(last, _)| last.as_u64().saturating_sub(self.forgotten.as_u64()));
        let mut bytes = self.bytes;
        let mut too_large = 0;
        for size in self.sizes.iter().take(step) {
            if bytes <= bounds.max_bytes {
                break;
            }
            bytes -= u64::from(*size);
            too_large += 1;
        }
        let count = too_many.max(too_old).max(too_large).min(step as u64);
        (count > 0).then(|| Seq::new(self.forgotten.as_u64() + count))
    }

    pub(super) fn forget_through(&mut self, seq: Seq) {
        while self.forgotten < seq {
            let Some(size) = self.sizes.pop_front() else { break };
            self.bytes -= u64::from(size);
            self.forgotten = self.forgotten.next();
        }
        while self.times.front().is_some_and(|(last, _)| *last <= seq) {
            self.times.pop_front();
        }
    }

    /// The place before the first entry that is held.
    pub(super) const fn forgotten(&self) -> Seq {
        self.forgotten
    }

    /// The place before the newest entries that take `max_bytes` together, with `overhead` bytes for each.
    pub(super) fn newest(&self, max_bytes: usize, overhead: usize) -> Seq {
        let mut bytes = 0;
        let fits = |size: &&u32| {
            bytes += **size as usize + overhead;
            bytes <= max_bytes
        };
        let newest = self.sizes.iter().rev().take_while(fits).count();
        Seq::new(self.forgotten.as_u64() + (self.sizes.len() - newest) as u64)
    }

    pub(super) fn entries(&self) -> u64 {
        self.sizes.len() as u64
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn oldest(&self) -> Option<UnixMillis> {
        self.times.front().map(|(_, at)| *at)
    }
}

/// An entry's size as the log's bound counts it: the bytes of its text.
pub(super) fn size(entry: &Entry) -> u32 {
    entry.dispatch.as_ref().map_or(0, |dispatch| u32::try_from(dispatch.text().len()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use sanmon_core::audience::Audience;
    use sanmon_core::entry::Draft;

    use super::*;

    const ALL: Bounds = Bounds { max_age_ms: 1000, max_entries: 100, max_bytes: 1 << 20 };

    /// Ten entries at places 11 to 20, two for each 100 ms from 0.
    fn held() -> Held {
        let mut held = Held::none(Seq::new(10));
        for number in 0..10 {
            let draft = Draft::new(r#"{"t":"X"}"#.parse().unwrap(), Audience::Everyone);
            let entry = draft.place(Seq::new(11 + number), UnixMillis::from_millis(number / 2 * 100));
            held.push(entry.seq, entry.at, size(&entry));
        }
        held
    }

    #[test]
    fn each_bound_cuts_to_the_entry() {
        let now = UnixMillis::from_millis(400);
        let excess = |bounds, step| held().excess(bounds, now, step).map(Seq::as_u64);
        let size = held().bytes() / 10;
        assert_eq!(excess(ALL, 99), None);
        assert_eq!(excess(Bounds { max_entries: 7, ..ALL }, 99), Some(13));
        assert_eq!(excess(Bounds { max_bytes: size * 4 + 1, ..ALL }, 99), Some(16));
        assert_eq!(excess(Bounds { max_age_ms: 250, ..ALL }, 99), Some(14));
        assert_eq!(excess(Bounds { max_entries: 0, ..ALL }, 3), Some(13));
    }

    #[test]
    fn what_is_forgotten_no_longer_counts() {
        let mut held = held();
        held.forget_through(Seq::new(13));
        assert_eq!((held.entries(), held.forgotten()), (7, Seq::new(13)));
        let size = usize::try_from(held.bytes()).unwrap() / 7;
        assert_eq!(held.newest(4 * (size + 10) - 1, 10), Seq::new(17));
        assert_eq!(held.newest(usize::MAX, 10), Seq::new(13));
        assert_eq!(held.oldest(), Some(UnixMillis::from_millis(100)));
        held.forget_through(Seq::new(20));
        assert_eq!((held.entries(), held.bytes(), held.oldest()), (0, 0, None));
    }
}
