//! Following the events of a connection, from READY or RESUMED on.

use bytes::Bytes;

use super::{Client, ClientOutput, ClientState, Incoming, Kind, LONGEST_WAIT, Link, State};
use crate::codec::Message;
use crate::gateway::close::{Close, Code};
use crate::gateway::keep_alive::Pulse;
use crate::time::Moment;

impl<P> Client<P> {
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

    /// READY or RESUMED came.
    pub(super) fn begin(&mut self, link: Link, payload: P) {
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
    pub(super) fn become_whole(&mut self) {
        if let State::Linked(link) = &self.state {
            self.position = link.seen();
            self.outputs.push_back(ClientOutput::State(ClientState::Live));
        }
    }

    pub(super) fn pulse(&mut self, now: Moment, pulse: Pulse) {
        match pulse {
            Pulse::Steady => {}
            Pulse::Ask => {
                let ping = Message::Text(Bytes::from_static(br#"{"t":"PING"}"#));
                self.outputs.push_back(ClientOutput::Send(ping));
            }
            Pulse::Dead => self.give_up(now, Close::new(Code::TimedOut)),
        }
    }
}
