//! The newest entries of the log, kept in memory and shared by everyone who reads them.

use std::collections::VecDeque;
use std::sync::Arc;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;

/// The newest entries, bounded by their bytes. Their places follow one another without a hole.
#[derive(Debug)]
pub(super) struct Recent {
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    max_bytes: usize,
}

impl Recent {
    pub(super) const fn new(max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, max_bytes }
    }

    pub(super) fn push(&mut self, entry: Arc<Entry>) {
        self.bytes += cost(&entry);
        self.entries.push_back(entry);
        while self.bytes > self.max_bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= cost(&oldest);
        }
    }

    pub(super) fn at(&self, seq: Seq) -> Option<&Arc<Entry>> {
        let first = self.entries.front()?.seq.as_u64();
        let index = usize::try_from(seq.as_u64().checked_sub(first)?).ok()?;
        self.entries.get(index)
    }
}

/// About what an entry takes in memory beside its text.
pub(super) const OVERHEAD: usize = 256;

/// What an entry costs to keep, in bytes.
pub(super) fn cost(entry: &Entry) -> usize {
    entry.dispatch.as_ref().map_or(0, |dispatch| dispatch.text().len()) + OVERHEAD
}

#[cfg(test)]
mod tests {
    use sanmon_core::audience::Audience;
    use sanmon_core::entry::Draft;
    use sanmon_core::time::UnixMillis;

    use super::*;

    #[test]
    fn the_oldest_go_first() {
        let mut recent = Recent::new(3 * 300);
        for number in 10..20 {
            let draft = Draft::new(r#"{"t":"X"}"#.parse().unwrap(), Audience::Everyone);
            recent.push(Arc::new(draft.place(Seq::new(number), UnixMillis::default())));
        }
        assert!(recent.at(Seq::new(16)).is_none());
        for number in 17..20 {
            assert_eq!(recent.at(Seq::new(number)).unwrap().seq, Seq::new(number));
        }
        assert!(recent.at(Seq::new(20)).is_none());
    }
}
