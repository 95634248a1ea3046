//! Moments and wall-clock times as plain numbers that the driver gives.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment on the driver's monotonic clock, in milliseconds since an origin that the driver picks.
///
/// `std::time::Instant` can't be made on wasm32, and a virtual clock can't make one at all, so every machine of this
/// crate takes this number instead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The moment `millis` milliseconds after the driver's origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the driver's origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time that went by since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// A wall-clock time: integer milliseconds since 1970-01-01T00:00:00Z, as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// 2020-01-01T00:00:00Z, where snowflakes and log positions begin to count.
    pub const EPOCH_2020: Self = Self(1_577_836_800_000);

    /// The time `millis` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Milliseconds since [`Self::EPOCH_2020`]; zero for a clock that stands before it.
    pub const fn since_2020(self) -> u64 {
        self.0.saturating_sub(Self::EPOCH_2020.0)
    }
}

impl std::ops::Add<Duration> for UnixMillis {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_never_runs_backwards() {
        let (early, late) = (Moment::from_millis(5), Moment::from_millis(9));
        assert_eq!(late.since(early), Duration::from_millis(4));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late + Duration::MAX, Moment::from_millis(u64::MAX));
    }
}
