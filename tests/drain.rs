//! SIGTERM: clients are sent away over a while, nothing is lost, and a second signal ends it at once.

use std::time::{Duration, Instant};

use harness::{Server, Setup, Socket};
use rustix::process::Signal;
use serde_json::json;

#[tokio::test]
async fn clients_are_told_where_to_go_and_closed_4401() {
    let mut server = Setup::new().set("drain_ms", 1_500).start().await;
    let mut sockets = Vec::new();
    for n in 0..5 {
        let user = server.user(&format!("user {n}")).await;
        sockets.push(Socket::live(&server, &user).await);
    }
    server.admin().get("/readyz").await.expect_text(200);
    server.signal(Signal::TERM);

    harness::within("readyz to turn", async {
        while server.admin().get("/readyz").await.status != 503 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    server.anyone().get("/available").await.error(503);
    for socket in &mut sockets {
        let told = socket.event("RECONNECT").await;
        assert!(told.get("s").is_none() && told["d"]["delay_ms"].is_u64(), "{told}");
        let closed = socket.closed().await;
        assert_eq!((closed.code, &closed.reason["r"]), (4401, &json!("drain")));
    }
    assert!(server.exited().await.success());
}

#[tokio::test]
async fn an_event_published_during_the_drain_is_delivered_or_resumed() {
    let server = Setup::new().set("drain_ms", 3_000).start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::live(&server, &user).await;
    server.signal(Signal::TERM);
    let seq = server.publish(json!({ "to": { "user": user.id }, "t": "LATE" })).await;
    let mut delivered = false;
    loop {
        match socket.next().await {
            harness::Frame::Event(event) => delivered |= event["t"] == "LATE",
            harness::Frame::Closed(closed) => {
                assert_eq!(closed.code, 4401);
                break;
            }
            _ => {}
        }
    }
    let server = server.kill_and_restart().await;
    if !delivered {
        let mut socket = Socket::connect(&server).await;
        socket.identify(&user, harness::Encoding::Json, Some(seq - 1)).await;
        socket.event("LATE").await;
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut server = Setup::new().set("drain_ms", 60_000).start().await;
    let user = server.user("ada").await;
    let _socket = Socket::live(&server, &user).await;
    server.signal(Signal::TERM);
    harness::within("the drain", async {
        while server.admin().get("/readyz").await.status != 503 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let second = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exited().await.code(), Some(1), "who stops it is told that not everyone was sent away");
    assert!(second.elapsed() < Duration::from_secs(5), "{:?}", second.elapsed());
}

#[tokio::test]
async fn an_empty_server_ends_at_once() {
    let mut server = Server::start().await;
    let start = Instant::now();
    server.signal(Signal::INT);
    assert!(server.exited().await.success());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
