//! An interactions server in this process: its life, its listeners, and what goes wrong with them.

mod dispatch;
mod ends;
mod keys;
mod life;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use sanmon_core::id::Id;
use sanmon_core::interaction::kind::{ApplicationCommand, Autocomplete};
use sanmon_core::interaction::response::{AttachedFile, Choices, DeferredMessage, MessageAnswer};
use sanmon_core::interaction::{ApplicationKey, Keypair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::*;

const APPLICATION: u64 = 1_180_000_000_000_000_001;
const PATIENCE: Duration = Duration::from_secs(60);
const TIMESTAMP: &[u8] = b"1800000000";

fn pair() -> Keypair {
    Keypair::from_seed([1; 32]).unwrap()
}

fn key() -> ApplicationKey {
    ApplicationKey::new(Id::new(APPLICATION).unwrap(), pair().public_key()).unwrap()
}

fn server() -> InteractionServer {
    InteractionServer::builder().key(key()).build().unwrap()
}

fn local() -> Listen {
    Listen::tcp(([127, 0, 0, 1], 0))
}

/// A command with this id.
fn command(id: u64) -> String {
    interaction(id, 2)
}

fn interaction(id: u64, kind: u64) -> String {
    json!({
        "id": id.to_string(), "application_id": APPLICATION.to_string(), "type": kind, "token": "secret", "version": 1,
        "data": { "id": "7", "name": "tea", "type": 1 },
    })
    .to_string()
}

/// A signed request as bytes of HTTP/1.1.
fn raw(body: &str) -> Vec<u8> {
    format!(
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         x-signature-ed25519: {}\r\nx-signature-timestamp: 1800000000\r\n\r\n{body}",
        body.len(),
        pair().sign_hex(TIMESTAMP, body.as_bytes())
    )
    .into_bytes()
}

fn request(body: &str) -> Request<Full<Bytes>> {
    Request::post("/")
        .header("content-type", "application/json")
        .header("x-signature-ed25519", pair().sign_hex(TIMESTAMP, body.as_bytes()))
        .header("x-signature-timestamp", "1800000000")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

/// Status and whole body.
async fn read(response: Response<AnswerBody>) -> (u16, String) {
    let status = response.status().as_u16();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

async fn ask<F: EntityFactory>(server: &InteractionServer<F>, body: &str) -> (u16, String) {
    timeout(PATIENCE, async { read(server.hook(request(body)).await).await }).await.unwrap()
}

fn say(text: &str) -> Result<Handled<ApplicationCommand>, sanmon_core::interaction::response::InvalidAnswer> {
    Handled::answer(MessageAnswer::new().content(text))
}

async fn connect(server: &InteractionServer) -> TcpStream {
    let Address::Tcp(address) = server.addresses()[0] else { panic!("a TCP address") };
    TcpStream::connect(address).await.unwrap()
}

/// Waits until this holds.
async fn until(mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waited).await.expect("it holds in time");
}

/// Reads one answer with a Content-Length: its head and body.
async fn read_answer(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> (String, Vec<u8>) {
    timeout(PATIENCE, async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|n| n.parse().unwrap());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        (head, body)
    })
    .await
    .unwrap()
}
