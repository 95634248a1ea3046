//! A connection on which events come: how far it is, and whether its other end is there.

use std::time::Duration;

use super::super::keep_alive::{KeepAlive, Pulse};
use crate::event::Seq;
use crate::time::Moment;

/// How long a server has to show itself to a machine that woke.
const PATIENCE: Duration = Duration::from_secs(5);
/// No server can make a client ask more often than this.
const SHORTEST: Duration = Duration::from_millis(50);

/// When the server pings, as READY says; it holds for resumed links as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pings {
    interval: Duration,
    timeout: Duration,
}

/// A connection after READY or RESUMED.
#[derive(Debug)]
pub(super) struct Link {
    /// When it began.
    pub(super) since: Moment,
    pub(super) keep_alive: KeepAlive,
    /// The last place that it told of.
    seen: Option<Seq>,
    /// How many GUILD_INITs are yet to come.
    inits: u32,
    pings: Pings,
}

impl Default for Pings {
    fn default() -> Self {
        Self { interval: Duration::from_secs(20), timeout: Duration::from_secs(20) }
    }
}

impl Pings {
    /// What READY says; what it does not say stays.
    pub(super) fn update(&mut self, interval: Option<Duration>, timeout: Option<Duration>) {
        self.interval = interval.unwrap_or(self.interval).max(SHORTEST);
        self.timeout = timeout.unwrap_or(self.timeout).max(SHORTEST);
    }

    /// After how much silence the client asks: a little later than the server, whose pings the driver may see.
    fn silence(self) -> Duration {
        self.interval + self.interval / 4
    }
}

impl Link {
    pub(super) const fn new(now: Moment, seen: Option<Seq>, inits: u32, pings: Pings) -> Self {
        Self { since: now, keep_alive: KeepAlive::steady(now), seen, inits, pings }
    }

    /// An event came: whether it is new. One without a place always is.
    pub(super) fn take(&mut self, s: Option<Seq>) -> bool {
        let new = s.is_none() || s > self.seen;
        self.seen = self.seen.max(s);
        new
    }

    /// A GUILD_INIT came: whether it was the last that was to come.
    pub(super) const fn take_init(&mut self) -> bool {
        let last = self.inits == 1;
        self.inits = self.inits.saturating_sub(1);
        last
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.inits == 0
    }

    pub(super) const fn seen(&self) -> Option<Seq> {
        self.seen
    }

    pub(super) fn handle_timeout(&mut self, now: Moment) -> Pulse {
        self.keep_alive.handle_timeout(now, self.pings.silence(), self.pings.timeout)
    }

    pub(super) fn doubt(&mut self, now: Moment) -> Pulse {
        let Pings { timeout, .. } = self.pings;
        self.keep_alive.doubt(now, PATIENCE.min(timeout), self.pings.silence() + timeout)
    }

    pub(super) fn deadline(&self) -> Moment {
        self.keep_alive.deadline(self.pings.silence())
    }
}
