//! What bad requests get: a fitting status, the error object, nothing stored, and a server that lives on.

use harness::{Server, Setup};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn malformed_bodies_are_400_and_store_nothing() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let api = server.as_user(&user);
    let deep = format!("{{\"name\":\"x\",\"d\":{}{}}}", "[".repeat(128), "]".repeat(128));
    for body in [
        "",
        "{",
        "not json",
        "[]",
        "\"x\"",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"x\"} more",
        "{\"name\":1e999}",
        &deep,
    ] {
        api.send("POST", "/guilds", Some(body.as_bytes().to_vec())).await.error(400);
    }
    api.send("POST", "/guilds", Some(b"{\"name\":\"\xff\"}".to_vec())).await.error(400);
    assert_eq!(api.get("/users/@me/guilds").await.expect(200), json!([]));
}

#[tokio::test]
async fn a_missing_field_and_a_wrong_type_are_named() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let (api, operator) = (server.as_user(&user), server.operator());
    let guild = server.guild(&user, "Analytical").await;
    let channels = format!("/guilds/{guild}/channels");
    let event = |event: Value| json!({ "events": [event] });
    let cases = [
        (api.post("/guilds", json!({})).await, "name"),
        (api.post("/guilds", json!({ "name": 5 })).await, "name"),
        (api.patch(&format!("/guilds/{guild}"), json!({ "name": null })).await, "name"),
        (api.post(&channels, json!({})).await, "name"),
        (api.post(&channels, json!({ "name": "x", "position": "first" })).await, "position"),
        (operator.post("/sessions", json!({})).await, "user"),
        (operator.post("/sessions", json!({ "user": {} })).await, "username"),
        (operator.post("/sessions", json!({ "user": { "id": -1, "username": "x" } })).await, "id"),
        (operator.post("/sessions", json!({ "user": { "username": "x" }, "expires_in_s": "1" })).await, "expires_in_s"),
        (operator.post("/publish", json!({})).await, "events"),
        (operator.post("/publish", event(json!({ "t": "X", "d": {} }))).await, "to"),
        (operator.post("/publish", event(json!({ "to": "everyone", "d": {} }))).await, "t"),
        (operator.post("/publish", event(json!({ "to": "everyone", "t": "X" }))).await, "d"),
        (operator.post("/publish", event(json!({ "to": "nobody", "t": "X", "d": {} }))).await, "to"),
        (operator.post("/publish", event(json!({ "to": { "user": "x" }, "t": "X", "d": {} }))).await, "user"),
    ];
    for (answer, field) in cases {
        let (_, message) = answer.error(400);
        assert!(message.contains(field), "{field} is not named in: {message}");
    }
    assert_eq!(api.get("/users/@me/guilds").await.expect(200).as_array().map(Vec::len), Some(1));
    assert_eq!(api.get(&channels).await.expect(200), json!([]));
}

#[tokio::test]
async fn events_that_may_not_be_published_are_refused_all_or_none() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = harness::Socket::live(&server, &user).await;
    let to = json!({ "user": user.id });
    let good = json!({ "to": to, "t": "GOOD", "d": {} });
    for t in [
        "READY",
        "GUILD_INIT",
        "RESUMED",
        "RECONNECT",
        "PONG",
        "INTERACTION_CREATE",
        "lower",
        "",
        "A-B",
        "_A",
        &"A".repeat(65),
    ] {
        let body = json!({ "events": [good, { "to": to, "t": t, "d": {} }] });
        server.operator().post("/publish", body).await.error(400);
    }
    let unnamed = json!({ "events": [good, { "to": to, "t": "NOTIFICATION", "type": "LOUD", "excerpt": {} }] });
    server.operator().post("/publish", unnamed).await.error(400);
    assert!(socket.alive().await.iter().all(|event| event["t"] != "GOOD"));
}

#[tokio::test]
async fn who_is_not_known_is_401_and_who_may_not_is_403() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let publish = json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] });
    server.anyone().get("/users/@me").await.error(401);
    server.anyone().session("nonsense").get("/users/@me").await.error(401);
    server.anyone().post("/publish", publish.clone()).await.error(401);
    let (start, last) = server.key().split_at(server.key().len() - 1);
    let almost = format!("{start}{}", if last == "A" { "E" } else { "A" });
    for key in ["", "nonsense", &almost, &user.session_id] {
        server.anyone().operator(key).post("/publish", publish.clone()).await.error(401);
    }
    server.as_user(&user).post("/publish", publish).await.error(403);
    server.as_user(&user).post("/sessions", json!({ "user": { "username": "x" } })).await.error(403);
    server.as_user(&user).delete(&format!("/users/{}", user.id)).await.error(403);
}

#[tokio::test]
async fn an_operator_key_does_only_what_its_scopes_say() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let key = |scope: &'static str| {
        let mut command = harness::sanmon_command();
        command.args(["operator-key", "create", scope, "--scopes", scope, "--json", "--data"]).arg(server.data());
        let output = command.output().expect("sanmon runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        server.anyone().operator(made["key"].as_str().unwrap_or_else(|| panic!("no key in {made}")))
    };
    let publish = json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] });
    let session = json!({ "user": { "username": "x" } });
    let (publisher, minter) = (key("publish"), key("sessions"));
    publisher.post("/publish", publish.clone()).await.expect(200);
    publisher.post("/sessions", session.clone()).await.error(403);
    publisher.with("x-on-behalf-of", &user.id.to_string()).get("/users/@me").await.error(403);
    minter.post("/sessions", session).await.expect(201);
    minter.post("/publish", publish).await.error(403);
}

#[tokio::test]
async fn unknown_routes_ids_and_methods_have_their_status() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let api = server.as_user(&user);
    api.get("/nowhere").await.error(404);
    api.get("/guilds/5").await.error(404);
    for id in ["abc", "0", "-1", "99999999999999999999", "1.5", "%00"] {
        let status = api.get(&format!("/guilds/{id}")).await.status;
        assert!(matches!(status, 400 | 404), "{id}: {status}");
    }
    for (method, path) in [("DELETE", "/available"), ("PUT", "/guilds"), ("POST", "/users/@me")] {
        api.send(method, path, None).await.error(405);
    }
    let text = api.with("content-type", "text/plain").send("POST", "/guilds", None).await;
    assert!(matches!(text.status, 400 | 411 | 415), "{}", text.text);
}

#[tokio::test]
async fn a_body_of_10_mb_is_413() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let before = server.memory();
    let body = json!({ "name": "x".repeat(10 << 20) }).to_string().into_bytes();
    // The server may answer before it read all of it, and then the rest can't be sent: either way it is not stored.
    let told = format!(
        "POST /guilds HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        user.session_id,
        body.len()
    );
    let mut stream = server.stream().await;
    stream.write_all(told.as_bytes()).await.expect("the header is sent");
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 413 "));

    // The same in chunks, without a length.
    let mut stream = server.stream().await;
    let told = format!(
        "POST /guilds HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        user.session_id
    );
    stream.write_all(told.as_bytes()).await.expect("the header is sent");
    for chunk in body.chunks(64 << 10) {
        let chunk = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
    }
    // Reset before the answer was read, or answered.
    let line = first_line(&mut stream).await;
    assert!(line.is_empty() || line.starts_with("HTTP/1.1 413 "), "{line}");
    assert_eq!(server.as_user(&user).get("/users/@me/guilds").await.expect(200), json!([]));
    assert!(server.memory().saturating_sub(before) < 8 << 20);
}

#[tokio::test]
async fn slow_headers_and_slow_bodies_are_ended() {
    let server = Setup::new().set("header_timeout_ms", 300).set("body_timeout_ms", 300).start().await;
    let user = server.user("ada").await;
    let mut stream = server.stream().await;
    stream.write_all(b"GET /available HTTP/1.1\r\nHost:").await.expect("half a header");
    let line = first_line(&mut stream).await;
    assert!(line.is_empty() || line.starts_with("HTTP/1.1 408 "), "{line}");

    let mut stream = server.stream().await;
    let head = format!(
        "POST /guilds HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{{\"name\":",
        user.session_id
    );
    stream.write_all(head.as_bytes()).await.expect("half a body");
    assert!(first_line(&mut stream).await.starts_with("HTTP/1.1 408 "));
    assert_eq!(server.as_user(&user).get("/users/@me/guilds").await.expect(200), json!([]));
}

/// The first line of what the server says until it ends the connection or the line is whole; empty when it just ends it.
async fn first_line(stream: &mut Box<dyn harness::Io>) -> String {
    let mut bytes = Vec::new();
    harness::within("an answer", async {
        while !bytes.contains(&b'\n') && matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {}
    })
    .await;
    String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_asks_is_said_once() {
    let server = Server::start().await;
    let (user, other) = (server.user("ada").await, server.user("grace").await);
    let session = |user: &harness::User| format!("Authorization: {}\r\n", user.session_id);
    let key = format!("Authorization: Bearer {}\r\n", server.key());
    let named = |user: u64| format!("X-On-Behalf-Of: {user}\r\n");
    for (path, headers, status) in [
        ("/users/@me", session(&user), 200),
        ("/users/@me", session(&user) + &session(&user), 400),
        ("/users/@me", session(&user) + &session(&other), 400),
        ("/users/@me", key.clone() + &session(&other), 400),
        ("/operator-keys", key.clone() + &session(&user), 400),
        ("/users/@me", key.clone() + &named(user.id), 200),
        ("/users/@me", key.clone() + &named(user.id) + &named(user.id), 400),
        ("/users/@me", key.clone() + &named(user.id) + &named(other.id), 400),
        ("/guilds/5/preview", session(&user) + &session(&other), 400),
    ] {
        let mut stream = server.stream().await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        harness::within("the answer", stream.read_to_string(&mut answer)).await.expect("text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(status == 200 || answer.contains("stands more than once"), "{path}: {answer}");
    }
}
