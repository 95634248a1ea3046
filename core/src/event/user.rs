//! A user, as the platform describes it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::Id;

/// A user: `id`, `username` and whatever else the platform stores in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct User {
    /// The user's id.
    pub id: Id,
    /// The user's name.
    pub username: String,
    /// Everything else that the platform stores in a user.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
