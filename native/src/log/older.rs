//! Entries that were read back from the database, kept a while for the next who asks for them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;

use super::recent::cost;

/// Entries older than the recent ones, bounded by their bytes. When thousands come back from a long absence at once, they walk
/// over the same places one shortly after the other: the first reads an entry, and the others share it, encoded and all.
#[derive(Debug)]
pub(super) struct Older {
    entries: HashMap<Seq, Arc<Entry>>,
    /// The places in the order in which they were read.
    order: VecDeque<Seq>,
    bytes: usize,
    max_bytes: usize,
}

impl Older {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), bytes: 0, max_bytes }
    }

    pub(super) fn at(&self, seq: Seq) -> Option<&Arc<Entry>> {
        self.entries.get(&seq)
    }

    /// Keeps an entry: the one that is kept already, if two read it at the same time.
    pub(super) fn keep(&mut self, entry: Arc<Entry>) -> Arc<Entry> {
        if let Some(kept) = self.entries.get(&entry.seq) {
            return Arc::clone(kept);
        }
        self.bytes += cost(&entry);
        self.order.push_back(entry.seq);
        self.entries.insert(entry.seq, Arc::clone(&entry));
        while self.bytes > self.max_bytes {
            let Some(gone) = self.order.pop_front().and_then(|oldest| self.entries.remove(&oldest)) else { break };
            self.bytes -= cost(&gone);
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use sanmon_core::audience::Audience;
    use sanmon_core::entry::Draft;
    use sanmon_core::time::UnixMillis;

    use super::*;

    fn entry(number: u64) -> Arc<Entry> {
        let draft = Draft::new(r#"{"t":"X"}"#.parse().unwrap(), Audience::Everyone);
        Arc::new(draft.place(Seq::new(number), UnixMillis::default()))
    }

    #[test]
    fn whoever_reads_an_entry_again_shares_the_first() {
        let mut older = Older::new(3 * 300);
        let first = older.keep(entry(5));
        assert!(Arc::ptr_eq(&older.keep(entry(5)), &first) && Arc::ptr_eq(older.at(Seq::new(5)).unwrap(), &first));
        // Those that were read first go first, whatever their places.
        for number in [9, 7, 8] {
            older.keep(entry(number));
        }
        assert!(older.at(Seq::new(5)).is_none());
        assert!([7, 8, 9].iter().all(|number| older.at(Seq::new(*number)).is_some()));
    }
}
