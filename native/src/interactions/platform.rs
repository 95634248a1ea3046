//! The platform's REST API: the public key of an application, and answers that come late.

use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::BodyExt;
use reqwest::Client;
use sanmon_core::id::Id;
use sanmon_core::interaction::model::Snowflake;
use sanmon_core::interaction::response::Reply;
use sanmon_core::interaction::{Answer, ApplicationKey, InvalidKey, public_key_from_hex};
use serde::Deserialize;

use super::body;
use super::files::FileExecutor;
use crate::causes::with_causes;
use crate::client::{Trust, TrustError};

/// How long one request to the platform may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a program shows the platform's REST API.
#[derive(Clone, PartialEq, Eq)]
pub enum Token {
    /// A bot's token.
    Bot(String),
    /// A token that a user or an application was given by OAuth2.
    Bearer(String),
}

/// The platform's REST API.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    client: Client,
    url: String,
}

/// Why the public key could not be fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    /// The platform did not answer.
    #[error("the platform can't be asked: {0}")]
    Unreachable(String),
    /// The platform refused.
    #[error("the platform answered {0}")]
    Refused(u16),
    /// The platform's answer makes no sense.
    #[error("the platform's answer can't be read: {0}")]
    BadAnswer(String),
    /// The platform's key can't be used.
    #[error("the platform's key can't be used: {0}")]
    Invalid(#[from] InvalidKey),
}

#[derive(Deserialize)]
struct Application {
    id: Id,
    verify_key: String,
}

#[derive(Deserialize)]
struct Authorization {
    application: Application,
}

impl Platform {
    pub(super) fn new(url: String, trust: &Trust) -> Result<Self, TrustError> {
        let builder = Client::builder().tls_backend_preconfigured(trust.client_config()?);
        let builder =
            builder.timeout(TIMEOUT).user_agent(concat!("DiscordBot (sanmon, ", env!("CARGO_PKG_VERSION"), ")"));
        let client = builder.build().expect("nothing here depends on the machine");
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    /// The public key of the token's application.
    pub(super) async fn key(&self, token: &Token) -> Result<ApplicationKey, KeyError> {
        let (path, scheme, secret) = match token {
            Token::Bot(secret) => ("oauth2/applications/@me", "Bot", secret),
            Token::Bearer(secret) => ("oauth2/@me", "Bearer", secret),
        };
        let request =
            self.client.get(format!("{}/{path}", self.url)).header(AUTHORIZATION, format!("{scheme} {secret}"));
        let response = request.send().await.map_err(|error| KeyError::Unreachable(with_causes(&error)))?;
        if !response.status().is_success() {
            return Err(KeyError::Refused(response.status().as_u16()));
        }
        let text = response.text().await.map_err(|error| KeyError::Unreachable(with_causes(&error)))?;
        let bad = |error: serde_json::Error| KeyError::BadAnswer(error.to_string());
        let application: Application = match token {
            Token::Bot(_) => serde_json::from_str(&text).map_err(bad)?,
            Token::Bearer(_) => serde_json::from_str::<Authorization>(&text).map_err(bad)?.application,
        };
        Ok(ApplicationKey::new(application.id, public_key_from_hex(&application.verify_key)?)?)
    }

    /// Puts a late answer in the place of its deferral.
    pub(super) async fn replace_deferral(
        &self,
        application: Snowflake,
        token: &str,
        message: &Reply,
        files: &FileExecutor,
    ) -> Result<(), String> {
        let (parts, body) = body::response(&Answer::Reply(message.clone()), files).await.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let url = format!("{}/webhooks/{application}/{token}/messages/@original", self.url);
        let request = self.client.patch(url).header(CONTENT_TYPE, &parts.headers[CONTENT_TYPE]).body(body);
        // The address holds the token, which is a secret.
        let response = request.send().await.map_err(|error| with_causes(&error.without_url()))?;
        if response.status().is_success() {
            Ok(())
        } else {
            Err(format!("the platform answered {}", response.status()))
        }
    }
}

impl fmt::Debug for Token {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bot(_) => "Bot(..)",
            Self::Bearer(_) => "Bearer(..)",
        })
    }
}
