//! An invite to a guild.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Id;
use crate::time::UnixMillis;

/// An invite: whoever has its code may join the guild while it lasts. INVITE_DELETE has its first two fields at least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Invite {
    /// The code that a joiner gives.
    pub code: String,
    /// The guild that it leads to.
    pub guild_id: Id,
    /// The member who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter_id: Option<Id>,
    /// When it ends to be valid, in Unix milliseconds; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixMillis>,
    /// How many may join with it; absent for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
