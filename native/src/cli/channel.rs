//! `sanmon channel`: the channels of guilds.

use clap::{Args, Subcommand};
use sanmon_core::id::Id;
use serde_json::{Map, Value, json};

use super::arguments::{About, Common};
use super::failure::Failure;

/// Create, list and change the channels of guilds.
#[derive(Debug, Subcommand)]
pub(super) enum Channel {
    /// Create a channel
    Create {
        /// The guild's id
        guild: Id,
        /// Its name
        name: String,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        common: Common,
    },
    /// List the channels of a guild
    List {
        /// The guild's id
        guild: Id,
        #[command(flatten)]
        common: Common,
    },
    /// Change a channel
    Update {
        /// The channel's id
        channel: Id,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a channel
    Delete {
        /// The channel's id
        channel: Id,
        #[command(flatten)]
        common: Common,
    },
}

/// Where a channel stands, and what kind it is of.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The platform's word or number for its kind
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// The channel that it lies in
    #[arg(long, value_name = "ID")]
    inside_of: Option<Id>,
    /// Its place among the others
    #[arg(long, value_name = "NUMBER")]
    position: Option<u32>,
}

impl Place {
    /// Adds these to what is sent.
    fn added_to(self, mut body: Map<String, Value>) -> Value {
        // A kind that reads as a number is one.
        let kind = self.kind.map(|kind| kind.parse::<i64>().map_or_else(|_| json!(kind), |number| json!(number)));
        let given = [
            ("type", kind),
            ("inside_of", self.inside_of.map(|id| json!(id))),
            ("position", self.position.map(Value::from)),
        ];
        body.extend(given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        Value::Object(body)
    }
}

impl Channel {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create { guild, name, about, place, common } => {
                let path = format!("/guilds/{guild}/channels");
                common.format.answer(&common.api_of_user()?.post(&path, &place.added_to(about.body(Some(name)))).await?)
            }
            Self::List { guild, common } => {
                common.format.answer(&common.api_of_user()?.get(&format!("/guilds/{guild}/channels")).await?)
            }
            Self::Update { channel, name, about, place, common } => {
                let path = format!("/channels/{channel}");
                common.format.answer(&common.api_of_user()?.patch(&path, &place.added_to(about.body(name))).await?)
            }
            Self::Delete { channel, common } => {
                common.api_of_user()?.delete(&format!("/channels/{channel}")).await?;
                common.format.done("deleted")
            }
        }
    }
}
