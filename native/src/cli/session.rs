//! `sanmon session`: what clients identify with.

use clap::{ArgGroup, Args, Subcommand};
use sanmon_core::id::Id;
use serde_json::{Map, Value};

use super::api::Api;
use super::failure::Failure;
use super::output::Format;
use super::target::Target;

/// Create and revoke what clients identify with.
#[derive(Debug, Subcommand)]
pub(super) enum Session {
    /// Create or replace a user, and mint a session for it: its `session_id` is shown this once
    Create(Create),
    /// Revoke one session, or all of a user: their connections close
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The user's id; a new one if not given
    #[arg(long, value_name = "ID")]
    user: Option<Id>,
    /// The user's name
    #[arg(long, value_name = "NAME")]
    username: String,
    /// What else the platform keeps about the user, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = super::publish::object)]
    fields: Option<Map<String, Value>>,
    /// After how many seconds the session ends by itself
    #[arg(long, value_name = "SECONDS")]
    expires_in_s: Option<u64>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true))]
pub(super) struct Revoke {
    /// The session's id, the part of its `session_id` before the dot; or the whole
    #[arg(group = "which", value_name = "SESSION")]
    session: Option<String>,
    /// Revoke all sessions of this user
    #[arg(long, group = "which", value_name = "ID")]
    user: Option<Id>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

impl Session {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run().await,
            Self::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let mut user = self.fields.unwrap_or_default();
        user.insert("username".into(), self.username.into());
        if let Some(id) = self.user {
            user.insert("id".into(), serde_json::json!(id));
        }
        let mut body = Map::from_iter([("user".to_owned(), Value::Object(user))]);
        if let Some(seconds) = self.expires_in_s {
            body.insert("expires_in_s".into(), seconds.into());
        }
        let minted = Api::operator(&self.target)?.post("/sessions", &Value::Object(body)).await?;
        self.format.answer(&minted)
    }
}

impl Revoke {
    async fn run(self) -> Result<(), Failure> {
        let api = Api::operator(&self.target)?;
        match (self.session, self.user) {
            (Some(session), _) => {
                let id = session.split('.').next().unwrap_or_default();
                let id: Id = id.parse().map_err(|error| Failure::Usage(format!("SESSION: {error}")))?;
                api.delete(&format!("/sessions/{id}")).await?;
                self.format.done("revoked")
            }
            (None, Some(user)) => {
                api.delete(&format!("/users/{user}/sessions")).await?;
                self.format.done("revoked")
            }
            (None, None) => Err(Failure::Usage("name a session, or --user".into())),
        }
    }
}
