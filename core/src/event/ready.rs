//! What the gateway itself says to a connection: READY, RESUMED and RECONNECT.

use serde::{Deserialize, Serialize};

use super::user::User;

/// The payload of READY.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Ready {
    /// Who the session belongs to.
    pub user: User,
    /// How many GUILD_INITs follow.
    pub guilds: u32,
    /// The protocol's version, 1.
    pub v: u32,
    /// Where to come back to: this node's public address.
    pub url: String,
    /// How long a position stays good after a connection ends, in milliseconds.
    pub resume_window_ms: u64,
    /// After how much silence the server pings, in milliseconds.
    pub ping_interval_ms: u64,
    /// How long after such a ping the server waits for any bytes, in milliseconds.
    pub ping_timeout_ms: u64,
    /// `false` when the client asked to resume and could not: what follows replaces its state. Else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
}

/// The payload of RESUMED.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Resumed {
    /// How many missed events follow before live ones.
    pub replayed: u64,
}

/// The payload of RECONNECT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Reconnect {
    /// Where to connect; absent to ask `/available` again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How long to wait before that, in milliseconds.
    pub delay_ms: u64,
}
