//! Coming back: what was missed is replayed, or the client is told that it can't be.

use std::time::Duration;

use harness::{Encoding, Opcode, RawFrame, RawSocket, Server, Setup, Socket, User, within};
use serde_json::{Value, json};

/// Comes back with a position.
async fn resume(server: &Server, user: &User, encoding: Encoding, seq: u64) -> (Socket, Value) {
    let mut socket = Socket::connect(server).await;
    socket.identify(user, encoding, Some(seq)).await;
    let answer = socket.next_event().await;
    (socket, answer)
}

/// Takes K events after RESUMED.
async fn replayed(socket: &mut Socket, resumed: &Value) -> Vec<Value> {
    assert_eq!(resumed["t"], "RESUMED", "{resumed}");
    let mut events = Vec::new();
    for _ in 0..resumed["d"]["replayed"].as_u64().expect("a count") {
        events.push(socket.next_event().await);
    }
    assert!(events.is_sorted_by_key(|event| event["s"].as_u64()), "{events:?}");
    events
}

fn counts(events: &[Value]) -> Vec<u64> {
    events.iter().filter(|event| event["t"] == "COUNT").filter_map(|event| event["d"]["n"].as_u64()).collect()
}

async fn count(server: &Server, to: &Value, numbers: std::ops::Range<u64>) -> u64 {
    let mut last = 0;
    for n in numbers {
        last = server.publish(json!({ "to": to, "t": "COUNT", "d": { "n": n } })).await;
    }
    last
}

#[tokio::test]
async fn missed_events_are_replayed_then_live_ones_follow() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let to = json!({ "user": user.id });
    for encoding in [Encoding::Json, Encoding::Zlib] {
        let (socket, _) = Socket::live_with(&server, &user, encoding).await;
        let position = count(&server, &to, 0..1).await;
        socket.leave().await;
        count(&server, &to, 1..6).await;

        let (mut socket, answer) = resume(&server, &user, encoding, position).await;
        assert_eq!(answer["s"], position);
        assert_eq!(counts(&replayed(&mut socket, &answer).await), [1, 2, 3, 4, 5]);
        count(&server, &to, 6..7).await;
        assert_eq!(socket.event("COUNT").await["d"]["n"], 6);
    }
}

#[tokio::test]
async fn nothing_missed_is_a_resume_of_nothing() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let position = count(&server, &json!({ "user": user.id }), 0..3).await;
    let (mut socket, answer) = resume(&server, &user, Encoding::Json, position).await;
    assert_eq!(
        (&answer["t"], &answer["d"]["replayed"], &answer["s"]),
        (&json!("RESUMED"), &json!(0), &json!(position))
    );
    socket.alive().await;
}

#[tokio::test]
async fn a_position_that_this_log_never_gave_starts_anew() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    server.guild(&user, "Analytical").await;
    let position = count(&server, &json!({ "user": user.id }), 0..1).await;
    for wrong in [0, 1, position + 1_000, u64::from(u32::MAX)] {
        let (mut socket, answer) = resume(&server, &user, Encoding::Json, wrong).await;
        assert_eq!((&answer["t"], &answer["d"]["resumed"]), (&json!("READY"), &json!(false)), "{wrong}: {answer}");
        assert_eq!(socket.next_event().await["t"], "GUILD_INIT");
    }
}

#[tokio::test]
async fn what_the_log_no_longer_holds_starts_anew() {
    let server = Setup::new().set("log_max_entries", 10).start().await;
    let user = server.user("ada").await;
    let to = json!({ "user": user.id });
    let old = count(&server, &to, 0..1).await;
    let recent = count(&server, &to, 1..60).await;
    // The log forgets in the background, so a client may still be served from what is about to go.
    within("the log to forget", async {
        loop {
            let (socket, answer) = resume(&server, &user, Encoding::Json, old).await;
            socket.leave().await;
            if answer["t"] == "READY" {
                assert_eq!(answer["d"]["resumed"], false);
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    let (_socket, answer) = resume(&server, &user, Encoding::Json, recent).await;
    assert_eq!(answer["t"], "RESUMED");
}

#[tokio::test]
async fn replay_asks_what_the_user_was_a_member_of_at_each_event() {
    let server = Server::start().await;
    let (owner, user) = (server.user("ada").await, server.user("grace").await);
    let guild = server.guild(&owner, "Analytical").await;
    let position = server.publish(json!({ "to": { "user": user.id }, "t": "START" })).await;
    let to = json!({ "guild": guild });
    let path = format!("/guilds/{guild}/members/{}", user.id);

    count(&server, &to, 0..1).await; // before the join: not theirs
    server.join(&user, guild).await;
    count(&server, &to, 1..3).await; // as a member
    server.operator().delete(&path).await.expect(204);
    count(&server, &to, 3..4).await; // after the leave: not theirs
    server.join(&user, guild).await;
    count(&server, &to, 4..5).await;

    let (mut socket, answer) = resume(&server, &user, Encoding::Json, position).await;
    let events = replayed(&mut socket, &answer).await;
    assert_eq!(counts(&events), [1, 2, 4]);
    let names: Vec<&str> = events.iter().filter_map(|event| event["t"].as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "GUILD_JOIN").count(), 2, "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "GUILD_DELETE").count(), 1, "{names:?}");
    count(&server, &to, 5..6).await;
    assert_eq!(socket.event("COUNT").await["d"]["n"], 5);
}

#[tokio::test]
async fn a_deleted_guild_is_replayed_up_to_its_end() {
    let server = Server::start().await;
    let (owner, user) = (server.user("ada").await, server.user("grace").await);
    let guild = server.guild(&owner, "Analytical").await;
    server.join(&user, guild).await;
    let position = server.publish(json!({ "to": { "user": user.id }, "t": "START" })).await;
    count(&server, &json!({ "guild": guild }), 0..2).await;
    server.as_user(&owner).delete(&format!("/guilds/{guild}")).await.expect(204);

    let (mut socket, answer) = resume(&server, &user, Encoding::Json, position).await;
    let events = replayed(&mut socket, &answer).await;
    assert_eq!(counts(&events), [0, 1]);
    assert_eq!(events.last().expect("events")["t"], "GUILD_DELETE");
}

#[tokio::test]
async fn a_notification_for_who_is_here_is_never_replayed() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let position = count(&server, &json!({ "user": user.id }), 0..1).await;
    for kind in ["HERE", "MESSAGE"] {
        let to = json!({ "user": user.id });
        server.publish(json!({ "to": to, "t": "NOTIFICATION", "type": kind, "excerpt": {} })).await;
    }
    let (mut socket, answer) = resume(&server, &user, Encoding::Json, position).await;
    let events = replayed(&mut socket, &answer).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["type"], "MESSAGE");
}

#[tokio::test]
async fn a_long_absence_is_caught_up_whole_even_over_the_bound_of_the_queue() {
    let server = Setup::new().set("max_queue_bytes", 4096).start().await;
    let user = server.user("ada").await;
    let to = json!({ "user": user.id });
    let position = count(&server, &to, 0..1).await;
    let filler = "x".repeat(500);
    for chunk in 0..20 {
        let events: Vec<Value> = (0..100)
            .map(|n| json!({ "to": to, "t": "MANY", "d": { "n": chunk * 100 + n, "filler": filler } }))
            .collect();
        server.operator().post("/publish", json!({ "events": events })).await.expect(200);
    }
    let (mut socket, answer) = resume(&server, &user, Encoding::Json, position).await;
    let events = replayed(&mut socket, &answer).await;
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["d"]["n"].as_u64()).collect();
    assert_eq!(numbers, (0..2000).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_session_that_is_gone_does_not_resume() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let position = count(&server, &json!({ "user": user.id }), 0..1).await;
    server.operator().delete(&format!("/sessions/{}", user.session)).await.expect(204);
    let mut socket = Socket::connect(&server).await;
    socket.identify(&user, Encoding::Json, Some(position)).await;
    assert_eq!(socket.closed().await.code, 4003);
}

/// Fills the log with events for everyone; the place of the first.
async fn fill(server: &Server, batches: u64, size: usize) -> u64 {
    let filler = "x".repeat(size);
    let event = json!({ "to": "everyone", "t": "MANY", "d": { "filler": filler } });
    let batch = json!({ "events": vec![event; 1000] });
    let mut first = None;
    for _ in 0..batches {
        let answer = server.operator().post("/publish", batch.clone()).await;
        let places = answer.expect(200);
        first = first.or(places["seqs"][0].as_u64());
    }
    first.expect("places of events")
}

#[tokio::test]
async fn who_resumes_and_reads_nothing_costs_little_however_much_it_missed() {
    let server = Setup::new().set("max_identifies_per_second", 1_000).start().await;
    let users = [server.user("ada").await, server.user("bob").await];
    let position = fill(&server, 60, 100).await;
    let before = server.memory();
    let mut idle = Vec::new();
    for user in users.iter().cycle().take(200) {
        let mut socket = RawSocket::connect(&server).await;
        let identify = json!({ "session_id": user.session_id, "seq": position });
        socket.send(&RawFrame::new(Opcode::Text, identify.to_string())).await;
        let (_, resumed) = socket.next().await.expect("an answer");
        assert!(resumed.starts_with(b"{\"t\":\"RESUMED\""), "{}", String::from_utf8_lossy(&resumed));
        idle.push(socket);
    }
    // A list of what each is still to get would be 96 MB.
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes for {} that resume", idle.len());
}

#[tokio::test]
async fn who_resumes_and_takes_nothing_for_long_is_closed() {
    let server = Setup::new().set("max_stall_ms", 1_000).start().await;
    let user = server.user("ada").await;
    // More than the kernel's buffers hold.
    let position = fill(&server, 20, 900).await;
    let mut stuck = RawSocket::connect(&server).await;
    let identify = json!({ "session_id": user.session_id, "seq": position });
    stuck.send(&RawFrame::new(Opcode::Text, identify.to_string())).await;
    within("the slow one to be closed", async {
        while server.metric("sanmon_connections_closed_total{code=\"4403\"}").await != 1 {
            stuck.send(&RawFrame::new(Opcode::Pong, "")).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
