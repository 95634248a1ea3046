//! Interactions over HTTP: the protocol's table row by row, what bad clients send, bots that answer over the gateway, and
//! the commands to try an endpoint with.

mod across;
mod commands;
mod relay;
mod table;
mod wire;

use harness::{Io, Server, Setup, within};
use sanmon_core::interaction::Keypair;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The application whose key the server has.
const APPLICATION: u64 = 1_180_000_000_000_000_001;
const PING: &str = r#"{"type":1}"#;

fn pair() -> Keypair {
    Keypair::from_seed([1; 32]).expect("a seed")
}

fn setup() -> Setup {
    let key = format!("{APPLICATION}={}", pair().public_key_hex());
    Setup::new().set("interactions_key", key)
}

fn interaction(id: u64, kind: u64) -> Value {
    json!({
        "id": id.to_string(), "application_id": APPLICATION.to_string(), "type": kind, "token": format!("token-{id}"),
        "version": 1, "data": { "id": "7", "name": "tea", "type": 1 },
    })
}

/// A request to be written by hand.
#[derive(Clone)]
struct Request {
    method: &'static str,
    path: String,
    version: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    /// A proper one, whose body is signed.
    fn signed(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let headers = vec![
            ("Content-Type", b"application/json".to_vec()),
            ("Content-Length", body.len().to_string().into_bytes()),
            ("X-Signature-Timestamp", b"1800000000".to_vec()),
            ("X-Signature-Ed25519", pair().sign_hex(b"1800000000", &body).into_bytes()),
        ];
        Self { method: "POST", path: "/interactions".to_owned(), version: "1.1", headers, body }
    }

    /// The same with this header instead, or more than one of them.
    fn with(mut self, name: &'static str, values: &[&[u8]]) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.extend(values.iter().map(|value| (name, value.to_vec())));
        self
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/{}\r\nHost: localhost\r\n", self.method, self.path, self.version).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A connection on which HTTP is spoken by hand.
struct Wire {
    stream: Box<dyn Io>,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Wire {
    async fn open(server: &Server) -> Self {
        Self { stream: server.stream().await }
    }

    /// Sends bytes. The server may have ended the connection: what it said is read afterwards.
    async fn send(&mut self, bytes: &[u8]) {
        let _ = within("a send", self.stream.write_all(bytes)).await;
        let _ = within("a flush", self.stream.flush()).await;
    }

    async fn ask(&mut self, request: &Request) -> Answer {
        self.send(&request.to_bytes()).await;
        self.answer().await.expect("an answer")
    }

    /// The next answer; none if the connection ended instead.
    async fn answer(&mut self) -> Option<Answer> {
        let (head, body) = self.bytes().await?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Some(Answer { status, head, body: String::from_utf8(body).expect("a body of text") })
    }

    /// The next answer's head in small letters, and its body.
    async fn bytes(&mut self) -> Option<(String, Vec<u8>)> {
        within("an answer", async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.stream.read_u8().await.ok()?);
            }
            let head = String::from_utf8(head).expect("a head of text").to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((head, body))
        })
        .await
    }

    /// Asserts that the connection is as good as new.
    async fn is_alive(&mut self, after: &str) {
        self.send(&Request::signed(PING).to_bytes()).await;
        let answer = self.answer().await.unwrap_or_else(|| panic!("the connection ended after {after}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, PING), "after {after}");
    }

    /// Waits for the end of the connection, after any answers.
    async fn ended(&mut self) {
        within("the end", async {
            let mut rest = Vec::new();
            let _ = self.stream.read_to_end(&mut rest).await;
        })
        .await;
    }
}
