//! A client of the HTTP API that keeps what came back whole.

use std::path::Path;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;

use crate::{Authority, within};

/// Someone who calls the API.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    base: String,
    headers: HeaderMap,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Api {
    /// Calls an address, without any authorization.
    pub fn new(base: &str, trusted: Option<&Authority>) -> Self {
        let mut builder = Self::builder();
        if let Some(authority) = trusted {
            let certificate = reqwest::Certificate::from_pem(authority.pem().as_bytes()).expect("a certificate");
            builder = builder.tls_certs_only([certificate]);
        }
        Self { client: builder.build().expect("a client"), base: base.to_owned(), headers: HeaderMap::new() }
    }

    /// Calls a server over a unix socket.
    pub fn over_unix(socket: &Path) -> Self {
        let client = Self::builder().unix_socket(socket).build().expect("a client");
        Self { client, base: "http://localhost".to_owned(), headers: HeaderMap::new() }
    }

    fn builder() -> reqwest::ClientBuilder {
        // Fails when another test of this process was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder().no_proxy()
    }

    /// The same caller with one more header.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header's value"));
        other
    }

    /// The same place, called with a session.
    #[must_use]
    pub fn session(&self, session_id: &str) -> Self {
        self.with("authorization", session_id)
    }

    /// The same place, called by a backend with an operator key.
    #[must_use]
    pub fn operator(&self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }

    /// Sends a request with this body, as it is.
    pub async fn send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(method, format!("{}{path}", self.base)).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        within("an answer", async {
            let response = request.send().await.expect("an answer");
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Answer { status, headers, text: response.text().await.expect("a body of text") }
        })
        .await
    }

    /// POST with a JSON body to a server that may die under it: `None` when no whole answer came.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        let request = self.client.post(format!("{}{path}", self.base)).headers(self.headers.clone()).json(&body);
        within("an answer or its end", async {
            let response = request.send().await.ok()?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Some(Answer { status, headers, text: response.text().await.ok()? })
        })
        .await
    }

    /// GET
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// DELETE
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// POST with a JSON body
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body.to_string().into_bytes())).await
    }

    /// PATCH with a JSON body
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(body.to_string().into_bytes())).await
    }

    /// PUT without a body
    pub async fn put(&self, path: &str) -> Answer {
        self.send("PUT", path, None).await
    }
}

impl Answer {
    /// The body as JSON; fails the test when the status is another.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// The body as it is; fails the test when the status is another.
    #[track_caller]
    pub fn expect_text(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{}", self.text);
        &self.text
    }

    /// The code and message of an error object; fails the test when there is none or the status is another.
    #[track_caller]
    pub fn error(&self, status: u16) -> (String, String) {
        let body = self.expect(status);
        let text =
            |name: &str| body["error"][name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
        let (code, message) = (text("code"), text("message"));
        let is_snake = code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(is_snake && !message.is_empty(), "{body}");
        (code, message)
    }

    /// A header's value as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
