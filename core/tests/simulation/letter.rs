//! A message as the judges read it: with a JSON parser of its own and none of the code under test.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One message from the server.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Letter {
    pub(crate) t: String,
    pub(crate) s: Option<u64>,
    /// The user of a PRESENCE_UPDATE.
    pub(crate) id: Option<u64>,
    #[serde(default)]
    pub(crate) d: Value,
}

impl Letter {
    /// The presences that a GUILD_INIT shows.
    pub(crate) fn presences(&self) -> BTreeMap<u64, u8> {
        let all = self.d["presences"].as_array().map_or(&[][..], Vec::as_slice);
        let one = |of: &Value| Some((of["id"].as_u64()?, u8::try_from(of["d"]["type"].as_u64()?).ok()?));
        all.iter().filter_map(one).collect()
    }
}
