//! How many requests a session may make: so many in a window, for each group of routes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use sanmon_core::id::Id;
use sanmon_core::time::{Moment, UnixMillis};

use crate::clock::Clock;

/// What every session has used of its requests. A window opens with a session's first request in a group.
#[derive(Debug)]
pub(super) struct Quotas {
    limit: u32,
    window: Duration,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    windows: HashMap<(Id, &'static str), Window>,
    /// When windows that have passed are next thrown away.
    sweep_at: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    opened: Moment,
    requests: u32,
}

/// Where a session stands after a request: the X-RateLimit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    limit: u32,
    remaining: u32,
    /// How long until the session may again make `limit` requests.
    left: Duration,
    reset: UnixMillis,
    group: &'static str,
}

/// The session has used up its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UsedUp;

impl Quotas {
    pub(super) fn new(limit: u32, window: Duration) -> Self {
        Self { limit, window, used: Mutex::default() }
    }

    /// Counts a request of a session.
    pub(super) fn take(&self, clock: &Clock, session: Id, group: &'static str) -> (Quota, Result<(), UsedUp>) {
        self.take_at(clock.now(), clock.unix(), session, group)
    }

    fn take_at(&self, now: Moment, at: UnixMillis, session: Id, group: &'static str) -> (Quota, Result<(), UsedUp>) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= used.sweep_at {
            used.windows.retain(|_, window| now.since(window.opened) < self.window);
            used.windows.shrink_to(1024);
            used.sweep_at = now + self.window;
        }
        let window = used.windows.entry((session, group)).or_insert(Window { opened: now, requests: 0 });
        if now.since(window.opened) >= self.window {
            *window = Window { opened: now, requests: 0 };
        }
        let taken = if window.requests < self.limit { Ok(()) } else { Err(UsedUp) };
        window.requests += u32::from(taken.is_ok());
        let left = self.window.saturating_sub(now.since(window.opened));
        let remaining = self.limit - window.requests;
        (Quota { limit: self.limit, remaining, left, reset: at + left, group }, taken)
    }
}

impl Quota {
    /// Whole seconds until the window ends.
    pub(super) fn retry_after_s(&self) -> u64 {
        self.left.as_millis().div_ceil(1000).max(1) as u64
    }

    /// Adds the X-RateLimit headers.
    pub(super) fn stamp(&self, headers: &mut HeaderMap) {
        headers.insert("x-ratelimit-limit", self.limit.into());
        headers.insert("x-ratelimit-remaining", self.remaining.into());
        headers.insert("x-ratelimit-reset", self.reset.as_millis().into());
        headers.insert("x-ratelimit-bucket", HeaderValue::from_static(self.group));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(quotas: &Quotas, millis: u64, session: u64, group: &'static str) -> (u32, u64, bool) {
        let (now, at) = (Moment::from_millis(millis), UnixMillis::from_millis(1_000_000 + millis));
        let (quota, taken) = quotas.take_at(now, at, Id::new(session).unwrap(), group);
        (quota.remaining, quota.reset.as_millis(), taken.is_ok())
    }

    #[test]
    fn a_window_holds_so_many_requests_and_then_starts_anew() {
        let quotas = Quotas::new(2, Duration::from_secs(10));
        assert_eq!(take(&quotas, 0, 1, "guilds"), (1, 1_010_000, true));
        assert_eq!(take(&quotas, 3_000, 1, "guilds"), (0, 1_010_000, true));
        assert_eq!(take(&quotas, 9_999, 1, "guilds"), (0, 1_010_000, false));
        assert_eq!(take(&quotas, 9_999, 1, "users"), (1, 1_019_999, true));
        assert_eq!(take(&quotas, 9_999, 2, "guilds"), (1, 1_019_999, true));
        assert_eq!(take(&quotas, 10_000, 1, "guilds"), (1, 1_020_000, true));
    }

    #[test]
    fn windows_that_have_passed_are_forgotten() {
        let quotas = Quotas::new(2, Duration::from_secs(10));
        for session in 1..=100 {
            take(&quotas, 0, session, "guilds");
        }
        take(&quotas, 20_000, 500, "guilds");
        assert_eq!(quotas.used.lock().unwrap().windows.len(), 1);
    }
}
