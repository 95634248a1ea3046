//! Numbers of what changes emitted, and where in the log each of them stands.

use std::collections::VecDeque;

use sanmon_core::event::Seq;

/// The number of an entry that a change of the store emitted, in the order of commits and without holes.
///
/// On one machine it is the entry's place in the log. Where many machines share a log, the number is given with the commit,
/// and the place only when the entry, relayed from the outbox, reaches the log: other nodes' events may come in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChangeNumber(u64);

impl ChangeNumber {
    /// The change with this number.
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub(crate) const fn as_u64(self) -> u64 {
        self.0
    }

    /// Its number, as the database keeps it.
    pub(crate) const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The next one.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where the changes stand whose entries the log holds.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The last one that was met, whether or not its entry is still held.
    last: ChangeNumber,
    /// The places of those up to the last one, one beside the other.
    places: VecDeque<Seq>,
}

impl Changes {
    /// Takes the next change; one that was met before stays where it was.
    pub(super) fn push(&mut self, number: ChangeNumber, place: Seq) {
        if number <= self.last {
            return;
        }
        if number != self.last.next() {
            self.places.clear();
        }
        self.last = number;
        self.places.push_back(place);
    }

    /// The changes up to `number` were met, although their entries are no longer held.
    pub(super) fn settle(&mut self, number: ChangeNumber) {
        if number > self.last {
            self.places.clear();
            self.last = number;
        }
    }

    pub(super) const fn last(&self) -> ChangeNumber {
        self.last
    }

    /// Where a change stands; `None` once its entry is no longer held.
    pub(super) fn place_of(&self, number: ChangeNumber) -> Option<Seq> {
        let before_last = usize::try_from(self.last.0.checked_sub(number.0)?).ok()?;
        let index = self.places.len().checked_sub(before_last + 1)?;
        self.places.get(index).copied()
    }

    /// The last change that stands at this place or before it.
    pub(super) fn through(&self, place: Seq) -> ChangeNumber {
        let later = self.places.len() - self.places.partition_point(|change| *change <= place);
        ChangeNumber(self.last.0 - later as u64)
    }

    pub(super) fn forget_through(&mut self, place: Seq) {
        while self.places.front().is_some_and(|first| *first <= place) {
            self.places.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(met: &[(u64, u64)]) -> Changes {
        let mut changes = Changes::default();
        for (number, place) in met {
            changes.push(ChangeNumber(*number), Seq::new(*place));
        }
        changes
    }

    fn place(changes: &Changes, number: u64) -> Option<u64> {
        changes.place_of(ChangeNumber(number)).map(Seq::as_u64)
    }

    #[test]
    fn a_change_stands_where_it_was_met_first() {
        let mut changes = changes(&[(5, 100), (6, 103), (6, 104), (5, 105), (7, 109)]);
        assert_eq!(
            [4, 5, 6, 7, 8].map(|number| place(&changes, number)),
            [None, Some(100), Some(103), Some(109), None]
        );
        let through = |changes: &Changes, place| changes.through(Seq::new(place)).as_u64();
        assert_eq!([99, 100, 102, 103, 108, 109, 200].map(|at| through(&changes, at)), [4, 5, 5, 6, 6, 7, 7]);
        changes.forget_through(Seq::new(103));
        assert_eq!([5, 6, 7].map(|number| place(&changes, number)), [None, None, Some(109)]);
        assert_eq!((through(&changes, 104), through(&changes, 109)), (6, 7));
        changes.forget_through(Seq::new(200));
        assert_eq!((place(&changes, 7), through(&changes, 200), changes.last().as_u64()), (None, 7, 7));
    }

    #[test]
    fn what_lies_before_a_hole_is_forgotten() {
        let mut changes = changes(&[(5, 100), (9, 103)]);
        assert_eq!([5, 8, 9].map(|number| place(&changes, number)), [None, None, Some(103)]);
        changes.settle(ChangeNumber(9));
        assert_eq!(place(&changes, 9), Some(103));
        changes.settle(ChangeNumber(20));
        assert_eq!((place(&changes, 9), changes.last().as_u64()), (None, 20));
    }
}
