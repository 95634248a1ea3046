//! Silence, pings and pongs.

use harness::{Frame, Opcode, RawFrame, RawSocket, Server, Setup, Socket};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

fn impatient() -> Setup {
    Setup::new().set("ping_interval_ms", 200).set("ping_timeout_ms", 400)
}

#[tokio::test]
async fn who_answers_no_ping_is_closed_4402() {
    let server = impatient().start().await;
    let user = server.user("ada").await;
    let mut socket = RawSocket::connect(&server).await;
    socket.send(&RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string())).await;
    let mut pings = 0;
    loop {
        match socket.frame().await.expect("a close frame comes first") {
            (9, _) => pings += 1,
            (8, payload) => {
                assert_eq!(payload.first_chunk().map(|code| u16::from_be_bytes(*code)), Some(4402));
                break;
            }
            _ => {}
        }
    }
    assert_eq!(pings, 1);
}

#[tokio::test]
async fn answering_pings_keeps_alive_over_many_intervals() {
    let server = impatient().start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::live(&server, &user).await;
    for _ in 0..10 {
        // The library answers each ping on the next read.
        while !matches!(socket.next().await, Frame::Ping(_)) {}
    }
    socket.alive().await;
}

#[tokio::test]
async fn any_bytes_of_the_client_keep_alive() {
    let server = impatient().start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::live(&server, &user).await;
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_secs(2) {
        socket.send_message(Message::Ping("still here".into())).await;
        match socket.next().await {
            Frame::Pong(payload) => assert_eq!(&payload[..], b"still here"),
            Frame::Closed(closed) => panic!("{closed:?}"),
            Frame::Event(_) | Frame::Ping(_) => {}
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn ping_comes_back_as_pong_with_the_same_d() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for encoding in [harness::Encoding::Json, harness::Encoding::Zlib] {
        let (mut socket, _) = Socket::live_with(&server, &user, encoding).await;
        for d in [json!(null), json!(7), json!({ "a": [1, "é"] }), json!("x".repeat(3_000))] {
            socket.send(&json!({ "t": "PING", "d": d })).await;
            let pong = socket.event("PONG").await;
            assert_eq!(pong, json!({ "t": "PONG", "d": d }));
        }
        socket.send(&json!({ "t": "PING" })).await;
        let pong = socket.event("PONG").await;
        assert!(pong.get("s").is_none() && pong["d"].is_null(), "{pong}");
    }
}
