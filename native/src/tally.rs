//! Things that happen too often for a log line each.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sanmon_core::time::Moment;

/// The shortest time between two lines about the same.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts occurrences of one thing, and says when it is time for a line about them.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Count>);

#[derive(Debug, Default)]
struct Count {
    told: Option<Moment>,
    untold: u64,
}

impl Tally {
    /// Counts one more. If it is time for a log line: how often it happened since the one before.
    pub(crate) fn note(&self, now: Moment) -> Option<u64> {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.untold += 1;
        if count.told.is_some_and(|told| now.since(told) < PAUSE) {
            return None;
        }
        count.told = Some(now);
        Some(std::mem::take(&mut count.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_then_those_of_ten_seconds_together() {
        let (tally, at) = (Tally::default(), Moment::from_millis);
        assert_eq!(tally.note(at(0)), Some(1));
        assert_eq!(tally.note(at(1)), None);
        assert_eq!(tally.note(at(9_999)), None);
        assert_eq!(tally.note(at(10_000)), Some(3));
        assert_eq!(tally.note(at(10_001)), None);
    }
}
