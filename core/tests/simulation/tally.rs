//! What came of a run: what it saw, or what went wrong in it.

use std::time::Duration;

use sanmon_core::time::Moment;

/// A rule of the protocol was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) at: Moment,
    pub(crate) what: String,
}

/// What a run of the world saw.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connections: u64,
    pub(crate) delivered: u64,
    pub(crate) resumed: u64,
    pub(crate) resets: u64,
    pub(crate) slow: u64,
    pub(crate) crashes: u64,
    pub(crate) drains: u64,
    /// From the end of all trouble until the last client was live.
    pub(crate) recovery: Duration,
}

impl Tally {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            delivered: self.delivered + other.delivered,
            resumed: self.resumed + other.resumed,
            resets: self.resets + other.resets,
            slow: self.slow + other.slow,
            crashes: self.crashes + other.crashes,
            drains: self.drains + other.drains,
            recovery: self.recovery.max(other.recovery),
        }
    }
}
