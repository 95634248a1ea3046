//! A channel of a guild.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Id;

/// A channel: where it belongs, how it is shown, and whatever else the platform stores in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Channel {
    /// The channel's id.
    pub id: Id,
    /// The guild that the channel is in.
    pub guild_id: Id,
    /// The channel's name.
    pub name: String,
    /// What the channel is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kind of channel; the platform gives the numbers their meaning.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<i64>,
    /// The channel (a category, say) that this one is inside of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside_of: Option<Id>,
    /// Where the channel stands among its siblings, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// Everything else that the platform stores in a channel.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
