//! The server's end of one connection.

mod output;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::output::{Fault, Principal, SessionOutput, Welcome};
use self::request::{Identify, Request};
use super::close::{Close, Code};
use super::keep_alive::{KeepAlive, Pulse};
use super::limits::{Limits, RateWindow};
use crate::codec::{Dispatch, Encoding, Message, Opcode, decode, frame};
use crate::event::{Envelope, Presence, Reconnect, Resumed, Seq};
use crate::id::Id;
use crate::time::Moment;

/// What messages are counted in: 120 of them a minute.
const MINUTE: Duration = Duration::from_secs(60);

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

    /// From Loading to CatchingUp; the place after which the client asked to resume, if it did. `None` in other states.
    fn begin_catching_up(&mut self) -> Option<Option<Seq>> {
        let State::Loading { principal, early, .. } = &mut self.state else { return None };
        let (principal, seq, chosen) = (*principal, early.seq, early.chosen.take());
        self.state = State::CatchingUp { principal, chosen };
        Some(seq)
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
