//! A client that does not read: the publisher never waits for it, memory stays bounded, nothing is lost.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::{Opcode, RawFrame, RawSocket, Server, Setup, Socket};
use rustix::process::{Pid, Signal, kill_process};
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

#[tokio::test]
async fn while_too_much_waits_for_all_together_whoever_has_much_waiting_is_closed() {
    let all = 1_u64 << 20;
    let setup = Setup::new().set("max_queue_bytes", 16 * all).set("max_queue_age_ms", 600_000);
    let server = setup.set("max_queued_bytes", all).start().await;
    let users = [server.user("slow").await, server.user("slower").await];
    let mut stuck = Vec::new();
    for user in &users {
        let mut socket = RawSocket::connect(&server).await;
        socket.send(&RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string())).await;
        socket.next().await.expect("READY");
        stuck.push(socket);
    }
    let event =
        json!({ "to": { "users": users.map(|user| user.id) }, "t": "BULK", "d": { "filler": "x".repeat(60_000) } });
    // A sixteenth of what may wait for one of them is as much as may wait for both.
    let mut published = 0;
    while server.metric("sanmon_connections_closed_total{code=\"4403\"}").await < 1 {
        server.publish(event.clone()).await;
        published += 1;
        assert!(published < 1_000, "{} bytes wait", queued_bytes(&server).await);
    }
    let waiting = queued_bytes(&server).await;
    assert!(waiting < 3 * all, "{waiting} bytes wait, and neither has reached its own bound");
}

#[tokio::test]
async fn past_half_of_the_queue_only_the_newest_presence_of_a_user_waits() {
    let limit = 4 << 20;
    let server = Setup::new()
        .set("max_queue_bytes", limit)
        .set("max_queue_age_ms", 600_000)
        .set("max_messages_per_minute", 10_000)
        .set("presence_gather_ms", 1)
        .start()
        .await;
    let (slow, ada) = (server.user("slow").await, server.user("ada").await);
    let guild = server.guild(&ada, "Tea").await;
    server.join(&slow, guild).await;
    let mut stuck = RawSocket::connect(&server).await;
    stuck.send(&RawFrame::new(Opcode::Text, json!({ "session_id": slow.session_id }).to_string())).await;
    stuck.next().await.expect("READY");
    let mut changing = Socket::live(&server, &ada).await;
    let mut choose = async |description: String| {
        changing.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 3, "description": description } })).await;
        changing.event_where("PRESENCE_UPDATE", |event| event["d"]["description"] == description.as_str()).await;
    };
    choose("before".to_owned()).await;

    let (filler, mut published) = ("x".repeat(200_000), 0);
    while queued_bytes(&server).await <= limit / 2 {
        let event = json!({ "to": { "user": slow.id }, "t": "BULK", "d": { "n": published, "filler": filler } });
        server.publish(event).await;
        published += 1;
        assert!(published < 200, "the reader reads");
    }
    let filled = queued_bytes(&server).await;
    for n in 0..100 {
        choose(format!("{n} {}", "y".repeat(100))).await;
    }
    let waiting = queued_bytes(&server).await - filled;
    assert!((100..600).contains(&waiting), "{waiting} bytes for one presence");

    // It reads again: nothing is missing but presences that nobody needs any more, and it was not closed.
    let (mut next, mut presences) = (0, Vec::new());
    while !presences.last().is_some_and(|last: &String| last.starts_with("99 ")) {
        let (_, frame) = stuck.next().await.expect("it is not closed");
        let event: serde_json::Value = serde_json::from_slice(&frame).unwrap_or_default();
        match event["t"].as_str() {
            Some("BULK") => {
                assert_eq!(event["d"]["n"], next);
                next += 1;
            }
            Some("PRESENCE_UPDATE") => presences.extend(event["d"]["description"].as_str().map(str::to_owned)),
            _ => {}
        }
    }
    assert_eq!(next, published);
    presences.retain(|description| description != "before");
    assert_eq!(presences.len(), 1, "{presences:?}");
}

#[tokio::test]
async fn a_stopped_program_is_closed_4403_and_has_everything_once_it_goes_on() {
    let server = Setup::new().set("max_queue_bytes", 256 << 10).start().await;
    let user = server.user("ada").await;
    let mut command = harness::sanmon_command();
    command.args(["listen", "--url", &server.url()]).env("SANMON_SESSION", &user.session_id);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("sanmon runs");
    let output = child.stdout.take().expect("its output");
    let (sender, mut lines) = tokio::sync::mpsc::channel(4096);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // The filler is not wanted.
            let _ = sender.blocking_send(line.chars().take(120).collect::<String>());
        }
    });
    let mut line = async |word: &str| {
        harness::within(word, async {
            loop {
                let line = lines.recv().await.expect("it goes on");
                if line.starts_with(word) {
                    return line;
                }
            }
        })
        .await
    };
    line("READY").await;
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::STOP).expect("it is there");

    let filler = "x".repeat(60_000);
    let (mut published, mut closed) = (0, false);
    while !closed {
        assert!(published < 1_000, "{published} events of 60 KB wait for a stopped program");
        for _ in 0..10 {
            let event = json!({ "to": { "user": user.id }, "t": "BULK", "d": { "a": published, "filler": filler } });
            server.publish(event).await;
            published += 1;
        }
        let metrics = server.admin().get("/metrics").await.text;
        closed = metrics.lines().any(|line| line == "sanmon_connections_closed_total{code=\"4403\"} 1");
    }
    kill_process(pid, Signal::CONT).expect("it is there");
    for n in 0..published {
        let found = line("BULK").await;
        assert!(found.contains(&format!("{{\"a\":{n},")), "{found} instead of {n}");
    }
    child.kill().expect("it is there");
    child.wait().expect("it ends");
}

async fn queued_bytes(server: &Server) -> u64 {
    let metrics = server.admin().get("/metrics").await.text;
    let found = metrics.lines().find_map(|line| line.strip_prefix("sanmon_queued_bytes "));
    found.and_then(|bytes| bytes.parse().ok()).expect("the metric")
}
