//! Bots on the gateway: an interaction comes over the socket, its answer goes back by callback.

use std::time::{Duration, Instant};

use harness::Socket;
use rustix::process::Signal;

use super::*;

pub(super) async fn bot(server: &Server) -> harness::User {
    let user = json!({ "user": { "id": APPLICATION.to_string(), "username": "bot" } });
    harness::User::from_minted(&server.operator().post("/sessions", user).await.expect(201))
}

#[tokio::test]
async fn the_first_callback_is_the_answer() {
    let server = setup().set("interactions_deadline_ms", 5000).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut wire = Wire::open(&server).await;
    let sent = interaction(1, 2);
    wire.send(&Request::signed(sent.to_string()).to_bytes()).await;
    let event = socket.event("INTERACTION_CREATE").await;
    assert_eq!(event, json!({ "t": "INTERACTION_CREATE", "d": sent }), "no `s`: it is not in the log");

    let api = server.anyone();
    let answer = json!({ "type": 4, "data": { "content": "tea" } });
    api.post("/interactions/1/another/callback", answer.clone()).await.error(404);
    api.post("/interactions/2/token-1/callback", answer.clone()).await.error(404);
    api.post("/interactions/1/token-1/callback", json!({ "type": 8, "data": { "choices": [] } })).await.error(400);
    assert_eq!(api.post("/interactions/1/token-1/callback", answer.clone()).await.status, 204);
    let got = wire.answer().await.expect("an answer");
    assert_eq!((got.status, serde_json::from_str::<Value>(&got.body).expect("JSON")), (200, answer.clone()));
    api.post("/interactions/1/token-1/callback", answer).await.error(404);

    // The same delivery again is answered the same, and the bot hears nothing of it.
    assert_eq!(wire.ask(&Request::signed(sent.to_string())).await.body, got.body);
    assert!(socket.alive().await.iter().all(|event| event["t"] != "INTERACTION_CREATE"));
}

#[tokio::test]
async fn connections_have_them_in_turn() {
    let server = setup().set("interactions_deadline_ms", 5000).start().await;
    let user = bot(&server).await;
    let mut sockets = [Socket::live(&server, &user).await, Socket::live(&server, &user).await];
    for round in 0..2 {
        let mut wires = Vec::new();
        for id in [1, 2] {
            let mut wire = Wire::open(&server).await;
            let path = format!("/interactions/{APPLICATION}");
            let body = interaction(10 * round + id, 2).to_string();
            wire.send(&Request { path, ..Request::signed(body) }.to_bytes()).await;
            wires.push(wire);
        }
        for socket in &mut sockets {
            let id = socket.event("INTERACTION_CREATE").await["d"]["id"].as_str().expect("an id").to_owned();
            let path = format!("/interactions/{id}/token-{id}/callback");
            assert_eq!(server.anyone().post(&path, json!({ "type": 5 })).await.status, 204);
        }
        for wire in &mut wires {
            assert_eq!(wire.answer().await.expect("an answer").status, 200);
        }
    }
}

#[tokio::test]
async fn a_late_callback_is_404() {
    let server = setup().set("interactions_deadline_ms", 200).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut wire = Wire::open(&server).await;
    wire.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    socket.event("INTERACTION_CREATE").await;
    let answer = wire.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (500, "Exception occurred during interaction dispatch"));
    server.anyone().post("/interactions/1/token-1/callback", json!({ "type": 5 })).await.error(404);
    wire.is_alive("a late bot").await;
    let metrics = server.admin().get("/metrics").await.text;
    assert!(metrics.contains("sanmon_interactions_late_total{outcome=\"failed\"} 1"), "{metrics}");
}

#[tokio::test]
async fn one_that_is_under_way_is_answered_although_the_server_ends() {
    let mut server = setup().set("interactions_deadline_ms", 5000).set("drain_ms", 300).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut wire = Wire::open(&server).await;
    wire.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    socket.event("INTERACTION_CREATE").await;
    let api = server.anyone();
    server.signal(Signal::TERM);
    // The bot is sent away before it has answered; its callback is a request of its own.
    assert_eq!(socket.closed().await.code, 4401);
    let answer = json!({ "type": 4, "data": { "content": "tea" } });
    assert_eq!(api.post("/interactions/1/token-1/callback", answer.clone()).await.status, 204);
    let got = wire.answer().await.expect("an answer");
    assert_eq!((got.status, serde_json::from_str::<Value>(&got.body).expect("JSON")), (200, answer));
    assert!(server.exited().await.success());
}

/// A callback with files as bytes of HTTP.
pub(super) fn callback_form(path: &str, body: &[u8]) -> Request {
    let headers = vec![
        ("Content-Type", b"multipart/form-data; boundary=\"a b\"".to_vec()),
        ("Content-Length", body.len().to_string().into_bytes()),
    ];
    Request { method: "POST", path: path.to_owned(), version: "1.1", headers, body: body.to_vec() }
}

pub(super) fn form(json: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--a b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n{json}\r\n\
         --a b\r\nContent-Disposition: form-data; name=\"files[3]\"; filename=\"tea.bin\"\r\nX-Mine: yes\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--a b--\r\n"].concat()
}

#[tokio::test]
async fn a_callback_with_files_is_the_answer_as_it_stands() {
    const LIMIT: usize = 2 << 20;
    let server =
        setup().set("interactions_deadline_ms", 20_000).set("interactions_max_callback_bytes", LIMIT).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut platform = Wire::open(&server).await;
    platform.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    socket.event("INTERACTION_CREATE").await;

    // More than a callback without files may have, and bytes that are no text.
    let file: Vec<u8> = (0..=255).cycle().take(3 << 19).collect();
    let good = form(r#"{"type":4,"data":{"content":"tea","attachments":[{"id":3}]}}"#, &file);
    let path = "/interactions/1/token-1/callback";
    let mut wire = Wire::open(&server).await;
    for (body, path, status) in [
        (good[..good.len() - 20].to_vec(), path, 400),
        (form(r#"{"type":8,"data":{"choices":[]}}"#, b"a"), path, 400),
        (form("[", b"a"), path, 400),
        (form(r#"{"type":4,"data":{"content":"\ud800"}}"#, b"a"), path, 400),
        (good.clone(), "/interactions/2/token-1/callback", 404),
    ] {
        let answer = wire.ask(&callback_form(path, &body)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let mut large = Wire::open(&server).await;
    assert_eq!(large.ask(&callback_form(path, &form(r#"{"type":4}"#, &[0; LIMIT]))).await.status, 413);
    let text = callback_form(path, b"tea").with("Content-Type", &[b"text/plain"]);
    assert_eq!(wire.ask(&text).await.status, 415);
    assert_eq!(wire.ask(&callback_form(path, &good)).await.status, 204);
    assert_eq!(wire.ask(&callback_form(path, &form(r#"{"type":4}"#, b"a"))).await.status, 404, "it was answered");

    let (head, body) = platform.bytes().await.expect("an answer");
    assert!(
        head.starts_with("http/1.1 200") && head.contains("content-type: multipart/form-data; boundary=\"a b\"\r\n")
    );
    assert!(body == good, "the form came changed");
    platform.is_alive("a form").await;
    platform.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    assert!(platform.bytes().await.expect("an answer").1 == good, "a duplicate has another answer");
}

#[tokio::test]
async fn an_application_stays_to_the_end_of_a_drain() {
    let window = Duration::from_millis(1_500);
    let server = setup().set("drain_ms", window.as_millis()).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let start = Instant::now();
    server.signal(Signal::TERM);
    socket.event("RECONNECT").await;
    assert!(start.elapsed() >= window, "it was sent away after {:?}", start.elapsed());
}
