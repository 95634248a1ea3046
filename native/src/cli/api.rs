//! The HTTP API as the commands call it.

use std::time::Duration;

use crate::causes::with_causes;
use crate::client::Trust;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::failure::Failure;
use super::target::{Caller, Target};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A server's HTTP API.
#[derive(Debug)]
pub(super) struct Api {
    client: Client,
    base: String,
    /// How messages name the server.
    server: String,
    authorization: Option<String>,
    on_behalf_of: Option<String>,
    has_limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Bounded,
    /// For what takes as long as the data is large.
    None,
}

impl Api {
    /// The API as the operator.
    pub(super) fn operator(target: &Target) -> Result<Self, Failure> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("sanmon/", env!("CARGO_PKG_VERSION")));
        let (builder, base, server) = match &target.url {
            Some(url) => {
                let base = url.trim_end_matches('/').to_owned();
                (over_network(builder, target, &base)?, base.clone(), base)
            }
            None => {
                let socket = target.control_socket()?;
                let server = socket.display().to_string();
                let builder = without_tls(builder)?.no_proxy().unix_socket(socket);
                (builder, "http://localhost".to_owned(), server)
            }
        };
        let client = builder.build().map_err(|error| Failure::Local(with_causes(&error)))?;
        // Over the socket its owner is the operator, whatever key is around.
        let key = target.key.as_ref().filter(|_| target.url.is_some());
        Ok(Self {
            client,
            base,
            server,
            authorization: key.map(|key| format!("Bearer {key}")),
            on_behalf_of: None,
            has_limit: Limit::Bounded,
        })
    }

    /// The API as a user.
    pub(super) fn caller(caller: &Caller) -> Result<Self, Failure> {
        let mut api = Self::operator(&caller.target)?;
        match (&caller.on_behalf_of, &caller.session) {
            (Some(user), _) => api.on_behalf_of = Some(user.to_string()),
            (None, Some(session)) => api.authorization = Some(session.clone()),
            (None, None) => {}
        }
        Ok(api)
    }

    /// The same, for what takes as long as the data is large.
    pub(super) fn patient(mut self) -> Self {
        self.has_limit = Limit::None;
        self
    }

    pub(super) async fn get(&self, path: &str) -> Result<String, Failure> {
        self.send(self.request(Method::GET, path)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<String, Failure> {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub(super) async fn put(&self, path: &str) -> Result<String, Failure> {
        self.send(self.request(Method::PUT, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<String, Failure> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<String, Failure> {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// Posts a JSON text to the letter.
    pub(super) async fn post_text(&self, path: &str, body: String) -> Result<String, Failure> {
        self.send(self.request(Method::POST, path).header("content-type", "application/json").body(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if self.has_limit == Limit::Bounded {
            request = request.timeout(TIMEOUT);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(user) = &self.on_behalf_of {
            request = request.header("x-on-behalf-of", user);
        }
        request
    }

    async fn send(&self, request: RequestBuilder) -> Result<String, Failure> {
        let unavailable = |error: reqwest::Error| match error.is_builder() {
            // Such as a key with a line break in it. Its text must not show the key.
            true => Failure::Usage("the key, session or URL has characters that can't be sent".into()),
            false => {
                Failure::Unavailable(format!("can't reach {}: {}", self.server, with_causes(&error.without_url())))
            }
        };
        let response = request.send().await.map_err(unavailable)?;
        let status = response.status();
        let text = response.text().await.map_err(unavailable)?;
        if status.is_success() { Ok(text) } else { Err(failure(status, &text)) }
    }
}

fn over_network(builder: ClientBuilder, target: &Target, url: &str) -> Result<ClientBuilder, Failure> {
    if url.starts_with("http://") {
        return without_tls(builder);
    }
    if !url.starts_with("https://") {
        return Err(Failure::Usage(format!("--url: `{url}` must begin with https:// or http://")));
    }
    with_trust(builder, &target.trust()?)
}

/// Without the operating system's authorities, which a machine may lack and plain connections don't need.
fn without_tls(builder: ClientBuilder) -> Result<ClientBuilder, Failure> {
    with_trust(builder, &Trust::Only(Vec::new()))
}

fn with_trust(builder: ClientBuilder, trust: &Trust) -> Result<ClientBuilder, Failure> {
    let config = trust.client_config().map_err(|error| Failure::Local(error.to_string()))?;
    Ok(builder.tls_backend_preconfigured(config))
}

/// What an error answer says.
fn failure(status: StatusCode, text: &str) -> Failure {
    #[derive(Deserialize)]
    struct Answer {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        code: String,
        message: String,
    }
    let error = match serde_json::from_str::<Answer>(text) {
        Ok(answer) => answer.error,
        Err(_) => Error { code: status.as_str().into(), message: "the server gave no reason".into() },
    };
    if error.code == "user_required" {
        Failure::Usage("say in whose name: --as USER, or --session SESSION_ID".into())
    } else if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        Failure::Refused { code: error.code, message: error.message }
    } else {
        Failure::Unavailable(format!("{} ({}, status {})", error.message, error.code, status.as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_own_words_are_kept() {
        let refused =
            failure(StatusCode::NOT_FOUND, r#"{"error":{"code":"unknown_guild","message":"there is no such guild"}}"#);
        assert_eq!(refused.to_string(), "there is no such guild (unknown_guild)");
        assert!(matches!(failure(StatusCode::BAD_GATEWAY, "<html>"), Failure::Unavailable(_)));
        assert!(matches!(failure(StatusCode::TOO_MANY_REQUESTS, ""), Failure::Unavailable(_)));
    }

    #[test]
    fn who_names_no_user_is_told_of_the_flag_and_not_of_the_header() {
        let refused = failure(StatusCode::BAD_REQUEST, r#"{"error":{"code":"user_required","message":"`X-...`"}}"#);
        assert!(matches!(&refused, Failure::Usage(message) if message.contains("--as USER")), "{refused}");
    }
}
