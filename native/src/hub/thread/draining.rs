//! Sending everyone away: before the node stops, and while it does not know what happens on the others.

use std::cmp::Reverse;
use std::time::Duration;

use sanmon_core::event::Reconnect;
use sanmon_core::time::Moment;

use super::Thread;
use crate::hub::Backend;
use crate::hub::connection::Key;

/// How long a client is told to stay away once there is somewhere to go, at most: spread, since nodes come back empty.
const MAX_RETURN_MS: u64 = 2_000;

impl Thread {
    /// Picks for each connection the moment at which it is sent away.
    pub(super) fn plan_drain(&mut self, until: Moment) {
        self.drains_until = Some(until);
        self.leaving.clear();
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for key in slots.into_iter().filter_map(|slot| self.key_of(slot)).collect::<Vec<_>>() {
            self.plan_leave(key, until);
        }
    }

    /// Whoever is still here may stay.
    pub(super) fn cancel_drain(&mut self) {
        self.drains_until = None;
        self.leaving.clear();
    }

    /// Picks the moment for one connection. Applications stay to the end, since interactions come in for them until then.
    pub(super) fn plan_leave(&mut self, key: Key, until: Moment) {
        let user = self.connection(key).and_then(|connection| connection.session.user());
        let at = if user.is_some_and(|user| self.shared.attendance.counts(user)) {
            until
        } else {
            let window = u64::try_from(until.since(self.now).as_millis()).unwrap_or(u64::MAX);
            self.now + Duration::from_millis(random_below(window))
        };
        self.leaving.push(Reverse((at, key)));
    }

    pub(super) fn send_away(&mut self) {
        while self.leaving.peek().is_some_and(|Reverse((at, _))| *at <= self.now) {
            let Some(Reverse((_, key))) = self.leaving.pop() else { return };
            self.dismiss(key);
            self.drive(key);
        }
    }

    /// Has the session tell the client to go elsewhere, and end.
    pub(super) fn dismiss(&mut self, key: Key) {
        let now = self.now;
        let url = self.shared.backend.get().and_then(Backend::elsewhere);
        // Where there is no other node, nobody is taken before this one starts again, which it does after the window. Who tried
        // meanwhile would be turned away, and come back the later for it.
        let closed = match (&url, self.drains_until) {
            (None, Some(until)) if !self.shared.admission.is_cut_off() => until.since(now),
            _ => Duration::ZERO,
        };
        let closed_ms = u64::try_from(closed.as_millis()).unwrap_or(u64::MAX);
        let url = url.or_else(|| self.shared.backend.get().and_then(Backend::here));
        let reconnect = Reconnect { url, delay_ms: closed_ms.saturating_add(random_below(MAX_RETURN_MS)) };
        if let Some(connection) = self.connection(key) {
            connection.session.handle_drain(now, &reconnect);
        }
    }
}

fn random_below(bound: u64) -> u64 {
    getrandom::u64().unwrap_or_default() % bound.max(1)
}
