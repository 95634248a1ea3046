//! Why connections end, and that they are told.

use std::time::Duration;

use futures_util::SinkExt;
use sanmon_core::audience::Audience;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::bench::{Bench, id};
use super::refusal;
use crate::config::Config;
use crate::store::sessions;

#[tokio::test]
async fn bad_clients_are_told_why() {
    let config = Config { hub_threads: 2, identify_timeout_ms: 200, ..Config::default() };
    let bench = Bench::with(config).await;
    let mut late = bench.connect().await;
    assert_eq!(late.end().await.0, 4005);
    let mut unknown = bench.connect().await;
    unknown.identify("1.nothing", "json", None).await;
    assert_eq!(unknown.end().await.0, 4003);
    let mut big = bench.connect().await;
    big.say("x".repeat(4097)).await;
    assert_eq!(big.end().await.0, 1009);
    let mut bad = bench.connect().await;
    bad.say("[]").await;
    assert_eq!(bad.end().await.0, 4001);
    // An unmasked frame, behind the library's back; then the socket ends, after the code.
    let mut unmasked = bench.connect().await;
    unmasked.socket.get_mut().write_all(b"\x81\x02hi").await.unwrap();
    let (code, reason) = unmasked.end().await;
    assert_eq!((code, reason.as_str()), (1002, r#"{"r":"protocol_error","detail":"a frame without a mask"}"#));
    let mut rest = Vec::new();
    unmasked.socket.get_mut().read_to_end(&mut rest).await.unwrap();
    bench.emptied().await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let bench = Bench::new().await;
    let mut client = bench.connect().await;
    let close = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    client.socket.send(Message::Close(Some(close))).await.unwrap();
    assert_eq!(client.end().await.0, 1000);
    drop(client);
    bench.emptied().await;
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_a_dead_one_is_dropped() {
    let config = Config { hub_threads: 1, ping_interval_ms: 60, ping_timeout_ms: 2_000, ..Config::default() };
    let bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (mut alive, _) = bench.identified(&session).await;
    let (mut dead, _) = bench.identified(&session).await;
    while bench.metrics.connections_closed.with_label_values(&["4402"]).get() == 0 {
        // Reading answers the ping; the other one does not read.
        while !matches!(alive.frame().await, Message::Ping(_)) {}
        alive.socket.flush().await.unwrap();
    }
    assert_eq!(dead.end().await.0, 4402);
}

#[tokio::test]
async fn a_revoked_session_hears_what_came_before_and_is_closed() {
    let bench = Bench::new().await;
    let (first, second) = (bench.session(1).await, bench.session(1).await);
    let (mut one, _) = bench.identified(&first).await;
    let (mut two, _) = bench.identified(&second).await;
    bench.publish(Audience::Everyone, r#"{"t":"BEFORE"}"#).await;
    sessions::revoke(&bench.store, first.id).await.unwrap();
    bench.publish(Audience::Everyone, r#"{"t":"AFTER"}"#).await;
    one.event("BEFORE").await;
    assert_eq!(one.end().await.0, 4102);
    two.event("BEFORE").await;
    two.event("AFTER").await;
    sessions::revoke_all_of(&bench.store, id(1)).await.unwrap();
    assert_eq!(two.end().await.0, 4102);
}

#[tokio::test]
async fn messages_are_counted_for_all_connections_of_a_user() {
    let bench = Bench::with(Config { hub_threads: 2, max_messages_per_minute: 10, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (mut one, _) = bench.identified(&session).await;
    let (mut two, _) = bench.identified(&session).await;
    for _ in 0..4 {
        one.say(r#"{"t":"PING","d":[1.0]}"#).await;
        assert_eq!(one.event("PONG").await["d"].to_string(), "[1.0]");
        two.say(r#"{"t":"PING"}"#).await;
        two.event("PONG").await;
    }
    // The identifies counted, too.
    one.say(r#"{"t":"PING"}"#).await;
    let (code, reason) = one.end().await;
    assert_eq!(code, 4008);
    assert!(reason.contains("\"ms\":"), "{reason}");
}

#[tokio::test]
async fn a_drain_sends_everyone_away() {
    let bench = Bench::with(Config { hub_threads: 2, drain_ms: 300, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (client, _) = bench.identified(&session).await;
    let stranger = bench.connect().await;
    let away = [
        tokio::spawn(async move {
            let mut client = client;
            let reconnect = client.event("RECONNECT").await;
            assert_eq!(reconnect["d"]["url"], "ws://127.0.0.1:1/gateway");
            let (code, reason) = client.end().await;
            assert_eq!(reason, format!(r#"{{"r":"drain","ms":{}}}"#, reconnect["d"]["delay_ms"]));
            code
        }),
        tokio::spawn(async move {
            let mut stranger = stranger;
            stranger.end().await.0
        }),
    ];
    tokio::time::timeout(Duration::from_secs(20), bench.hub.drain()).await.unwrap();
    assert_eq!(bench.hub.connections(), 0);
    for task in away {
        assert_eq!(task.await.unwrap(), 4401);
    }
    assert_eq!(refusal(&bench, "127.0.0.1").await.0, 503);
}
