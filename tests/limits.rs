//! What one node takes: connections, memory, accepts and identifies in a second; who finds no room is told so.

use std::time::{Duration, Instant};

use harness::{Encoding, Opcode, RawFrame, RawSocket, Server, Setup, Socket};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Error;

/// The refusal of an upgrade: its status, Retry-After and error code.
async fn refusal(server: &Server) -> (u16, Option<String>, String) {
    let Err(error) = Socket::over(server.stream().await, server.request()).await else { panic!("an upgrade") };
    let Error::Http(response) = *error else { panic!("{error}") };
    let after = response.headers().get("retry-after").map(|after| after.to_str().expect("text").to_owned());
    let body = String::from_utf8(response.body().clone().unwrap_or_default()).expect("text");
    let code =
        serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["error"]["code"].as_str().map(str::to_owned);
    (response.status().as_u16(), after, code.unwrap_or_default())
}

/// Waits until /available and /readyz say whether there is room.
async fn has_room(server: &Server, room: bool) {
    let status = if room { 200 } else { 503 };
    harness::within("room, or none", async {
        while server.anyone().get("/available").await.status != status
            || server.admin().get("/readyz").await.status != status
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn assert_metric(server: &Server, line: &str) {
    let metrics = server.admin().get("/metrics").await.text;
    assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
}

#[tokio::test]
async fn a_full_node_answers_503_and_is_named_to_nobody() {
    let server = Setup::new().set("max_connections", 2).start().await;
    let user = server.user("ada").await;
    let mut first = Socket::live(&server, &user).await;
    has_room(&server, true).await;
    let second = Socket::connect(&server).await;
    has_room(&server, false).await;
    for _ in 0..5 {
        assert_eq!(refusal(&server).await, (503, Some("5".to_owned()), "node_full".to_owned()));
    }
    let available = server.anyone().get("/available").await;
    assert_eq!(available.error(503).0, "no_room");
    assert!(available.header("retry-after").is_some());
    server.admin().get("/readyz").await.error(503);
    // What is not a new connection works as before.
    first.alive().await;
    server.as_user(&user).get("/users/@me").await.expect(200);
    assert_metric(&server, "sanmon_connections_refused_total{reason=\"node\"} 5").await;
    assert_eq!(server.output().matches("connections were refused").count(), 1, "one line for all of them");

    drop(second);
    has_room(&server, true).await;
    Socket::live(&server, &user).await.alive().await;
}

#[tokio::test]
async fn beyond_its_memory_mark_a_node_takes_nobody_until_it_is_below_the_lower_one() {
    // Large blocks go back to the system at once, so that what was freed shows.
    let setup = || Setup::new().env("MALLOC_MMAP_THRESHOLD_", "65536");
    let idle = setup().start().await.memory();
    // The log's newest events stay in memory, up to a bound; a reader that does not read keeps more of them.
    let (high, low) = (idle + (180 << 20), idle + (120 << 20));
    let server = setup()
        .set("max_memory_bytes", high)
        .set("low_memory_bytes", low)
        .set("max_queue_bytes", 1_u64 << 30)
        .set("max_queue_age_ms", 600_000)
        .start()
        .await;
    let user = server.user("slow").await;
    let mut stuck = RawSocket::connect(&server).await;
    stuck.send(&RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string())).await;
    stuck.next().await.expect("READY");
    has_room(&server, true).await;

    let filler = "x".repeat(1_000_000);
    let bulk = json!({ "events": [{ "to": { "user": user.id }, "t": "BULK", "d": { "filler": filler } }] });
    let mut published = 0;
    while server.anyone().get("/available").await.status == 200 {
        server.operator().post("/publish", bulk.clone()).await.expect(200);
        published += 1;
        assert!(published < 400, "{published} MB are beyond the mark, and {} bytes are not", server.memory());
    }
    assert_eq!(refusal(&server).await.2, "no_memory");
    server.admin().get("/readyz").await.error(503);
    server.as_user(&user).get("/users/@me").await.expect(200);
    assert_metric(&server, "sanmon_connections_refused_total{reason=\"memory\"} 1").await;
    assert!(server.output().contains("until it has memory again"), "{}", server.output());

    drop(stuck);
    has_room(&server, true).await;
    assert!(server.memory() < high, "room at {} of {high}", server.memory());
    Socket::live(&server, &server.user("ada").await).await.alive().await;
}

#[tokio::test]
async fn connections_beyond_the_rate_wait_and_are_served() {
    let server = Setup::new().set("max_accepts_per_second", 4).start().await;
    let start = Instant::now();
    let mut streams = Vec::new();
    for _ in 0..10 {
        let mut stream = server.stream().await;
        stream.write_all(b"GET /available HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("a request");
        streams.push(stream);
    }
    for stream in &mut streams {
        let mut answer = String::new();
        harness::within("an answer", stream.read_to_string(&mut answer)).await.expect("text");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // Four at once, four a second later, two another second later.
    assert!(start.elapsed() >= Duration::from_millis(1_900), "{:?}", start.elapsed());
    let metrics = server.admin().get("/metrics").await.text;
    let delayed = metrics.lines().find_map(|line| line.strip_prefix("sanmon_accepts_delayed_total "));
    assert!(delayed.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count >= 2)), "{delayed:?}");
    assert_eq!(server.output().matches("come faster than they are accepted").count(), 1);
}

#[tokio::test]
async fn a_user_identifies_so_often_in_a_second_and_the_others_come_back() {
    let server = Setup::new().set("max_identifies_per_second", 1).start().await;
    let user = server.user("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(Socket::connect(&server).await);
    }
    for socket in &mut sockets {
        socket.identify(&user, Encoding::Json, None).await;
    }
    let mut refused = Vec::new();
    for socket in &mut sockets {
        match socket.next().await {
            harness::Frame::Event(ready) => assert_eq!(ready["t"], "READY"),
            harness::Frame::Closed(closed) => refused.push(closed),
            other => panic!("{other:?}"),
        }
    }
    assert!((1..6).contains(&refused.len()), "{refused:?}");
    for closed in &refused {
        assert_eq!((closed.code, &closed.reason["r"]), (4008, &json!("identifies")), "{closed:?}");
        assert!(closed.reason["ms"].as_u64().is_some_and(|ms| ms <= 1_000), "{closed:?}");
    }
    let count = refused.len();
    assert_metric(&server, &format!("sanmon_identifies_refused_total{{reason=\"identifies\"}} {count}")).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    Socket::live(&server, &user).await.alive().await;
}
