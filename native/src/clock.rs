//! The only place that asks the machine for the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sanmon_core::time::{Moment, UnixMillis};

/// The machine's clocks: a monotonic one for time-outs, a wall clock for what others sign and read, and a steady one for
/// what is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// What the wall clock showed at the origin.
    began: UnixMillis,
}

impl Clock {
    /// A clock whose moments count from now.
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now(), began: wall() }
    }

    /// The present moment on the monotonic clock.
    pub(crate) fn now(&self) -> Moment {
        let millis = self.origin.elapsed().as_millis();
        Moment::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The present time as the wall clock shows it, which may be set forwards and back.
    pub(crate) fn unix(&self) -> UnixMillis {
        wall()
    }

    /// The time that the wall clock would show if nobody had set it since the start. Ages are told by this one: a clock that
    /// is set forward by an hour must not end what is to live for five minutes, nor one that is set back keep it for an hour.
    pub(crate) fn steady(&self) -> UnixMillis {
        self.began + self.origin.elapsed()
    }

    /// The std instant of a moment, for timers of the runtime.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        self.origin + std::time::Duration::from_millis(moment.as_millis())
    }
}

fn wall() -> UnixMillis {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    UnixMillis::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
