//! `sanmon operator-key`: the keys of backends.

use clap::{Args, Subcommand, ValueEnum};
use sanmon_core::id::Id;
use serde_json::json;

use super::api::Api;
use super::failure::Failure;
use super::output::Format;
use super::target::Target;

/// Create, list and revoke the keys of backends.
#[derive(Debug, Subcommand)]
pub(super) enum OperatorKey {
    /// Create a key: it is shown this once
    Create(Create),
    /// List all keys, without what is secret
    List(List),
    /// Revoke a key
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// A name to tell it from others, such as the program that uses it
    name: String,
    /// What it may do; several with commas
    #[arg(long, value_enum, value_delimiter = ',', required = true, value_name = "SCOPES")]
    scopes: Vec<Scope>,
    /// After how many seconds the key ends by itself; never if not given
    #[arg(long = "expires-in-s", visible_alias = "expires-in", value_name = "SECONDS")]
    expires_in: Option<u64>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

/// What an operator key may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    /// Publish events
    Publish,
    /// Create and revoke sessions
    Sessions,
    /// Act in the name of any user
    Act,
    /// Everything else: users, memberships, and operator keys of any scope, so as good as all scopes
    Admin,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// The key's id, the part of it before the dot; or the whole
    #[arg(value_name = "KEY")]
    which: String,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

impl OperatorKey {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create(create) => {
                let scopes: Vec<_> = create.scopes.iter().filter_map(ValueEnum::to_possible_value).collect();
                let scopes: Vec<_> = scopes.iter().map(clap::builder::PossibleValue::get_name).collect();
                let mut body = json!({ "name": create.name, "scopes": scopes });
                if let Some(seconds) = create.expires_in {
                    body["expires_in_s"] = seconds.into();
                }
                create.format.answer(&Api::operator(&create.target)?.post("/operator-keys", &body).await?)
            }
            Self::List(list) => list.format.answer(&Api::operator(&list.target)?.get("/operator-keys").await?),
            Self::Revoke(revoke) => {
                let id = revoke.which.split('.').next().unwrap_or_default();
                let id: Id = id.parse().map_err(|error| Failure::Usage(format!("KEY: {error}")))?;
                Api::operator(&revoke.target)?.delete(&format!("/operator-keys/{id}")).await?;
                revoke.format.done("revoked")
            }
        }
    }
}
