//! `sanmon interaction`: signed requests, as the platform makes them, to try an endpoint with.

mod check;
mod send;
mod sign;

use std::io::Read;
use std::path::PathBuf;

use crate::clock::Clock;
use clap::{Args, Subcommand};
use sanmon_core::id::Id;
use sanmon_core::interaction::Keypair;
use serde_json::json;

use super::failure::Failure;

/// The longest body that is read, in bytes.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Sign and send interactions, to try an endpoint with.
///
/// The secret key is one of `sanmon keygen`, whose public key the endpoint was given.
#[derive(Debug, Subcommand)]
pub(super) enum Interaction {
    Sign(sign::Sign),
    Send(send::Send),
    Check(check::Check),
}

impl Interaction {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Sign(sign) => sign.run(),
            Self::Send(send) => send.run().await,
            Self::Check(check) => check.run().await,
        }
    }
}

/// With what requests are signed.
#[derive(Clone, Debug, Args)]
struct Signer {
    /// The secret key as 64 hex digits; better given as SANMON_INTERACTIONS_SECRET, since other users see arguments
    #[arg(long, env = "SANMON_INTERACTIONS_SECRET", hide_env_values = true, value_name = "HEX", value_parser = secret)]
    secret: Keypair,
}

/// What is signed.
#[derive(Clone, Debug, Args)]
struct Payload {
    /// The body: a file, or - for standard input; a ping if nothing is given
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    body: Option<PathBuf>,
    /// Make the body an invocation of this command
    #[arg(long, value_name = "NAME", requires = "application")]
    command: Option<String>,
    /// The application that the command belongs to
    #[arg(long, value_name = "ID")]
    application: Option<Id>,
}

/// A body with its signature.
struct Signed {
    body: Vec<u8>,
    timestamp: String,
    signature: String,
}

impl Signer {
    /// Signs a body as of now.
    fn sign(&self, body: Vec<u8>) -> Signed {
        let timestamp = (Clock::start().unix().as_millis() / 1000).to_string();
        let signature = self.secret.sign_hex(timestamp.as_bytes(), &body);
        Signed { body, timestamp, signature }
    }
}

impl Payload {
    fn read(&self) -> Result<Vec<u8>, Failure> {
        match (&self.body, &self.command, self.application) {
            (Some(path), _, _) if path.as_os_str() == "-" => {
                let mut body = Vec::new();
                let read = std::io::stdin().take(MAX_INPUT_BYTES).read_to_end(&mut body);
                read.map_err(|error| Failure::Local(format!("can't read standard input: {error}")))?;
                Ok(body)
            }
            (Some(path), _, _) => {
                std::fs::read(path).map_err(|error| Failure::Local(format!("can't read {}: {error}", path.display())))
            }
            (None, Some(name), Some(application)) => command(name, application),
            _ => Ok(br#"{"type":1}"#.to_vec()),
        }
    }
}

/// An invocation of a command without options, in a direct message, with ids of its own.
fn command(name: &str, application: Id) -> Result<Vec<u8>, Failure> {
    let random = || {
        let random = getrandom::u64().map_err(|error| Failure::Local(format!("no random numbers: {error}")))?;
        Ok::<_, Failure>((random >> 2).max(1).to_string())
    };
    let user =
        json!({ "id": random()?, "username": "ada", "discriminator": "0", "global_name": "Ada", "avatar": null });
    let interaction = json!({
        "id": random()?,
        "application_id": application.to_string(),
        "type": 2,
        "token": format!("sanmon-{}{}", random()?, random()?),
        "version": 1,
        "channel_id": random()?,
        "user": user,
        "locale": "en-GB",
        "app_permissions": "0",
        "entitlements": [],
        "authorizing_integration_owners": { "1": user["id"] },
        "context": 1,
        "attachment_size_limit": 10_485_760,
        "data": { "id": random()?, "name": name, "type": 1 },
    });
    Ok(interaction.to_string().into_bytes())
}

fn secret(text: &str) -> Result<Keypair, String> {
    // Public keys and seeds are written alike.
    let seed = sanmon_core::interaction::public_key_from_hex(text).map_err(|_| "a secret key has 64 hex digits")?;
    Keypair::from_seed(seed).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use sanmon_core::interaction::model::{AnyInteraction, InteractionKind};

    use super::*;

    #[test]
    fn a_made_up_command_is_one() {
        let body = String::from_utf8(command("tea", Id::new(7).unwrap()).unwrap()).unwrap();
        let read = AnyInteraction::parse(InteractionKind::ApplicationCommand, &body).unwrap().unwrap();
        let AnyInteraction::ApplicationCommand(command) = read else { panic!("not a command") };
        assert_eq!((command.data.name.as_str(), command.application_id.as_u64()), ("tea", 7));
        assert!(command.invoker().is_some());
    }

    #[test]
    fn secrets_are_hex() {
        assert!(secret(&"07".repeat(32)).is_ok());
        assert!(secret("07").is_err() && secret(&"00".repeat(32)).is_err());
    }
}
