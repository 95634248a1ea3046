//! How fast connections are accepted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sanmon_core::gateway::RateWindow;
use sanmon_core::time::Moment;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::tally::Tally;

/// So many connections in a second, whatever listener they come by; those behind wait in the kernel's queue.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: u32,
    clock: Clock,
    window: Mutex<RateWindow>,
    tally: Tally,
}

impl Pace {
    /// At most this many in a second.
    pub(crate) fn new(per_second: u32, clock: Clock) -> Self {
        Self { per_second, clock, window: Mutex::default(), tally: Tally::default() }
    }

    /// Returns when the next connection may be served.
    pub(crate) async fn wait(&self, metrics: &Metrics) {
        let Err(mut wait) = self.take(self.clock.now()) else { return };
        metrics.accepts_delayed.inc();
        if let Some(times) = self.tally.note(self.clock.now()) {
            let limit = self.per_second;
            tracing::warn!(times, limit, "connections come faster than they are accepted; they wait");
        }
        loop {
            tokio::time::sleep(wait).await;
            match self.take(self.clock.now()) {
                Ok(()) => return,
                Err(again) => wait = again,
            }
        }
    }

    fn take(&self, now: Moment) -> Result<(), Duration> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = window.take(now, self.per_second, Duration::from_secs(1));
        taken.map(drop).map_err(|limited| limited.wait.max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_second_has_as_many_again() {
        let (pace, at) = (Pace::new(2, Clock::start()), Moment::from_millis);
        let waits = [0, 1, 2, 1_000, 1_001].map(|ms| pace.take(at(ms)).err().map(|wait| wait.as_millis()));
        assert_eq!(waits, [None, None, Some(998), None, None]);
        assert!(pace.take(at(1_999)).is_err());
    }
}
