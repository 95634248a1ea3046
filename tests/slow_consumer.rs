//! A client that does not read: the publisher never waits for it, memory stays bounded, nothing is lost.

use std::time::{Duration, Instant};

use harness::{Opcode, RawFrame, RawSocket, Setup, Socket};
use serde_json::json;

#[tokio::test]
async fn who_does_not_read_is_closed_4403_while_others_get_everything() {
    let server = Setup::new().set("max_queue_bytes", 256 << 10).start().await;
    let (slow, quick) = (server.user("slow").await, server.user("quick").await);
    let to = json!({ "users": [slow.id, quick.id] });

    let mut stuck = RawSocket::connect(&server).await;
    stuck.send(&RawFrame::new(Opcode::Text, json!({ "session_id": slow.session_id }).to_string())).await;
    assert!(stuck.next().await.is_some_and(|(_, ready)| ready.starts_with(b"{\"t\":\"READY\"")));
    let mut reader = Socket::live(&server, &quick).await;
    let position = server.publish(json!({ "to": to, "t": "START" })).await;

    // Far more than the queue and the kernel's buffers hold.
    let filler = "x".repeat(60_000);
    let (mut longest, mut published) = (Duration::ZERO, 0);
    let before = server.memory();
    for chunk in 0..40 {
        let events: Vec<_> =
            (0..10).map(|n| json!({ "to": to, "t": "BULK", "d": { "n": chunk * 10 + n, "filler": filler } })).collect();
        let start = Instant::now();
        server.operator().post("/publish", json!({ "events": events })).await.expect(200);
        longest = longest.max(start.elapsed());
        for _ in 0..10 {
            assert_eq!(reader.event("BULK").await["d"]["n"], published);
            published += 1;
        }
    }
    assert!(longest < Duration::from_secs(5), "a publish took {longest:?}");
    // The log's recent entries are held in memory, and bounded too: what must not grow is a queue for the slow one.
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 96 << 20, "{grown} bytes for 24 MB of events and one slow reader");

    // It reads what the kernel had already, then the close.
    let mut seen = 0;
    let code = loop {
        match stuck.next().await {
            Some((8, payload)) => break payload.first_chunk().map(|code| u16::from_be_bytes(*code)),
            Some((1, payload)) => seen += u64::from(payload.windows(4).any(|window| window == b"BULK")),
            Some(_) => {}
            // The socket was full, so that even a close frame found no room: the end alone is a 1006.
            None => break None,
        }
    };
    assert!(matches!(code, Some(4403) | None), "{code:?}");
    assert!(seen < published, "it was never slow");
    let metrics = server.admin().get("/metrics").await.text;
    assert!(metrics.lines().any(|line| line.contains("4403") && line.ends_with(" 1")), "{metrics}");

    // Coming back, it gets all of it.
    let mut socket = Socket::connect(&server).await;
    socket.identify(&slow, harness::Encoding::Json, Some(position)).await;
    let resumed = socket.event("RESUMED").await;
    assert!(resumed["d"]["replayed"].as_u64().is_some_and(|count| count >= published), "{resumed}");
    for n in 0..published {
        assert_eq!(socket.event("BULK").await["d"]["n"], n);
    }
}

#[tokio::test]
async fn one_event_larger_than_the_queue_goes_through_an_empty_one() {
    let server = Setup::new().set("max_queue_bytes", 1_024).start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::live(&server, &user).await;
    for n in 0..5 {
        server
            .publish(json!({ "to": { "user": user.id }, "t": "BIG", "d": { "n": n, "filler": "x".repeat(900_000) } }))
            .await;
        assert_eq!(socket.event("BIG").await["d"]["n"], n);
    }
}

#[tokio::test]
async fn an_event_that_waits_too_long_is_a_slow_consumer_too() {
    let server = Setup::new().set("max_queue_bytes", 64 << 20).set("max_queue_age_ms", 500).start().await;
    let user = server.user("slow").await;
    let mut stuck = RawSocket::connect(&server).await;
    stuck.send(&RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string())).await;
    stuck.next().await.expect("READY");
    let filler = "x".repeat(900_000);
    for _ in 0..16 {
        server.publish(json!({ "to": { "user": user.id }, "t": "BULK", "d": { "filler": filler } })).await;
    }
    harness::within("the close", async {
        loop {
            let metrics = server.admin().get("/metrics").await.text;
            if metrics.lines().any(|line| line.contains("4403") && line.ends_with(" 1")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    stuck.ended().await;
}
