//! What a client says: counted, read, and done.

use std::time::Duration;

use serde_json::value::RawValue;

use super::request::{self, Identify, Request};
use super::{Early, Session, SessionOutput, State, control};
use crate::codec::{Message, decode};
use crate::event::Presence;
use crate::gateway::close::{Close, Code};
use crate::gateway::limits::RateWindow;
use crate::time::Moment;

/// What messages are counted in: 120 of them a minute.
const MINUTE: Duration = Duration::from_secs(60);

impl Session {
    /// A whole text or binary message came.
    ///
    /// `rate` is the window that all connections of the user share; all of them live on one thread. It is `None` while
    /// [`Self::user`] is: the session counts the few messages before by itself, and charges the user's window for them
    /// with the first message after.
    pub fn handle_message(&mut self, now: Moment, message: &Message, rate: Option<&mut RateWindow>) {
        if self.is_closed() {
            return;
        }
        if let Err(wait) = self.count(now, rate) {
            return self.close(Close::after(Code::RateLimited, wait));
        }
        let text = match decode(message, self.encoding, self.limits.max_message_bytes) {
            Ok(text) => text,
            Err(error) => return self.close(request::undecodable(&error)),
        };
        if let State::Identifying { .. } = self.state {
            match Identify::read(&text) {
                Ok(identify) => self.identify(now, identify),
                Err(close) => self.close(close),
            }
        } else {
            match Request::read(&text) {
                Ok(Request::Ping(d)) => self.pong(d),
                Ok(Request::Presence(presence)) => self.choose(presence),
                Err(close) => self.close(close),
            }
        }
    }

    /// Counts one message; an error says how long until the next would be taken.
    fn count(&mut self, now: Moment, rate: Option<&mut RateWindow>) -> Result<(), Duration> {
        let limit = self.limits.max_messages_per_minute;
        self.uncounted = self.uncounted.saturating_add(1);
        match rate {
            None if u32::from(self.uncounted) > limit => Err(MINUTE),
            None => Ok(()),
            Some(rate) => {
                for _ in 0..std::mem::take(&mut self.uncounted) {
                    rate.take(now, limit, MINUTE).map_err(|limited| limited.wait)?;
                }
                Ok(())
            }
        }
    }

    fn identify(&mut self, now: Moment, identify: Identify) {
        let Identify { session_id, encoding, seq } = identify;
        self.encoding = encoding;
        let early = Box::new(Early { seq, chosen: None });
        self.state = State::Authenticating { until: now + self.limits.answer_timeout, early };
        self.outputs.push_back(SessionOutput::Authenticate { session_id });
    }

    fn pong(&mut self, d: Option<Box<RawValue>>) {
        let pong = control("PONG");
        self.send(&match d {
            Some(d) => pong.with("d", d),
            None => pong,
        });
    }

    fn choose(&mut self, presence: Box<Presence>) {
        match &mut self.state {
            State::Authenticating { early, .. } | State::Loading { early, .. } => early.chosen = Some(presence),
            State::CatchingUp { chosen, .. } => *chosen = Some(presence),
            State::Live { .. } => self.outputs.push_back(SessionOutput::Presence(presence)),
            State::Identifying { .. } | State::Closed { .. } => {}
        }
    }
}
