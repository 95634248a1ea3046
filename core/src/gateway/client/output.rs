//! What passes between a client and its driver.

use std::time::Duration;

use serde::Serialize;

use super::super::close::{Close, Reason};
use crate::codec::{Encoding, Message};
use crate::event::Seq;

/// What a client can be told at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// How events travel.
    pub encoding: Encoding,
    /// A position from an earlier run, to resume from.
    pub position: Option<Seq>,
    /// An address to try before asking for one.
    pub url: Option<String>,
    /// How long the driver may take for each of: an address, a connection, a session id, the server's answer to that.
    pub step_timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { encoding: Encoding::default(), position: None, url: None, step_timeout: Duration::from_secs(15) }
    }
}

/// What a client wants of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientOutput<P> {
    /// Ask `GET /available` for an address: [`Client::handle_discovered`](super::Client::handle_discovered) or [`Client::handle_discovery_failed`](super::Client::handle_discovery_failed).
    Discover,
    /// Open a connection: [`Client::handle_opened`](super::Client::handle_opened) or [`Client::handle_closed`](super::Client::handle_closed).
    Connect {
        /// The WebSocket's address.
        url: String,
    },
    /// The connection wants a session id, a fresh one each time: [`Client::handle_session`](super::Client::handle_session) or
    /// [`Client::handle_session_failed`](super::Client::handle_session_failed).
    NeedSession,
    /// Send this message.
    Send(Message),
    /// Hand this event to the user.
    Event(P),
    /// Some events could not be delivered. The READY and the GUILD_INITs that follow replace all that the user has.
    Reset,
    /// Tell the user, if it wants to know.
    State(ClientState),
    /// Close the connection with this, or abandon it while it opens, and forget it.
    Close(Close),
    /// It is over. The last output.
    Ended(EndReason),
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ClientState {
    /// It stays away for a while.
    Waiting {
        /// For how long, in milliseconds.
        ms: u64,
    },
    /// It asks for a server's address.
    Discovering,
    /// It opens a connection.
    Connecting,
    /// It says who it is.
    Identifying,
    /// It gets its guilds.
    Initialising,
    /// It hears events as they happen, after those that it missed.
    Live,
    /// It is over.
    Ended,
}

/// Why a client ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// Its user wanted it to.
    #[error("stopped")]
    Stopped,
    /// The server closed with a code after which nothing that a client could repeat would help.
    #[error("closed by the server with {code} ({})", reason.detail.as_deref().or(reason.r.as_deref()).unwrap_or("no reason"))]
    Refused {
        /// The code.
        code: u16,
        /// What the server said about it.
        reason: Reason,
    },
}
