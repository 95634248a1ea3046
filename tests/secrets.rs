//! No secret is found in anything that a server writes, says of itself, or keeps.

mod settings;

use std::path::Path;

use harness::{Api, Encoding, RawFrame, RawSocket, Server, Setup, Socket, User};
use sanmon_core::interaction::Keypair;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const APPLICATION: u64 = 1_180_000_000_000_000_001;

/// Everything that must not be found, and everything in which it is looked for.
struct Search {
    secrets: Vec<(&'static str, String)>,
    said: Vec<(String, String)>,
}

impl Search {
    fn secret(&mut self, what: &'static str, secret: &str) -> String {
        assert!(secret.len() >= 16, "{what} could be found by chance: {secret}");
        self.secrets.push((what, secret.to_owned()));
        // What stands behind the dot is the secret itself.
        if let Some((_, random)) = secret.split_once('.') {
            self.secrets.push((what, random.to_owned()));
        }
        secret.to_owned()
    }

    /// Keeps the answer to a request that may not succeed.
    async fn refused(&mut self, api: &Api, method: &str, path: &str, body: Option<&str>) {
        let answer = api.send(method, path, body.map(|body| body.as_bytes().to_vec())).await;
        assert!(answer.status >= 400, "{method} {path}: {}", answer.text);
        self.said.push((format!("the answer to {method} {path}"), format!("{:?} {}", answer.headers, answer.text)));
    }

    fn found(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.secrets {
            let at = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            if let Some(at) = at {
                let around = &bytes[at.saturating_sub(200)..(at + secret.len() + 50).min(bytes.len())];
                panic!("{what} stands in {place}: ...{}...", String::from_utf8_lossy(around));
            }
        }
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.map(|file| (file.path().display().to_string(), std::fs::read(file.path()).expect("a file"))).collect()
}

#[tokio::test]
async fn a_run_of_everything_at_the_loudest_level_writes_no_secret() {
    let pair = Keypair::from_seed([1; 32]).expect("a seed");
    let server = Setup::new()
        .set("log_level", "trace")
        .set("max_failures_per_minute", 6)
        .set("interactions_deadline_ms", 5000)
        .set("interactions_key", format!("{APPLICATION}={}", pair.public_key_hex()))
        .start()
        .await;
    let mut search = Search { secrets: Vec::new(), said: Vec::new() };
    let operator = server.operator();

    // Sessions and keys, in use and ended.
    let user = server.user("ada").await;
    let ended = server.user("grace").await;
    for session in [&user, &ended] {
        search.secret("a session id", &session.session_id);
    }
    let minted =
        operator.post("/operator-keys", json!({ "name": "all", "scopes": ["publish", "sessions", "act", "admin"] }));
    let minted = minted.await.expect(201);
    let key = search.secret("an operator key", minted["key"].as_str().expect("a key"));
    let by_key = server.anyone().operator(&key);
    by_key.with("x-on-behalf-of", &user.id.to_string()).get("/users/@me").await.expect(200);
    by_key.post("/publish", json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] })).await.expect(200);
    let (mut live, _) = Socket::live_with(&server, &user, Encoding::Zlib).await;
    live.alive().await;
    let mut revoked = Socket::live(&server, &ended).await;
    operator.delete(&format!("/sessions/{}", ended.session)).await.expect(204);
    assert_eq!(revoked.closed().await.code, 4102);

    // Interactions, whose tokens let anyone answer, answered and late ones.
    let bot = json!({ "user": { "id": APPLICATION.to_string(), "username": "bot" } });
    let bot = User::from_minted(&operator.post("/sessions", bot).await.expect(201));
    search.secret("a bot's session id", &bot.session_id);
    let mut listener = Socket::live(&server, &bot).await;
    let token = search.secret("an interaction's token", "token-that-nobody-may-read-0123456789");
    let body = json!({
        "id": "1", "application_id": APPLICATION.to_string(), "type": 2, "token": token, "version": 1,
        "data": { "id": "7", "name": "tea", "type": 1 },
    })
    .to_string();
    let mut platform = server.stream().await;
    let signature = search.secret("a signature", &pair.sign_hex(b"1800000000", body.as_bytes()));
    let request = format!(
        "POST /interactions HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-Signature-Timestamp: 1800000000\r\nX-Signature-Ed25519: {signature}\r\n\r\n{body}",
        body.len()
    );
    platform.write_all(request.as_bytes()).await.expect("an interaction");
    listener.event("INTERACTION_CREATE").await;
    let callback = format!("/interactions/1/{token}/callback");
    assert_eq!(server.anyone().post(&callback, json!({ "type": 5 })).await.status, 204);
    let mut answer = String::new();
    harness::within("the answer", platform.read_to_string(&mut answer)).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    search.refused(&server.anyone(), "POST", &callback, Some("{\"type\":5}")).await;
    search.refused(&server.anyone(), "POST", &callback, Some("not JSON")).await;

    // Secrets that are wrong by a little, and in the wrong place; beyond the limit of failures, too.
    let almost = search.secret("a session id that is wrong", &format!("{}x", user.session_id));
    for round in 0..4 {
        for wrong in
            [&almost, &format!("Bearer {almost}"), &format!("Basic {almost}"), &format!("Bearer  {almost} {almost}")]
        {
            let api = server.anyone().with("authorization", wrong);
            search.refused(&api, "GET", "/users/@me", None).await;
        }
        let mut socket = Socket::connect(&server).await;
        socket.send(&json!({ "session_id": almost })).await;
        let closed = socket.closed().await;
        assert_eq!(closed.code, if round == 0 { closed.code } else { 4008 });
        search.said.push(("a close".to_owned(), closed.reason.to_string()));
    }
    let api = server.as_user(&user);
    for (method, path, body) in [
        ("POST", "/guilds".to_owned(), Some(format!("{{\"name\":\"{almost}"))),
        ("POST", "/guilds".to_owned(), Some(format!("[\"{}\"]", user.session_id))),
        ("POST", "/publish".to_owned(), Some(format!("{{\"events\":\"{key}\"}}"))),
        ("GET", format!("/guilds/{}", user.session_id), None),
        ("DELETE", format!("/sessions/{}", user.session_id), None),
        ("DELETE", format!("/operator-keys/{key}"), None),
        ("GET", format!("/{key}"), None),
        ("GET", format!("/nowhere?session_id={}&key={key}", user.session_id), None),
        (&*user.session_id.replace('.', ""), "/guilds".to_owned(), None),
    ]
    .map(|(method, path, body)| (method.to_owned(), path, body))
    {
        search.refused(&api, &method, &path, body.as_deref()).await;
    }
    for text in [
        format!("{{\"session_id\":\"{}\",\"encoding\":\"{}\"}}", user.session_id, user.session_id),
        format!("{{\"session_id\":{{\"{key}\":1}}}}"),
        format!("{{\"session_id\":\"{}", user.session_id),
        format!("{{\"session_id\":\"{}\",\"t\":\"{key}\"}}", user.session_id),
        user.session_id.clone(),
    ] {
        let mut socket = Socket::connect(&server).await;
        socket.send_text(&text).await;
        search.said.push((format!("the close after {}", text.len()), socket.closed().await.reason.to_string()));
    }
    live.send(&json!({ "t": user.session_id, "session_id": user.session_id })).await;
    search.said.push(("the close of a live one".to_owned(), live.closed().await.reason.to_string()));
    let mut raw = RawSocket::connect(&server).await;
    raw.send(&RawFrame { head: 0xF1, ..RawFrame::new(harness::Opcode::Text, user.session_id.clone()) }).await;
    while let Some((_, payload)) = raw.next().await {
        search.said.push(("a raw close".to_owned(), String::from_utf8_lossy(&payload).into_owned()));
    }
    for request in [
        format!("GET /available HTTP/1.1\r\nHost: a\r\nAuthorization: {key}\r\nContent-Length: {key}\r\n\r\n"),
        format!("GET /available HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer {key}\r\n\r\n"),
        format!("GET {key} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", user.session_id),
        format!("GET /gateway HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {key}\r\n\r\n"),
    ] {
        let mut stream = server.stream().await;
        let _ = stream.write_all(request.as_bytes()).await;
        let mut said = Vec::new();
        let _ = harness::within("the end", stream.read_to_end(&mut said)).await;
        search
            .said
            .push((format!("the answer to {} raw bytes", request.len()), String::from_utf8_lossy(&said).into_owned()));
    }

    // What it says of itself and what it keeps, while it runs and after it drained.
    search.said.push(("the metrics".to_owned(), server.admin().get("/metrics").await.text));
    search.said.push(("the list of keys".to_owned(), operator.get("/operator-keys").await.text));
    let copies = tempfile::tempdir().expect("a folder");
    let control = Api::over_unix(&server.data().join("control.sock"));
    control.post("/backup", json!({ "to": copies.path().join("copy.db") })).await.expect(201);
    let kept = [files(server.data()), files(copies.path())].concat();
    assert!(kept.iter().any(|(_, bytes)| bytes.len() > 10_000), "no database was looked at");
    let mut server = server;
    server.signal(rustix::process::Signal::TERM);
    assert!(server.exited().await.success());

    let output = server.output();
    assert!(output.contains("\"TRACE\"") && output.len() > 20_000, "the level was not the loudest");
    search.found("what it wrote", output.as_bytes());
    // The first key is shown once, on standard output, to whoever started it.
    let shown: Vec<Value> = output
        .lines()
        .filter(|line| line.contains(server.key()))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(matches!(&shown[..], [line] if line["fields"]["operator_key"] == server.key()), "{shown:?}");
    search.secret("the first key", server.key());
    for (place, text) in &search.said {
        search.found(place, text.as_bytes());
    }
    for (file, bytes) in kept.iter().chain(&files(server.data())) {
        search.found(file, bytes);
    }
}

/// A folder's files are looked at as bytes, so a secret would be found wherever the database puts it.
#[tokio::test]
async fn the_search_finds_what_is_there() {
    let server = Server::start().await;
    let marked = "a name that stands in the database for sure";
    let minted = server.operator().post("/sessions", json!({ "user": { "username": marked } })).await;
    minted.expect(201);
    assert!(
        files(server.data())
            .iter()
            .any(|(_, bytes)| bytes.windows(marked.len()).any(|window| window == marked.as_bytes()))
    );
}
