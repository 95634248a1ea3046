//! `sanmon channel`: the channels of guilds.

use clap::{Args, Subcommand};
use sanmon_core::id::Id;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::guild::Common;

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

/// Fields of a channel beside its name.
#[derive(Debug, Args)]
pub(super) struct About {
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The platform's word or number for its kind
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// The channel that it lies in
    #[arg(long, value_name = "ID")]
    inside_of: Option<Id>,
    /// Its place among the others
    #[arg(long, value_name = "NUMBER")]
    position: Option<u32>,
    /// What else the platform keeps about it, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = super::publish::object)]
    fields: Option<Map<String, Value>>,
}

impl About {
    fn with_name(self, name: Option<String>) -> Value {
        // A kind that reads as a number is one.
        let kind = self.kind.map(|kind| kind.parse::<i64>().map_or_else(|_| json!(kind), |number| json!(number)));
        let mut body = self.fields.unwrap_or_default();
        let given = [
            ("name", name.map(Value::from)),
            ("description", self.description.map(Value::from)),
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
            Self::Create { guild, name, about, common } => {
                let path = format!("/guilds/{guild}/channels");
                common.format.answer(&common.api_of_user()?.post(&path, &about.with_name(Some(name))).await?)
            }
            Self::List { guild, common } => {
                common.format.answer(&common.api_of_user()?.get(&format!("/guilds/{guild}/channels")).await?)
            }
            Self::Update { channel, name, about, common } => {
                let path = format!("/channels/{channel}");
                common.format.answer(&common.api_of_user()?.patch(&path, &about.with_name(name)).await?)
            }
            Self::Delete { channel, common } => {
                common.api_of_user()?.delete(&format!("/channels/{channel}")).await?;
                common.format.done("deleted")
            }
        }
    }
}
