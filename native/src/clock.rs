//! The only place that asks the machine for the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sanmon_core::time::{Moment, UnixMillis};

/// The machine's clocks: a monotonic one for time-outs, a wall clock for what is stored and shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose moments count from now.
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The present moment on the monotonic clock.
    pub(crate) fn now(&self) -> Moment {
        let millis = self.origin.elapsed().as_millis();
        Moment::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The present wall-clock time.
    pub(crate) fn unix(&self) -> UnixMillis {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        UnixMillis::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The std instant of a moment, for timers of the runtime.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        self.origin + std::time::Duration::from_millis(moment.as_millis())
    }
}
