//! The driver's answers to a session's two questions: who this is, and what the client starts from.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Early, Principal, Session, SessionOutput, State, Welcome, control};
use crate::event::{Resumed, Seq};
use crate::gateway::close::{Close, Code};
use crate::time::Moment;

impl Session {
    /// The answer to question 1; `None` for a session id that is not a valid one.
    pub fn handle_authenticated(&mut self, now: Moment, principal: Option<Principal>) {
        let State::Authenticating { early, .. } = &mut self.state else { return };
        let Some(principal) = principal else { return self.close(Close::new(Code::BadSession)) };
        let early = Box::new(Early { seq: early.seq, chosen: early.chosen.take() });
        self.outputs.push_back(SessionOutput::Replay { user: principal.user, after: early.seq });
        self.state = State::Loading { until: now + self.limits.answer_timeout, principal, early };
        self.expire(now);
    }

    /// An answer to question 2: all of it. Sends READY; the driver follows with `welcome.guilds` GUILD_INITs, whose
    /// encodings it shares among connections, then calls [`Self::handle_live`]. `head` is the place in the log to which
    /// all of that is true.
    pub fn handle_ready(&mut self, _now: Moment, head: Seq, welcome: &Welcome<'_>) {
        #[derive(Serialize)]
        struct Ready<'a> {
            user: &'a RawValue,
            guilds: u32,
            v: u32,
            url: &'a str,
            resume_window_ms: u128,
            ping_interval_ms: u128,
            ping_timeout_ms: u128,
            #[serde(skip_serializing_if = "Option::is_none")]
            resumed: Option<bool>,
        }

        let Some(asked) = self.begin_catching_up() else { return };
        let ready = Ready {
            user: welcome.user,
            guilds: welcome.guilds,
            v: 1,
            url: welcome.url,
            resume_window_ms: welcome.resume_window.as_millis(),
            ping_interval_ms: self.limits.ping_interval.as_millis(),
            ping_timeout_ms: self.limits.ping_timeout.as_millis(),
            resumed: asked.map(|_| false),
        };
        self.send(&control("READY").with_s(head).with_d(&ready));
    }

    /// An answer to question 2: the log holds everything after `after`. Sends RESUMED; the driver follows with the
    /// `replayed` missed events, then calls [`Self::handle_live`].
    pub fn handle_resumed(&mut self, _now: Moment, after: Seq, replayed: u64) {
        if self.begin_catching_up().is_some() {
            self.send(&control("RESUMED").with_s(after).with_d(&Resumed { replayed }));
        }
    }

    /// The driver has sent all that there was to catch up on: from now on the connection hears events as they happen.
    pub fn handle_live(&mut self, _now: Moment) {
        let State::CatchingUp { principal, chosen } = &mut self.state else { return };
        let (principal, chosen) = (*principal, chosen.take());
        self.state = State::Live { principal };
        self.outputs.extend(chosen.map(SessionOutput::Presence));
    }

    /// From Loading to CatchingUp; the place after which the client asked to resume, if it did. `None` in other states.
    fn begin_catching_up(&mut self) -> Option<Option<Seq>> {
        let State::Loading { principal, early, .. } = &mut self.state else { return None };
        let (principal, seq, chosen) = (*principal, early.seq, early.chosen.take());
        self.state = State::CatchingUp { principal, chosen };
        Some(seq)
    }
}
