//! The server's end of one connection.

mod answers;
mod messages;
mod output;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub use self::output::{Fault, Principal, SessionOutput, Welcome};
use super::close::{Close, Code};
use super::keep_alive::{KeepAlive, Pulse};
use super::limits::Limits;
use crate::codec::{Dispatch, Encoding, Opcode, frame};
use crate::event::{Envelope, Presence, Reconnect, Seq};
use crate::id::Id;
use crate::time::Moment;

/// The server's end of one connection, from the upgrade to the close.
///
/// The driver moves bytes and keeps time. It parses WebSocket frames, reports every read by [`Self::handle_bytes`], hands
/// in whole messages and control frames, writes what [`SessionOutput::Send`] holds in order, answers the two questions,
/// and calls [`Self::handle_timeout`] at [`Self::deadline`]. After [`SessionOutput::Close`] nothing comes out any more and
/// nothing that goes in matters.
///
/// An idle session is this struct and nothing on the heap.
#[derive(Debug)]
pub struct Session {
    limits: Arc<Limits>,
    state: State,
    keep_alive: KeepAlive,
    outputs: VecDeque<SessionOutput>,
    encoding: Encoding,
    /// Messages that no user's window has counted yet.
    uncounted: u16,
}

/// ```text
///                    identify             known               READY or RESUMED         live
///  Identifying ───────────► Authenticating ─────► Loading ───────────────► CatchingUp ─────► Live
///       │                        │                   │                         │              │
///       └────────────────────────┴───────────────────┴────────── Close ────────┴──────────────┴──► Closed
/// ```
#[derive(Debug)]
enum State {
    /// Nothing was said yet.
    Identifying { until: Moment },
    /// The driver was asked who this is.
    Authenticating { until: Moment, early: Box<Early> },
    /// The driver was asked for what the client missed, or for all of it.
    Loading { until: Moment, principal: Principal, early: Box<Early> },
    /// The driver sends GUILD_INITs or missed events, at the socket's pace.
    CatchingUp { principal: Principal, chosen: Option<Box<Presence>> },
    /// The connection hears events as they happen.
    Live { principal: Principal },
    /// It is over. Who it was stays known, so that the driver can clean up.
    Closed { principal: Option<Principal> },
}

/// What the client said before it is live.
#[derive(Debug)]
struct Early {
    seq: Option<Seq>,
    /// The last presence that it chose: shown once it is live.
    chosen: Option<Box<Presence>>,
}

impl Session {
    /// A connection that was just upgraded. `phase_seed` is any random number: it spreads the pings of connections that
    /// came at the same time.
    pub fn new(now: Moment, limits: Arc<Limits>, phase_seed: u64) -> Self {
        let interval = u64::try_from(limits.ping_interval.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            state: State::Identifying { until: now + limits.identify_timeout },
            keep_alive: KeepAlive::new(now, Duration::from_millis(1 + phase_seed % interval)),
            limits,
            outputs: VecDeque::new(),
            encoding: Encoding::default(),
            uncounted: 0,
        }
    }

    /// Bytes came from the peer, whatever they are: it is alive. Cheap enough for every read.
    pub const fn handle_bytes(&mut self, now: Moment) {
        self.keep_alive.handle_bytes(now);
    }

    /// A ping frame came. Its payload is at most 125 bytes, as RFC 6455 has it.
    pub fn handle_ping(&mut self, now: Moment, payload: &[u8]) {
        self.handle_bytes(now);
        if self.is_closed() {
            return;
        }
        if payload.len() > 125 {
            return self.handle_fault(now, Fault::Protocol("a control frame of more than 125 bytes"));
        }
        self.outputs.push_back(SessionOutput::Send(frame(Opcode::Pong, payload)));
    }

    /// A pong frame came.
    pub const fn handle_pong(&mut self, now: Moment) {
        self.handle_bytes(now);
    }

    /// A close frame came, with or without a code: it is answered.
    pub fn handle_closed_by_peer(&mut self, _now: Moment, code: Option<u16>) {
        self.close(Close::echo(code));
    }

    /// The peer broke the WebSocket protocol.
    pub fn handle_fault(&mut self, _now: Moment, fault: Fault) {
        self.close(match fault {
            Fault::Protocol(what) => Close::because(Code::ProtocolError, what),
            Fault::BadUtf8 => Close::new(Code::BadUtf8),
            Fault::TooBig => {
                let limit = self.limits.max_message_bytes;
                Close::because(Code::TooBig, &format!("a message of more than {limit} bytes"))
            }
        });
    }

    /// The driver has a reason to end the connection: revoked, slow consumer, origin refused, internal error.
    pub fn handle_close(&mut self, _now: Moment, close: Close) {
        self.close(close);
    }

    /// The node drains: tells a client that has identified where to go and when, then closes 4401.
    pub fn handle_drain(&mut self, _now: Moment, reconnect: &Reconnect) {
        if self.user().is_some() && !self.is_closed() {
            self.send(&control("RECONNECT").with_d(reconnect));
        }
        self.close(Close::after(Code::Drain, Duration::from_millis(reconnect.delay_ms)));
    }

    /// The moment of [`Self::deadline`] came. A call before it does nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        match self.state {
            State::Identifying { until } if now >= until => self.close(Close::new(Code::NotIdentified)),
            State::Authenticating { until, .. } | State::Loading { until, .. } if now >= until => {
                self.close(Close::because(Code::Internal, "busy"));
            }
            State::Identifying { .. } | State::Closed { .. } => {}
            _ => self.expire(now),
        }
        if matches!(self.state, State::Identifying { .. } | State::Closed { .. }) {
            return;
        }
        match self.keep_alive.handle_timeout(now, self.limits.ping_interval, self.limits.ping_timeout) {
            Pulse::Steady => {}
            Pulse::Ask => self.outputs.push_back(SessionOutput::Send(frame(Opcode::Ping, b""))),
            Pulse::Dead => self.close(Close::new(Code::TimedOut)),
        }
    }

    /// The next thing to do, in order; `None` when there is nothing until the next input.
    pub fn poll_output(&mut self) -> Option<SessionOutput> {
        let output = self.outputs.pop_front();
        if self.outputs.is_empty() {
            // An idle connection holds no heap memory.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` when it is over. It moves as bytes come, so a driver may
    /// keep an older, earlier one and ask again then.
    pub fn deadline(&self) -> Option<Moment> {
        let alive = self.keep_alive.deadline(self.limits.ping_interval);
        match &self.state {
            State::Identifying { until } => Some(*until),
            State::Authenticating { until, .. } => Some(alive.min(*until)),
            State::Loading { until, principal, .. } => Some(earlier(alive.min(*until), principal.expires)),
            State::CatchingUp { principal, .. } | State::Live { principal } => Some(earlier(alive, principal.expires)),
            State::Closed { .. } => None,
        }
    }

    /// How the connection wants its events.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whose connection it is, once that is known; still known after the close.
    pub const fn principal(&self) -> Option<Principal> {
        match &self.state {
            State::Identifying { .. } | State::Authenticating { .. } => None,
            State::Loading { principal, .. } | State::CatchingUp { principal, .. } | State::Live { principal } => {
                Some(*principal)
            }
            State::Closed { principal } => *principal,
        }
    }

    /// The user whose connection it is, once that is known; still known after the close.
    pub fn user(&self) -> Option<Id> {
        self.principal().map(|principal| principal.user)
    }

    /// The id of the session (not its secret), once that is known; still known after the close.
    pub fn session_id(&self) -> Option<Id> {
        self.principal().map(|principal| principal.session)
    }

    /// Whether the connection hears events as they happen.
    pub const fn is_live(&self) -> bool {
        matches!(self.state, State::Live { .. })
    }

    /// Whether it is over, but for outputs that were not polled yet.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    fn expire(&mut self, now: Moment) {
        let expires = self.principal().and_then(|principal| principal.expires);
        if expires.is_some_and(|expires| now >= expires) {
            self.close(Close::because(Code::Revoked, "the session has expired"));
        }
    }

    fn send(&mut self, envelope: &Envelope) {
        let dispatch = Dispatch::new(envelope.to_json());
        self.outputs.push_back(SessionOutput::Send(dispatch.frame(self.encoding).clone()));
    }

    fn close(&mut self, close: Close) {
        if !self.is_closed() {
            self.state = State::Closed { principal: self.principal() };
            self.outputs.push_back(SessionOutput::Close(close));
        }
    }
}

fn control(name: &str) -> Envelope {
    Envelope::new(name.parse().expect("names of control frames are valid"))
}

fn earlier(moment: Moment, other: Option<Moment>) -> Moment {
    other.map_or(moment, |other| moment.min(other))
}

#[cfg(test)]
mod tests;
