//! A notification, whose fields stand at the top level of the envelope.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The top-level fields of NOTIFICATION.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Notification {
    /// What the notification is about.
    #[serde(rename = "type")]
    pub kind: NotificationKind,
    /// What to show of it.
    pub excerpt: Map<String, Value>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What a notification is about. A label, but for [`Self::Here`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(rename_all = "UPPERCASE")]
pub enum NotificationKind {
    /// A message to the user.
    Message,
    /// Something in a guild.
    Guild,
    /// Something for everyone.
    Everyone,
    /// Something for those who are connected now; it is never replayed.
    Here,
}
