//! `sanmon interaction send`: a signed request, and its answer.

use std::path::PathBuf;
use std::time::Duration;

use crate::causes::with_causes;
use crate::client::Trust;
use clap::Args;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::{Payload, Signed, Signer};
use crate::cli::failure::Failure;
use crate::cli::output::write;

/// How long an answer may take; the platform itself gives up after 3 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Send a signed interaction, and print the answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sanmon interaction send http://127.0.0.1:8080 --secret HEX
  sanmon interaction send http://127.0.0.1:8080 --secret HEX --application 7 --command ping
  sanmon interaction send http://127.0.0.1:8080 --secret HEX --body interaction.json")]
pub(in crate::cli) struct Send {
    #[command(flatten)]
    endpoint: Endpoint,
    #[command(flatten)]
    signer: Signer,
    #[command(flatten)]
    payload: Payload,
}

/// Where interactions are sent.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct Endpoint {
    /// The endpoint's address
    #[arg(value_name = "URL")]
    url: String,
    /// PEM file of the authority that signed the endpoint's certificate, if it is a private one
    #[arg(long, env = "SANMON_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// An endpoint that can be asked.
pub(super) struct Asker {
    client: Client,
    url: String,
}

impl Send {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let signed = self.signer.sign(self.payload.read()?);
        let answer = self.endpoint.open()?.ask(&signed).await?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        match status.as_u16() {
            200..=299 => write(&format!("{status}\n{text}\n")),
            code => Err(Failure::Refused { code: code.to_string(), message: text }),
        }
    }
}

impl Endpoint {
    pub(super) fn open(self) -> Result<Asker, Failure> {
        let trust = match &self.ca {
            Some(path) => Trust::only_file(path).map_err(|error| Failure::Local(error.to_string()))?,
            // A machine without a list of authorities can still ask where there is nothing to trust.
            None if self.url.starts_with("http://") => Trust::Only(Vec::new()),
            None => Trust::Platform,
        };
        let config = trust.client_config().map_err(|error| Failure::Local(error.to_string()))?;
        let client = Client::builder().tls_backend_preconfigured(config).timeout(TIMEOUT).redirect(Policy::none());
        let client = client.user_agent(concat!("sanmon/", env!("CARGO_PKG_VERSION"))).build();
        Ok(Asker { client: client.map_err(|error| Failure::Local(error.to_string()))?, url: self.url })
    }
}

impl Asker {
    /// Sends a signed body.
    pub(super) async fn ask(&self, signed: &Signed) -> Result<Response, Failure> {
        let headers = [("x-signature-ed25519", &signed.signature), ("x-signature-timestamp", &signed.timestamp)];
        self.post(&headers, signed.body.clone()).await
    }

    /// Sends a body with these headers.
    pub(super) async fn post(&self, headers: &[(&'static str, &String)], body: Vec<u8>) -> Result<Response, Failure> {
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.map_err(unreachable)
    }
}

fn unreachable(error: reqwest::Error) -> Failure {
    Failure::Unavailable(with_causes(&error))
}
