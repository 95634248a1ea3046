//! What passes between a session and its driver.

use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::super::close::Close;
use crate::event::{Presence, Seq};
use crate::id::Id;
use crate::time::Moment;

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: Id,
    /// The session's id (not its secret).
    pub session: Id,
    /// When the session ends to be valid.
    pub expires: Option<Moment>,
}

/// What READY says that only the driver knows.
#[derive(Clone, Copy, Debug)]
pub struct Welcome<'a> {
    /// The user's object, as stored.
    pub user: &'a RawValue,
    /// How many GUILD_INITs follow.
    pub guilds: u32,
    /// This node's public address.
    pub url: &'a str,
    /// How long a position stays good.
    pub resume_window: Duration,
}

/// A breach of the WebSocket protocol that the driver saw before there was a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 1002, with what was wrong.
    Protocol(&'static str),
    /// 1007: a text message that is not UTF-8.
    BadUtf8,
    /// 1009: a message that outgrew [`Limits::max_message_bytes`](super::super::Limits::max_message_bytes) before its end.
    TooBig,
}

/// What a session wants of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionOutput {
    /// Question 1: whose session id is this? Answered by [`Session::handle_authenticated`](super::Session::handle_authenticated).
    Authenticate {
        /// The secret that the client sent.
        session_id: String,
    },
    /// Question 2: what did the user miss after this place? Answered by [`Session::handle_resumed`](super::Session::handle_resumed) when the log still
    /// holds all of it, else by [`Session::handle_ready`](super::Session::handle_ready).
    Replay {
        /// The user.
        user: Id,
        /// The client's position; none asks for a READY.
        after: Option<Seq>,
    },
    /// One whole WebSocket frame, to write in order.
    Send(Bytes),
    /// The client chose how its user shows. Comes when the session is live.
    Presence(Box<Presence>),
    /// Send this close frame, wait a bounded time for the peer's, end the connection. The last output.
    Close(Close),
}
