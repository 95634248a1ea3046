//! A guild, and what is said of it and its members.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::channel::Channel;
use super::presence::PresenceUpdate;
use super::user::User;
use crate::id::Id;

/// A guild: a named place with members and channels, and whatever else the platform stores in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Guild {
    /// The guild's id.
    pub id: Id,
    /// The guild's name.
    pub name: String,
    /// What the guild is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The user who owns the guild.
    pub owner: Id,
    /// The guild's channels: in GUILD_CREATE, GUILD_JOIN and GUILD_INIT, else absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<Channel>>,
    /// Everything else that the platform stores in a guild.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The payload of GUILD_INIT: a guild with its channels and who is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct GuildInit {
    /// Presences of the members who are not offline; absent when there are more than 1,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presences: Option<Vec<PresenceUpdate>>,
    /// The guild, with `channels`.
    #[serde(flatten)]
    pub guild: Guild,
}

/// The payload of GUILD_DELETE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct GuildDelete {
    /// The guild that is gone.
    pub id: Id,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The payload of GUILD_MEMBER_ADD and GUILD_MEMBER_REMOVE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct GuildMember {
    /// The guild.
    pub guild_id: Id,
    /// The user who joined or left.
    pub user: User,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
