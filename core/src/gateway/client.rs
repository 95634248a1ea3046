//! The client's end: finds a server, identifies, follows the events, and comes back where it was.

mod incoming;
mod link;
mod output;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

pub use self::incoming::{Incoming, Kind};
use self::link::{Link, Pings};
pub use self::output::{ClientOptions, ClientOutput, ClientState, EndReason};
use super::backoff::Backoff;
use super::close::{Advice, Close, Code, Reason};
use super::keep_alive::Pulse;
use crate::codec::{Encoding, Message};
use crate::event::{Envelope, Presence, Seq};
use crate::time::Moment;

/// A link that was good for this long makes the next failure the first again.
const STABLE: Duration = Duration::from_secs(30);
/// The longest that a server can send a client away for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The client's end of the gateway, over any number of connections, one at a time: a link.
///
/// The driver does what the outputs say and reports what comes of it. It parses JSON, so that a browser may use its own
/// parser; [`text_of`](crate::codec::text_of) inflates for it. After [`ClientOutput::Close`] it drops the link at once and
/// reports nothing of it any more. `P` is the event as the driver's user gets it.
///
/// Every event is delivered once and in order, or a [`ClientOutput::Reset`] says that it could not be. The rule: the
/// position of a link is the `s` of READY or RESUMED, then that of each event; an event at or before it is a double and is
/// dropped. What a link has reached becomes the position to resume from once the last GUILD_INIT came: until then the
/// user's state is not whole, so that a link which breaks earlier begins anew.
#[derive(Debug)]
pub struct Client<P> {
    options: ClientOptions,
    state: State,
    backoff: Backoff,
    /// Up to where the user has everything.
    position: Option<Seq>,
    /// The user has seen a READY, or had a position: another READY replaces what it has.
    replaces: bool,
    /// Where to connect before asking for a server again: one attempt.
    next_url: Option<String>,
    /// Where the link leads.
    url: Option<String>,
    /// The server said to move: where to, and when.
    moving: Option<(Option<String>, Moment)>,
    pings: Pings,
    /// The presence that the user chose, as a message. It is said again on every link.
    presence: Option<Bytes>,
    outputs: VecDeque<ClientOutput<P>>,
}

/// ```text
///  ┌──► Waiting ──► Discovering ──► Connecting ──► Opened ──► Identified ──► Linked ──┐
///  │       │                            ▲         (session?)   (READY or      │       │
///  │       └────────────────────────────┘                       RESUMED?)     │       │
///  │           an address is known                                            │       │
///  └──────────── failed, timed out, closed with a code that allows it ────────┴───────┘
///   any ── handle_stop, or closed with a code that says Stop ──► Ended
/// ```
#[derive(Debug)]
enum State {
    /// Staying away until a moment; a wake may cut that short, but not below what the server asked for.
    Waiting { until: Moment, not_before: Moment },
    /// The driver asks for a server's address.
    Discovering { until: Moment },
    /// The driver opens a connection.
    Connecting { until: Moment },
    /// The driver looks for a session id.
    Opened { until: Moment },
    /// The server was told who this is, and which position it was asked for.
    Identified { until: Moment, asked: Option<Seq> },
    /// READY or RESUMED came: events do.
    Linked(Link),
    /// It is over.
    Ended,
}

impl<P> Client<P> {
    /// A client that sets out at once. `seed` is any random number: it spreads the times of coming back.
    pub fn new(now: Moment, options: ClientOptions, seed: u64) -> Self {
        let mut client = Self {
            state: State::Ended,
            backoff: Backoff::new(seed),
            position: options.position,
            replaces: options.position.is_some(),
            next_url: options.url.clone(),
            options,
            url: None,
            moving: None,
            pings: Pings::default(),
            presence: None,
            outputs: VecDeque::new(),
        };
        client.set_out(now);
        client
    }

    /// An address was found.
    pub fn handle_discovered(&mut self, now: Moment, url: String) {
        if let State::Discovering { .. } = self.state {
            self.connect(now, url);
        }
    }

    /// No address was found; the server may have said for how long to stay away (`Retry-After`).
    pub fn handle_discovery_failed(&mut self, now: Moment, retry_after: Option<Duration>) {
        if let State::Discovering { .. } = self.state {
            self.stay_away(now, retry_after.unwrap_or_default());
        }
    }

    /// The connection is open.
    pub fn handle_opened(&mut self, now: Moment) {
        if let State::Connecting { .. } = self.state {
            self.state = State::Opened { until: now + self.options.step_timeout };
            self.outputs.push_back(ClientOutput::State(ClientState::Identifying));
            self.outputs.push_back(ClientOutput::NeedSession);
        }
    }

    /// The session id to identify with.
    pub fn handle_session(&mut self, now: Moment, session_id: &str) {
        #[derive(Serialize)]
        struct Identify<'a> {
            session_id: &'a str,
            encoding: Encoding,
            #[serde(skip_serializing_if = "Option::is_none")]
            seq: Option<Seq>,
            v: u32,
        }

        let State::Opened { .. } = self.state else { return };
        let identify = Identify { session_id, encoding: self.options.encoding, seq: self.position, v: 1 };
        let Ok(identify) = serde_json::to_vec(&identify) else { unreachable!("texts and numbers have a JSON form") };
        self.outputs.push_back(ClientOutput::Send(Message::Text(identify.into())));
        self.state = State::Identified { until: now + self.options.step_timeout, asked: self.position };
    }

    /// There is no session id for now; tried again later. Who knows that there will be none calls [`Self::handle_stop`].
    pub fn handle_session_failed(&mut self, now: Moment) {
        if let State::Opened { .. } = self.state {
            self.give_up(now, Close::new(Code::Ended));
        }
    }

    /// Bytes came from the server, whatever they are: it is alive.
    pub const fn handle_bytes(&mut self, now: Moment) {
        if let State::Linked(link) = &mut self.state {
            link.keep_alive.handle_bytes(now);
        }
    }

    /// An event came.
    pub fn handle_incoming(&mut self, now: Moment, incoming: Incoming<P>) {
        self.handle_bytes(now);
        match (&mut self.state, incoming.kind) {
            (State::Identified { .. } | State::Linked(_), Kind::Pong) => {}
            (State::Identified { .. } | State::Linked(_), Kind::Reconnect { url, delay }) => {
                self.moving = Some((url, now + delay.min(LONGEST_WAIT)));
            }
            (State::Identified { .. }, Kind::Ready { guilds, url, ping_interval, ping_timeout }) => {
                self.pings.update(ping_interval, ping_timeout);
                let link = Link::new(now, incoming.s, guilds, self.pings);
                self.url = url.or(self.url.take());
                self.position = None;
                if std::mem::replace(&mut self.replaces, true) {
                    self.outputs.push_back(ClientOutput::Reset);
                }
                if guilds > 0 {
                    self.outputs.push_back(ClientOutput::State(ClientState::Initialising));
                }
                self.begin(link, incoming.payload);
            }
            (State::Identified { asked, .. }, Kind::Resumed) if asked.is_some() && *asked == incoming.s => {
                self.begin(Link::new(now, incoming.s, 0, self.pings), incoming.payload);
            }
            (State::Linked(link), Kind::GuildInit) => {
                self.outputs.push_back(ClientOutput::Event(incoming.payload));
                if link.take_init() {
                    self.become_whole();
                }
            }
            (State::Linked(link), Kind::Other) => {
                if !link.take(incoming.s) {
                    return;
                }
                self.outputs.push_back(ClientOutput::Event(incoming.payload));
                if link.is_whole() {
                    self.position = link.seen();
                }
            }
            (State::Identified { .. } | State::Linked(_), _) => self.handle_fault(now),
            _ => {}
        }
    }

    /// What came makes no sense: this link is given up.
    pub fn handle_fault(&mut self, now: Moment) {
        if let State::Identified { asked: Some(_), .. } = self.state {
            // The answer to the position is what makes no sense. Asking for it again would earn the same.
            self.position = None;
        }
        if self.has_connection() {
            self.give_up(now, Close::new(Code::BadMessage));
        }
    }

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
                self.wait(now, now + delay, now + delay);
            }
            (Advice::Reconnect | Advice::Stop, None) => self.stay_away(now, Duration::ZERO),
        }
    }

    /// The machine woke from sleep, or its network came back: whatever was waited for is tried now.
    pub fn handle_wake(&mut self, now: Moment) {
        match &mut self.state {
            State::Waiting { not_before, .. } if *not_before > now => {
                let not_before = *not_before;
                self.wait(now, not_before, not_before);
            }
            State::Waiting { .. } => self.set_out(now),
            State::Linked(link) => {
                let pulse = link.doubt(now);
                self.pulse(now, pulse);
            }
            _ => {}
        }
    }

    /// The user chose how to show. Said on this link, and again on every later one.
    pub fn handle_presence(&mut self, now: Moment, presence: &Presence) {
        let update = Envelope::new("PRESENCE_UPDATE".parse().expect("a valid name")).with_d(presence);
        self.handle_presence_message(now, update.to_json().into());
    }

    /// The same, from a driver that has the PRESENCE_UPDATE as JSON text already.
    pub fn handle_presence_message(&mut self, _now: Moment, update: Bytes) {
        self.presence = Some(update.clone());
        if let State::Linked(_) = self.state {
            self.outputs.push_back(ClientOutput::Send(Message::Text(update)));
        }
    }

    /// The user wants no more.
    pub fn handle_stop(&mut self, _now: Moment) {
        if self.has_connection() {
            self.outputs.push_back(ClientOutput::Close(Close::new(Code::Ended)));
        }
        self.end(EndReason::Stopped);
    }

    /// The moment of [`Self::deadline`] came. A call before it does nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match &mut self.state {
            State::Waiting { .. } => self.set_out(now),
            State::Discovering { .. } => self.stay_away(now, Duration::ZERO),
            State::Connecting { .. } | State::Opened { .. } | State::Identified { .. } => {
                self.give_up(now, Close::new(Code::TimedOut));
            }
            State::Linked(_) if self.moving.as_ref().is_some_and(|(_, at)| now >= *at) => {
                self.give_up(now, Close::new(Code::Ended));
            }
            State::Linked(link) => {
                let pulse = link.handle_timeout(now);
                self.pulse(now, pulse);
            }
            State::Ended => {}
        }
    }

    /// The next thing to do, in order; `None` when there is nothing until the next input.
    pub fn poll_output(&mut self) -> Option<ClientOutput<P>> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` when it is over. It moves as bytes come, so a driver may
    /// keep an older, earlier one and ask again then.
    pub fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Waiting { until, .. }
            | State::Discovering { until }
            | State::Connecting { until }
            | State::Opened { until }
            | State::Identified { until, .. } => Some(*until),
            State::Linked(link) => {
                let moving = self.moving.as_ref().map(|(_, at)| *at);
                moving.into_iter().chain([link.deadline()]).min()
            }
            State::Ended => None,
        }
    }

    /// Up to where the user has everything: what to resume from in a later run.
    pub const fn position(&self) -> Option<Seq> {
        self.position
    }

    /// Connects to the address that is known, or asks for one.
    fn set_out(&mut self, now: Moment) {
        match self.next_url.take() {
            Some(url) => self.connect(now, url),
            None => {
                self.state = State::Discovering { until: now + self.options.step_timeout };
                self.outputs.push_back(ClientOutput::State(ClientState::Discovering));
                self.outputs.push_back(ClientOutput::Discover);
            }
        }
    }

    fn connect(&mut self, now: Moment, url: String) {
        self.state = State::Connecting { until: now + self.options.step_timeout };
        self.url = Some(url.clone());
        self.outputs.push_back(ClientOutput::State(ClientState::Connecting));
        self.outputs.push_back(ClientOutput::Connect { url });
    }

    /// READY or RESUMED came.
    fn begin(&mut self, link: Link, payload: P) {
        self.outputs.push_back(ClientOutput::Event(payload));
        let whole = link.is_whole();
        self.state = State::Linked(link);
        let presence = self.presence.clone();
        self.outputs.extend(presence.map(|presence| ClientOutput::Send(Message::Text(presence))));
        if whole {
            self.become_whole();
        }
    }

    /// The user has everything up to where the link is.
    fn become_whole(&mut self) {
        if let State::Linked(link) = &self.state {
            self.position = link.seen();
            self.outputs.push_back(ClientOutput::State(ClientState::Live));
        }
    }

    fn pulse(&mut self, now: Moment, pulse: Pulse) {
        match pulse {
            Pulse::Steady => {}
            Pulse::Ask => {
                let ping = Message::Text(Bytes::from_static(br#"{"t":"PING"}"#));
                self.outputs.push_back(ClientOutput::Send(ping));
            }
            Pulse::Dead => self.give_up(now, Close::new(Code::TimedOut)),
        }
    }

    /// Ends the connection from this side and comes back.
    fn give_up(&mut self, now: Moment, close: Close) {
        self.outputs.push_back(ClientOutput::Close(close));
        self.leave_link(now);
        self.stay_away(now, Duration::ZERO);
    }

    /// The connection is gone. Only one that was linked is worth a second try at the same address.
    fn leave_link(&mut self, now: Moment) {
        let url = self.url.take();
        if let State::Linked(link) = &self.state {
            self.next_url = url;
            if now.since(link.since) >= STABLE {
                self.backoff.reset();
            }
        }
    }

    /// Waits for what the back-off says, and for as long as the server asked for at least.
    fn stay_away(&mut self, now: Moment, asked: Duration) {
        let mut not_before = now + asked.min(LONGEST_WAIT);
        if let Some((url, at)) = self.moving.take() {
            self.next_url = url;
            not_before = not_before.max(at);
        }
        let until = not_before.max(now + self.backoff.delay());
        self.wait(now, until, not_before);
    }

    fn wait(&mut self, now: Moment, until: Moment, not_before: Moment) {
        self.moving = None;
        self.state = State::Waiting { until, not_before };
        let ms = u64::try_from(until.since(now).as_millis()).unwrap_or(u64::MAX);
        self.outputs.push_back(ClientOutput::State(ClientState::Waiting { ms }));
    }

    fn end(&mut self, reason: EndReason) {
        if !matches!(self.state, State::Ended) {
            self.state = State::Ended;
            self.outputs.push_back(ClientOutput::State(ClientState::Ended));
            self.outputs.push_back(ClientOutput::Ended(reason));
        }
    }

    const fn has_connection(&self) -> bool {
        matches!(
            self.state,
            State::Connecting { .. } | State::Opened { .. } | State::Identified { .. } | State::Linked(_)
        )
    }
}

#[cfg(test)]
mod tests;
