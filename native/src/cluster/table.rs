//! The nodes that were seen lately.

use std::collections::BTreeMap;
use std::time::Duration;

use sanmon_core::time::Moment;

use super::bucket;
use super::record::Record;

/// A node counts as gone when nothing of it was seen for this long: its lease has run out.
pub(crate) const GONE_AFTER: Duration = bucket::TTL;

/// A node of which nothing was seen for this long did not renew its lease when it had to: it may be gone.
pub(super) const LATE_AFTER: Duration = Duration::from_secs(3);

/// Nodes by their number, each with the moment at which it was last seen. A bucket of an older server says nothing when a
/// key expires, so that has to be told by the time.
#[derive(Debug, Default)]
pub(super) struct Table {
    nodes: BTreeMap<u8, Seen>,
    /// When the server had stored the newest record of all, by its own clock.
    newest: i128,
}

#[derive(Debug)]
struct Seen {
    record: Record,
    at: Moment,
}

/// A record as it stands in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Posted {
    pub(super) number: u8,
    pub(super) record: Record,
    pub(super) revision: u64,
    /// When the server stored it, by its own clock, in nanoseconds.
    pub(super) stored: i128,
}

impl Table {
    /// A record was stored just now. Whatever the server's clock says, which may have been set back.
    pub(super) fn see(&mut self, now: Moment, posted: Posted) {
        self.newest = posted.stored;
        self.put(now, posted);
    }

    /// A record was found. One that had lain there while newer ones of others were stored is that much older, so that a node
    /// that died just before somebody starts to look is not taken for a live one.
    pub(super) fn find(&mut self, now: Moment, posted: Posted) {
        self.newest = self.newest.max(posted.stored);
        let age = u64::try_from((self.newest - posted.stored) / 1_000_000).unwrap_or(u64::MAX);
        self.put(Moment::from_millis(now.as_millis().saturating_sub(age)), posted);
    }

    fn put(&mut self, at: Moment, posted: Posted) {
        match self.nodes.get_mut(&posted.number) {
            Some(seen) if seen.record.holder == posted.record.holder => {
                *seen = Seen { record: posted.record, at: seen.at.max(at) };
            }
            _ => drop(self.nodes.insert(posted.number, Seen { record: posted.record, at })),
        }
    }

    /// A node gave its number back.
    pub(super) fn forget(&mut self, number: u8) {
        self.nodes.remove(&number);
    }

    /// The nodes that are there now.
    pub(super) fn live(&self, now: Moment) -> impl Iterator<Item = (u8, &Record)> {
        self.within(now, GONE_AFTER).map(|(number, record, _)| (number, record))
    }

    /// The nodes that were seen within this time, and when.
    pub(super) fn within(&self, now: Moment, time: Duration) -> impl Iterator<Item = (u8, &Record, Moment)> {
        let seen = self.nodes.iter().filter(move |(_, seen)| now.since(seen.at) < time);
        seen.map(|(number, seen)| (*number, &seen.record, seen.at))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Stage;
    use super::*;

    fn posted(number: u8, holder: u64, stored_ms: i128) -> Posted {
        let record = Record {
            holder,
            domain: format!("node-{number}"),
            url: "ws://127.0.0.1:1/gateway".into(),
            stage: Stage::Serving,
            room: true,
            connections: 0,
            run: None,
            started: 0,
        };
        Posted { number, record, revision: 1, stored: stored_ms * 1_000_000 }
    }

    fn live(table: &Table, ms: u64) -> Vec<(u8, u64)> {
        table.live(Moment::from_millis(ms)).map(|(number, record)| (number, record.holder)).collect()
    }

    #[test]
    fn who_is_not_seen_any_more_is_gone() {
        let mut table = Table::default();
        table.see(Moment::from_millis(100_000), posted(1, 11, 5_000_000));
        table.see(Moment::from_millis(104_000), posted(2, 12, 5_004_000));
        assert_eq!(live(&table, 105_999), [(1, 11), (2, 12)]);
        assert_eq!(live(&table, 106_000), [(2, 12)]);
        table.see(Moment::from_millis(106_500), posted(1, 13, 5_006_500));
        assert_eq!(live(&table, 107_000), [(1, 13), (2, 12)]);
        let lately: Vec<_> = table.within(Moment::from_millis(112_000), GONE_AFTER * 2).collect();
        assert_eq!(lately.iter().map(|(_, _, at)| at.as_millis()).collect::<Vec<_>>(), [106_500, 104_000]);
        table.forget(2);
        assert_eq!(live(&table, 107_000), [(1, 13)]);
    }

    #[test]
    fn what_had_lain_there_is_as_old_as_it_is() {
        let mut table = Table::default();
        let now = Moment::from_millis(50_000);
        table.find(now, posted(1, 11, 9_000));
        // The next one shows that the server's clock stands 4 s later.
        table.find(now, posted(2, 12, 13_000));
        table.find(now, posted(3, 13, 9_000));
        assert_eq!(live(&table, 51_999), [(1, 11), (2, 12), (3, 13)]);
        assert_eq!(live(&table, 52_000), [(1, 11), (2, 12)]);
        // The same record again makes nobody younger or older.
        table.find(Moment::from_millis(52_000), posted(1, 11, 9_000));
        assert_eq!(live(&table, 56_000), []);
    }

    #[test]
    fn what_is_stored_now_is_new_by_any_clock() {
        let mut table = Table::default();
        table.see(Moment::from_millis(50_000), posted(1, 11, 90_000));
        // The server's clock was set back by a minute.
        table.see(Moment::from_millis(52_000), posted(1, 11, 32_000));
        table.see(Moment::from_millis(52_500), posted(2, 12, 32_500));
        assert_eq!(live(&table, 57_999), [(1, 11), (2, 12)]);
        table.find(Moment::from_millis(53_000), posted(3, 13, 31_500));
        assert_eq!(live(&table, 57_999), [(1, 11), (2, 12), (3, 13)]);
        assert_eq!(live(&table, 58_000), [(2, 12)]);
    }
}
