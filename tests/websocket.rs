//! RFC 6455 at its edges, with frames that libraries refuse to send.

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

const PING: &str = r#"{"t":"PING","d":1}"#;

#[tokio::test]
async fn what_the_protocol_forbids_is_1002() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let text = || RawFrame::new(Opcode::Text, PING);
    let head = |head: u8| RawFrame { head, ..text() };
    let cases: Vec<(&str, Vec<RawFrame>)> = vec![
        ("not masked", vec![RawFrame { mask: None, ..text() }]),
        ("first reserved bit", vec![head(0xc1)]),
        ("second reserved bit", vec![head(0xa1)]),
        ("third reserved bit", vec![head(0x91)]),
        ("reserved data opcode", vec![RawFrame::new(Opcode::Reserved(3), "")]),
        ("reserved control opcode", vec![RawFrame::new(Opcode::Reserved(11), "")]),
        ("fragmented ping", vec![RawFrame::new(Opcode::Ping, "").unfinished()]),
        ("ping of 126 bytes", vec![RawFrame::new(Opcode::Ping, vec![0; 126])]),
        ("continuation of nothing", vec![RawFrame::new(Opcode::Continuation, "x")]),
        ("a message within a message", vec![text().unfinished(), text()]),
        ("a close of one byte", vec![RawFrame::new(Opcode::Close, [3])]),
        ("a close code that is never sent", vec![RawFrame::new(Opcode::Close, 1005_u16.to_be_bytes())]),
        ("a close code out of range", vec![RawFrame::new(Opcode::Close, 999_u16.to_be_bytes())]),
    ];
    for (what, frames) in cases {
        let mut socket = live(&server, &user).await;
        for frame in &frames {
            socket.send(frame).await;
        }
        assert_eq!(socket.closed().await, Some(1002), "{what}");
        socket.ended().await;
    }
}

#[tokio::test]
async fn text_that_is_no_utf8_is_1007() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = live(&server, &user).await;
    socket.send(&RawFrame::new(Opcode::Text, *b"{\"t\":\"\xff\"}")).await;
    assert_eq!(socket.closed().await, Some(1007));

    let mut socket = live(&server, &user).await;
    let reason = [&4000_u16.to_be_bytes()[..], b"\xc3\x28"].concat();
    socket.send(&RawFrame::new(Opcode::Close, reason)).await;
    assert_eq!(socket.closed().await, Some(1007));
}

#[tokio::test]
async fn a_frame_that_tells_a_huge_length_is_1009_before_it_comes() {
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
async fn a_message_may_come_in_fragments_with_pings_between() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = live(&server, &user).await;
    // The fragments even cut a character in two.
    let text = json!({ "t": "PING", "d": "grüße" }).to_string().into_bytes();
    let cut = text.iter().position(|byte| *byte == 0xc3).expect("a character of two bytes") + 1;
    socket.send(&RawFrame::new(Opcode::Text, &text[..3]).unfinished()).await;
    socket.send(&RawFrame::new(Opcode::Ping, "between")).await;
    assert_eq!(socket.next().await, Some((Opcode::Pong.bits(), b"between".to_vec())));
    socket.send(&RawFrame::new(Opcode::Continuation, &text[3..cut]).unfinished()).await;
    socket.send(&RawFrame::new(Opcode::Continuation, &text[cut..])).await;
    assert_eq!(event(&mut socket, "PONG").await["d"], "grüße");
}

#[tokio::test]
async fn bytes_that_come_one_by_one_are_a_message() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = live(&server, &user).await;
    for byte in RawFrame::new(Opcode::Text, PING).to_bytes() {
        socket.send_bytes(&[byte]).await;
    }
    assert_eq!(event(&mut socket, "PONG").await["d"], 1);
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
async fn the_end_is_answered_with_the_same_code() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for code in [1000_u16, 1001, 3000, 4999] {
        let mut socket = live(&server, &user).await;
        socket.send(&RawFrame::new(Opcode::Close, code.to_be_bytes())).await;
        assert_eq!(socket.closed().await, Some(code));
        socket.ended().await;
    }
    let mut socket = live(&server, &user).await;
    socket.send(&RawFrame::new(Opcode::Close, "")).await;
    socket.ended().await;
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
