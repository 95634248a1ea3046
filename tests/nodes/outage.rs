//! What callers and clients of a node meet while its road to NATS is closed.

use std::time::{Duration, Instant};

use harness::{Cluster, Encoding, Server, Socket, Weather, within};
use serde_json::{Value, json};

use super::{guild, presence, quick, url_of};

/// How long an answer may take for which nothing is waited.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How often the log says that requests failed in the event log, and what it counts.
fn complaints(node: &Server) -> (usize, u64) {
    let output = node.output();
    let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let fields = lines.map(|line| line["fields"].clone());
    let said: Vec<_> = fields.filter(|fields| fields["message"] == "requests failed in the event log").collect();
    (said.len(), said.iter().filter_map(|fields| fields["times"].as_u64()).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_loaded_while_a_node_is_cut_off_is_sent_elsewhere() {
    // Whoever is live is sent away at some moment of a minute; these must not wait for theirs, nor fail before.
    let cluster = Cluster::start_with(2, quick().set("drain_ms", 60_000)).await;
    let (near, far) = (&cluster.nodes[0], &cluster.nodes[1]);
    let user = near.user("ada").await;
    let first = near.guild(&user, "Analytical").await;
    let from = far.publish(json!({ "to": { "user": user.id }, "t": "BEFORE" })).await;

    cluster.road(1, Weather::Stalled);
    let cut = Instant::now();
    // The database knows of it at once, the log never says so here: neither of the two can be told what is true.
    near.guild(&user, "Difference").await;
    let mut sockets = Vec::new();
    for seq in [None, Some(from)] {
        let mut socket = Socket::connect(far).await;
        socket.identify(&user, Encoding::Json, seq).await;
        sockets.push(socket);
    }
    assert!(cut.elapsed() < AT_ONCE, "the node does not know yet: {:?}", cut.elapsed());
    for socket in &mut sockets {
        assert_eq!(socket.event("RECONNECT").await["d"]["url"], url_of(near));
        let closed = socket.closed().await;
        assert_eq!((closed.code, &closed.reason["r"]), (4401, &json!("drain")), "{closed:?}");
        assert!(closed.reason["ms"].is_u64(), "{closed:?}");
    }
    assert!(cut.elapsed() < Duration::from_secs(10), "{:?}", cut.elapsed());
    let mut elsewhere = Socket::connect(near).await;
    elsewhere.identify(&user, Encoding::Json, None).await;
    assert_eq!(elsewhere.event("READY").await["d"]["guilds"], 2, "beside {first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_answered_at_once_where_nats_is_out_of_reach_and_is_told_by_others() {
    let cluster = Cluster::start_with(2, quick()).await;
    let (near, far) = (&cluster.nodes[0], &cluster.nodes[1]);
    let (mut watcher, users) = guild(&cluster, 1).await;
    let user = &users[0];
    let _member = Socket::live(near, user).await;
    presence(&mut watcher, user).await;

    cluster.road(1, Weather::Stalled);
    cluster.until_ready(1, 503).await;
    for name in ["lovelace", "byron"] {
        let start = Instant::now();
        far.operator().patch(&format!("/users/{}", user.id), json!({ "username": name })).await.expect(200);
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    }
    for name in ["lovelace", "byron"] {
        assert_eq!(watcher.event("USER_UPDATE").await["d"]["username"], name);
    }

    // What goes to NATS straight is refused, however often; and the operator reads of it once in a while.
    let publish = async || {
        let event = json!({ "to": "everyone", "t": "NEVER", "d": {} });
        far.operator().post("/publish", json!({ "events": [event] })).await
    };
    let mut refused = 0;
    within("refusals that wait for nothing", async {
        let mut at_once = 0;
        while at_once < 50 {
            let start = Instant::now();
            let answer = publish().await;
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.error(503).1.contains("event log"), "{}", answer.text);
            refused += 1;
            at_once += u32::from(start.elapsed() < AT_ONCE);
        }
    })
    .await;
    let (lines, counted) = complaints(far);
    assert!((1..=3).contains(&lines) && counted >= 1 && counted <= refused, "{lines} lines for {refused} refusals");
}
