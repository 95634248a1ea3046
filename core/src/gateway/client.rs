//! The client's end: finds a server, identifies, follows the events, and comes back where it was.

mod departure;
mod following;
mod incoming;
mod link;
mod output;
mod way_in;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

pub use self::incoming::{Incoming, Kind};
use self::link::{Link, Pings};
pub use self::output::{ClientOptions, ClientOutput, ClientState, EndReason};
use super::backoff::Backoff;
use super::close::{Close, Code};
use crate::codec::Message;
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
}

#[cfg(test)]
mod tests;
