//! The way in: an address, a connection, a session id, and who the client is.

use std::time::Duration;

use serde::Serialize;

use super::{Client, ClientOutput, ClientState, State};
use crate::codec::{Encoding, Message};
use crate::event::Seq;
use crate::gateway::close::{Close, Code};
use crate::time::Moment;

impl<P> Client<P> {
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

    /// Connects to the address that is known, or asks for one.
    pub(super) fn set_out(&mut self, now: Moment) {
        match self.next_url.take() {
            Some(url) => self.connect(now, url),
            None => {
                self.state = State::Discovering { until: now + self.options.step_timeout };
                self.outputs.push_back(ClientOutput::State(ClientState::Discovering));
                self.outputs.push_back(ClientOutput::Discover);
            }
        }
    }

    pub(super) fn connect(&mut self, now: Moment, url: String) {
        self.state = State::Connecting { until: now + self.options.step_timeout };
        self.url = Some(url.clone());
        self.outputs.push_back(ClientOutput::State(ClientState::Connecting));
        self.outputs.push_back(ClientOutput::Connect { url });
    }
}
