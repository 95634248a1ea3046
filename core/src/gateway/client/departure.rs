//! The end of a connection: whether the client comes back, when, and where.

use std::time::Duration;

use super::{Client, ClientOutput, ClientState, EndReason, LONGEST_WAIT, STABLE, State};
use crate::gateway::close::{Advice, Close, Code, Reason};
use crate::time::Moment;

impl<P> Client<P> {
    /// The connection ended, or did not open. `None` is an end without a close frame.
    pub fn handle_closed(&mut self, now: Moment, code: Option<u16>, reason: &str) {
        self.handle_closed_because(now, code, Reason::parse(reason));
    }

    /// The same, from a driver that has parsed the reason.
    pub fn handle_closed_because(&mut self, now: Moment, code: Option<u16>, reason: Reason) {
        if !self.has_connection() {
            return;
        }
        let code = code.unwrap_or(1006);
        let advice = Advice::of(code);
        if advice == Advice::Stop {
            return self.end(EndReason::Refused { code, reason });
        }
        self.leave_link(now);
        if code == Code::Drain as u16 && self.moving.is_none() {
            self.next_url = None;
        }
        match (advice, reason.ms) {
            (_, Some(ms)) => self.stay_away(now, Duration::from_millis(ms)),
            (Advice::BackOff, None) => {
                let delay = self.backoff.long_delay();
                self.stay_away_for(now, delay, delay);
            }
            (Advice::Reconnect | Advice::Stop, None) => self.stay_away(now, Duration::ZERO),
        }
    }

    /// Ends the connection from this side and comes back.
    pub(super) fn give_up(&mut self, now: Moment, close: Close) {
        self.outputs.push_back(ClientOutput::Close(close));
        self.leave_link(now);
        self.stay_away(now, Duration::ZERO);
    }

    /// The connection is gone. Only one that was linked is worth a second try at the same address.
    pub(super) fn leave_link(&mut self, now: Moment) {
        let url = self.url.take();
        if let State::Linked(link) = &self.state {
            self.next_url = url;
            if now.since(link.since) >= STABLE {
                self.backoff.reset();
            }
        }
    }

    /// Waits for what the back-off says, and for as long as the server asked for at least.
    pub(super) fn stay_away(&mut self, now: Moment, asked: Duration) {
        let delay = self.backoff.delay();
        self.stay_away_for(now, asked, delay);
    }

    fn stay_away_for(&mut self, now: Moment, asked: Duration, delay: Duration) {
        let mut not_before = now + asked.min(LONGEST_WAIT);
        if let Some((url, at)) = self.moving.take() {
            self.next_url = url;
            not_before = not_before.max(at);
        }
        self.wait(now, not_before.max(now + delay), not_before);
    }

    pub(super) fn wait(&mut self, now: Moment, until: Moment, not_before: Moment) {
        self.moving = None;
        self.state = State::Waiting { until, not_before };
        let ms = u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX);
        self.outputs.push_back(ClientOutput::State(ClientState::Waiting { ms }));
    }

    pub(super) fn end(&mut self, reason: EndReason) {
        if !matches!(self.state, State::Ended) {
            self.state = State::Ended;
            self.outputs.push_back(ClientOutput::State(ClientState::Ended));
            self.outputs.push_back(ClientOutput::Ended(reason));
        }
    }

    pub(super) const fn has_connection(&self) -> bool {
        matches!(
            self.state,
            State::Connecting { .. } | State::Opened { .. } | State::Identified { .. } | State::Linked(_)
        )
    }
}
