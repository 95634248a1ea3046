//! Notices that the machine has slept: the clock that timers go by stands still meanwhile, and the wall clock does not.

use std::time::Duration;

use sanmon_core::time::UnixMillis;

/// The wall clock may be ahead by so much more than the last time: it is set now and then, a little.
const SLACK: Duration = Duration::from_secs(2);

/// By how much the wall clock was ahead of the other one when it was looked last.
#[derive(Debug, Default)]
pub(super) struct Sleep {
    ahead: Option<i128>,
}

impl Sleep {
    /// Whether the machine has slept since this was asked last. A wall clock that somebody sets forward looks the same, which
    /// costs no more than a link that is asked whether it lives.
    pub(super) fn has_ended(&mut self, wall: UnixMillis, steady: UnixMillis) -> bool {
        let ahead = i128::from(wall.as_millis()) - i128::from(steady.as_millis());
        let before = self.ahead.replace(ahead);
        before.is_some_and(|before| ahead - before > SLACK.as_millis() as i128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_runs_ahead_tells_of_sleep() {
        let (mut sleep, at) = (Sleep::default(), UnixMillis::from_millis);
        assert!(!sleep.has_ended(at(100_000), at(1_000)), "nobody knows what was before");
        assert!(!sleep.has_ended(at(105_000), at(6_000)));
        assert!(!sleep.has_ended(at(111_900), at(11_000)), "set forward a little");
        assert!(sleep.has_ended(at(200_000), at(12_000)), "it slept for minutes");
        assert!(!sleep.has_ended(at(201_000), at(13_000)));
        assert!(!sleep.has_ended(at(1_000), at(14_000)), "set back");
        assert!(!sleep.has_ended(at(2_000), at(15_000)));
    }
}
