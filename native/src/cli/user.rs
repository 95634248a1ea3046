//! `sanmon user`: what the server knows about users.

use clap::Subcommand;
use sanmon_core::id::Id;
use serde_json::{Map, Value};

use super::api::Api;
use super::arguments::Common;
use super::failure::Failure;
use super::output::Format;
use super::target::Target;

/// Show, change and erase users.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Show the user that the caller is
    Show {
        #[command(flatten)]
        common: Common,
    },
    /// Change a user's fields, as the platform
    Update {
        /// The user's id
        user: Id,
        /// The fields to change, as a JSON object
        #[arg(value_name = "FIELDS", value_parser = super::publish::object, required_unless_present = "username")]
        fields: Option<Map<String, Value>>,
        /// The user's new name
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        format: Format,
    },
    /// Erase a user and everything kept about it, as the platform
    Delete {
        /// The user's id
        user: Id,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        format: Format,
    },
}

impl User {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Show { common } => common.format.answer(&common.api_of_user()?.get("/users/@me").await?),
            Self::Update { user, fields, username, target, format } => {
                let mut body = fields.unwrap_or_default();
                body.extend(username.map(|name| ("username".to_owned(), name.into())));
                let body = Value::Object(body);
                format.answer(&Api::operator(&target)?.patch(&format!("/users/{user}"), &body).await?)
            }
            Self::Delete { user, target, format } => {
                Api::operator(&target)?.delete(&format!("/users/{user}")).await?;
                format.done("erased")
            }
        }
    }
}
