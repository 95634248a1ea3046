//! `sanmon guild`: guilds and who is in them.

use clap::Subcommand;
use sanmon_core::id::Id;
use serde_json::{Map, Value};

use super::api::Api;
use super::arguments::{About, Common};
use super::failure::Failure;
use super::output::Format;
use super::target::Target;

/// Create, show and change guilds, join and leave them.
#[derive(Debug, Subcommand)]
pub(super) enum Guild {
    /// Create a guild; who creates it owns it
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        common: Common,
    },
    /// Show a guild that the caller is in
    Show {
        /// The guild's id
        guild: Id,
        #[command(flatten)]
        common: Common,
    },
    /// List the guilds that the caller is in
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Change a guild
    Update {
        /// The guild's id
        guild: Id,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a guild
    Delete {
        /// The guild's id
        guild: Id,
        #[command(flatten)]
        common: Common,
    },
    /// Join a guild by an invite
    Join {
        /// The invite's code
        code: String,
        #[command(flatten)]
        common: Common,
    },
    /// Leave a guild
    Leave {
        /// The guild's id
        guild: Id,
        #[command(flatten)]
        common: Common,
    },
    /// Show what an invite leads to, without joining
    Preview {
        /// The guild's id
        guild: Id,
        /// The invite's code; members need none
        #[arg(long, value_name = "CODE")]
        invite: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// List a page of a guild's members
    Members {
        /// The guild's id
        guild: Id,
        /// Only members with an id above this one
        #[arg(long, value_name = "ID")]
        after: Option<Id>,
        /// How many at most
        #[arg(long, value_name = "COUNT")]
        limit: Option<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// Add a user to a guild, as the platform
    AddMember {
        /// The guild's id
        guild: Id,
        /// The user's id
        user: Id,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        format: Format,
    },
    /// Remove a user from a guild, as its owner or as the platform
    RemoveMember {
        /// The guild's id
        guild: Id,
        /// The user's id
        user: Id,
        #[command(flatten)]
        common: Common,
    },
}

impl Guild {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create { name, about, common } => common
                .format
                .answer(&common.api_of_user()?.post("/guilds", &Value::Object(about.body(Some(name)))).await?),
            Self::Show { guild, common } => {
                common.format.answer(&common.api_of_user()?.get(&format!("/guilds/{guild}")).await?)
            }
            Self::List { common } => common.format.answer(&common.api_of_user()?.get("/users/@me/guilds").await?),
            Self::Update { guild, name, about, common } => {
                let body = Value::Object(about.body(name));
                common.format.answer(&common.api_of_user()?.patch(&format!("/guilds/{guild}"), &body).await?)
            }
            Self::Delete { guild, common } => {
                common.api_of_user()?.delete(&format!("/guilds/{guild}")).await?;
                common.format.done("deleted")
            }
            Self::Join { code, common } => {
                let path = format!("/invites/{}", super::invite::in_path(&code)?);
                common.format.answer(&common.api_of_user()?.post(&path, &Value::Object(Map::new())).await?)
            }
            Self::Leave { guild, common } => {
                common.api_of_user()?.delete(&format!("/guilds/{guild}/members/@me")).await?;
                common.format.done("left")
            }
            Self::Preview { guild, invite, common } => {
                let query = match &invite {
                    Some(code) => format!("?invite={}", super::invite::in_path(code)?),
                    None => String::new(),
                };
                common.format.answer(&common.api()?.get(&format!("/guilds/{guild}/preview{query}")).await?)
            }
            Self::Members { guild, after, limit, common } => {
                let after = after.map(|id| format!("after={id}"));
                let limit = limit.map(|count| format!("limit={count}"));
                let query: Vec<_> = after.into_iter().chain(limit).collect();
                let path = format!("/guilds/{guild}/members?{}", query.join("&"));
                common.format.answer(&common.api_of_user()?.get(path.trim_end_matches('?')).await?)
            }
            Self::AddMember { guild, user, target, format } => {
                Api::operator(&target)?.put(&format!("/guilds/{guild}/members/{user}")).await?;
                format.done("added")
            }
            Self::RemoveMember { guild, user, common } => {
                common.api()?.delete(&format!("/guilds/{guild}/members/{user}")).await?;
                common.format.done("removed")
            }
        }
    }
}
