//! Presences: how a user shows to others.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Id;

/// How a user shows to others: the `d` of PRESENCE_UPDATE.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Presence {
    /// How present the user is.
    #[serde(rename = "type")]
    pub kind: PresenceKind,
    /// What the user says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The id of an emoji to show with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<Id>,
    /// A card to show with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed: Option<Embed>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Presence {
    /// A presence of this kind that says nothing else.
    pub fn of(kind: PresenceKind) -> Self {
        Self { kind, description: None, emoji: None, embed: None, rest: Map::new() }
    }
}

/// How present a user is: `type` 1 to 4 (protocol, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[cfg_attr(feature = "types", ts(type = "1 | 2 | 3 | 4"))]
#[serde(try_from = "u8", into = "u8")]
pub enum PresenceKind {
    /// 1: there.
    Online,
    /// 2: there, but away from the keyboard.
    Idle,
    /// 3: there, and not to be disturbed.
    DoNotDisturb,
    /// 4: not there; or invisible, when a client chooses it.
    Offline,
}

impl PresenceKind {
    /// How the devices of one user rank: do not disturb over online over idle over offline.
    pub const fn rank(self) -> u8 {
        match self {
            Self::DoNotDisturb => 3,
            Self::Online => 2,
            Self::Idle => 1,
            Self::Offline => 0,
        }
    }
}

impl TryFrom<u8> for PresenceKind {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self::Online),
            2 => Ok(Self::Idle),
            3 => Ok(Self::DoNotDisturb),
            4 => Ok(Self::Offline),
            _ => Err("a presence `type` is 1 (online), 2 (idle), 3 (do not disturb) or 4 (offline)"),
        }
    }
}

impl From<PresenceKind> for u8 {
    fn from(kind: PresenceKind) -> Self {
        match kind {
            PresenceKind::Online => 1,
            PresenceKind::Idle => 2,
            PresenceKind::DoNotDisturb => 3,
            PresenceKind::Offline => 4,
        }
    }
}

/// A card that a presence shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Embed {
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banner_url: Option<String>,
    /// The lines on its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<EmbedText>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The lines on the picture of an [`Embed`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct EmbedText {
    /// The line above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<String>,
    /// The line below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bottom: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The top-level fields of PRESENCE_UPDATE, and an element of GUILD_INIT's `presences`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct PresenceUpdate {
    /// The user.
    pub id: Id,
    /// How the user shows now.
    pub d: Presence,
}
