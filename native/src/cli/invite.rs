//! `sanmon invite`: ways into a guild.

use clap::Subcommand;
use sanmon_core::id::Id;
use serde_json::{Map, Value};

use super::arguments::Common;
use super::failure::Failure;

/// Create, show and delete invites.
#[derive(Debug, Subcommand)]
pub(super) enum Invite {
    /// Create an invite
    Create {
        /// The guild's id
        guild: Id,
        /// How often it can be used
        #[arg(long, value_name = "COUNT")]
        max_uses: Option<u32>,
        /// After how many seconds it ends by itself
        #[arg(long, value_name = "SECONDS")]
        expires_in_s: Option<u64>,
        #[command(flatten)]
        common: Common,
    },
    /// Show an invite
    Show {
        /// The invite's code
        code: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete an invite
    Delete {
        /// The invite's code
        code: String,
        #[command(flatten)]
        common: Common,
    },
}

impl Invite {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create { guild, max_uses, expires_in_s, common } => {
                let given = [("max_uses", max_uses.map(u64::from)), ("expires_in_s", expires_in_s)];
                let body: Map<_, _> =
                    given.into_iter().filter_map(|(key, number)| Some((key.to_owned(), number?.into()))).collect();
                let path = format!("/guilds/{guild}/invites");
                common.format.answer(&common.api_of_user()?.post(&path, &Value::Object(body)).await?)
            }
            Self::Show { code, common } => {
                common.format.answer(&common.api()?.get(&format!("/invites/{}", in_path(&code)?)).await?)
            }
            Self::Delete { code, common } => {
                common.api_of_user()?.delete(&format!("/invites/{}", in_path(&code)?)).await?;
                common.format.done("deleted")
            }
        }
    }
}

/// The code as part of a path, which a code never has to be escaped for.
pub(super) fn in_path(code: &str) -> Result<&str, Failure> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !code.is_empty() && code.bytes().all(is_plain) {
        return Ok(code);
    }
    Err(Failure::Usage(format!("`{code}` is no invite's code: letters, digits, `-` and `_`")))
}
