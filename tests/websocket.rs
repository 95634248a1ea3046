//! RFC 6455 at its edges, with frames that libraries refuse to send; the modules are Autobahn's list of cases.

mod case;
mod closing;
mod control;
mod fragmentation;
mod framing;
mod reserved;
mod utf8;

use harness::{Opcode, RawFrame, RawSocket, Server, User};
use serde_json::json;

/// A connection that has identified and taken READY.
async fn live(server: &Server, user: &User) -> RawSocket {
    let mut socket = RawSocket::connect(server).await;
    socket.send(&RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string())).await;
    let (_, ready) = socket.next().await.expect("READY");
    assert!(ready.starts_with(b"{\"t\":\"READY\""), "{}", String::from_utf8_lossy(&ready));
    socket
}

/// The next message of text that has this `t`.
async fn event(socket: &mut RawSocket, t: &str) -> serde_json::Value {
    loop {
        let (opcode, payload) = socket.next().await.expect("an event");
        assert_eq!(opcode, Opcode::Text.bits());
        let event: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
        if event["t"] == t {
            return event;
        }
    }
}

/// The defaults are small; the cases beside this file raise them, so these are held to here.
#[tokio::test]
async fn a_message_past_the_default_limit_is_1009() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for told in [4097, 1 << 20, 1 << 40, i64::MAX as u64] {
        let mut socket = live(&server, &user).await;
        socket.send(&RawFrame { told_len: Some(told), ..RawFrame::new(Opcode::Text, "{") }).await;
        assert_eq!(socket.closed().await, Some(1009), "{told}");
    }
    // Fragments add up.
    let mut socket = live(&server, &user).await;
    socket.send(&RawFrame::new(Opcode::Text, vec![b' '; 4000]).unfinished()).await;
    socket.send(&RawFrame::new(Opcode::Continuation, vec![b' '; 97])).await;
    assert_eq!(socket.closed().await, Some(1009));
}

#[tokio::test]
async fn odd_and_valid_frames_cost_no_event() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = live(&server, &user).await;
    let message = json!({ "t": "PING", "d": "grüße" }).to_string().into_bytes();
    let cut = message.iter().position(|byte| *byte == 0xc3).expect("a character of two bytes") + 1;
    socket.send(&RawFrame::new(Opcode::Pong, "unsolicited")).await;
    socket.send(&RawFrame::new(Opcode::Text, &message[..cut]).unfinished()).await;
    socket.send(&RawFrame::new(Opcode::Ping, "between")).await;
    assert_eq!(socket.next_of(Opcode::Pong).await, b"between");
    // Published while the client is in the middle of a message.
    server.publish(json!({ "to": { "user": user.id }, "t": "KETTLE" })).await;
    event(&mut socket, "KETTLE").await;
    socket.send(&RawFrame::new(Opcode::Continuation, &message[cut..])).await;
    assert_eq!(event(&mut socket, "PONG").await["d"], "grüße");
}

#[tokio::test]
async fn many_frames_in_one_write_are_many_messages() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = live(&server, &user).await;
    let burst: Vec<u8> = (0..50)
        .flat_map(|d| RawFrame::new(Opcode::Text, json!({ "t": "PING", "d": d }).to_string()).to_bytes())
        .collect();
    socket.send_bytes(&burst).await;
    for d in 0..50 {
        assert_eq!(event(&mut socket, "PONG").await["d"], d);
    }
}

#[tokio::test]
async fn a_frame_sent_with_the_upgrade_is_not_lost() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut stream = server.stream().await;
    let mut bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    bytes.extend(RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string()).to_bytes());
    stream.write_all(&bytes).await.expect("the bytes are sent");
    let mut answer = Vec::new();
    harness::within("READY", async {
        while !String::from_utf8_lossy(&answer).contains("\"t\":\"READY\"") {
            assert_ne!(stream.read_buf(&mut answer).await.expect("bytes"), 0, "the end before READY");
        }
    })
    .await;
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_refused() {
    let server = Server::start().await;
    let upgrade = server.anyone().with("connection", "Upgrade").with("upgrade", "websocket");
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    upgrade.with("sec-websocket-version", "13").get("/gateway").await.error(400);
    upgrade.with("sec-websocket-key", key).get("/gateway").await.error(426);
    let old = upgrade.with("sec-websocket-key", key).with("sec-websocket-version", "8").get("/gateway").await;
    old.error(426);
    assert_eq!(old.header("sec-websocket-version"), Some("13"));
    upgrade.with("sec-websocket-key", "short").with("sec-websocket-version", "13").get("/gateway").await.error(400);
}
