//! SIGKILL at any moment: what was acknowledged is there afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Encoding, Server, Socket};
use serde_json::{Value, json};

/// Publishes and creates guilds from several tasks until the server dies; returns what was acknowledged.
async fn publish_until_killed(server: Server, tasks: u64) -> (Server, Vec<u64>, Vec<u64>) {
    let user = server.user("worker").await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut workers = Vec::new();
    for task in 0..tasks {
        let (api, owner) = (server.operator(), server.as_user(&user));
        let stop = Arc::clone(&stop);
        workers.push(tokio::spawn(async move {
            let (mut events, mut guilds) = (Vec::new(), Vec::new());
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let number = task * 1_000_000 + n;
                let event = json!({ "to": "everyone", "t": "NUMBER", "d": { "n": number } });
                let Some(answer) = api.try_post("/publish", json!({ "events": [event] })).await else { break };
                if answer.status == 200 {
                    events.push(number);
                }
                if n % 20 == 0 {
                    let Some(answer) = owner.try_post("/guilds", json!({ "name": "g" })).await else { break };
                    if answer.status == 201 {
                        guilds.push(answer.expect(201)["id"].as_u64().expect("an id"));
                    }
                }
            }
            (events, guilds)
        }));
    }
    // Killed in the middle: some hundred acknowledged, more on their way.
    harness::within("some publishes", async {
        while server.admin().get("/metrics").await.text.lines().all(|line| !is_past(line, 300.0)) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    let server = server.kill_and_restart().await;
    stop.store(true, Ordering::Relaxed);
    let (mut events, mut guilds) = (Vec::new(), Vec::new());
    for worker in workers {
        let (more_events, more_guilds) = worker.await.expect("a worker");
        events.extend(more_events);
        guilds.extend(more_guilds);
    }
    let known = server.as_user(&user).get("/users/@me/guilds").await.expect(200);
    let known: Vec<u64> = known.as_array().expect("a list").iter().filter_map(|guild| guild["id"].as_u64()).collect();
    assert!(guilds.iter().all(|guild| known.contains(guild)), "acknowledged {guilds:?}, kept {known:?}");
    (server, events, guilds)
}

/// Whether a line of the metrics says that more events than this were published.
fn is_past(line: &str, count: f64) -> bool {
    let value = line.strip_prefix("sanmon_events_published_total ").and_then(|value| value.trim().parse::<f64>().ok());
    value.is_some_and(|value| value > count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigkill_loses_no_acknowledged_event_and_no_guild() {
    let server = Server::start().await;
    let user = server.user("reader").await;
    let (mut socket, frames) = Socket::live_with(&server, &user, Encoding::Json).await;
    let mut position = frames[0]["s"].as_u64().expect("a position");
    let mut seen: Vec<u64> = Vec::new();

    let (server, acknowledged, guilds) = publish_until_killed(server, 4).await;
    assert!(acknowledged.len() > 100 && !guilds.is_empty(), "{} {}", acknowledged.len(), guilds.len());

    // What the client saw before the server died.
    while let harness::Frame::Event(event) = socket.next().await {
        if let Some(seq) = event["s"].as_u64() {
            position = position.max(seq);
        }
        seen.extend(number(&event));
    }
    // What it gets when it comes back.
    let mut socket = Socket::connect(&server).await;
    socket.identify(&user, Encoding::Json, Some(position)).await;
    let resumed = socket.next_event().await;
    assert_eq!(resumed["t"], "RESUMED", "{resumed}");
    for _ in 0..resumed["d"]["replayed"].as_u64().expect("a count") {
        let event = socket.next_event().await;
        assert!(event["s"].as_u64().is_some_and(|seq| seq > position), "{event}");
        seen.extend(number(&event));
    }
    let mut unique = seen.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), seen.len(), "an event came twice");
    let lost: Vec<&u64> = acknowledged.iter().filter(|number| unique.binary_search(number).is_err()).collect();
    assert!(lost.is_empty(), "lost {lost:?}");

    // And the log goes on after the highest place that it gave.
    let next = server.publish(json!({ "to": { "user": user.id }, "t": "AFTER" })).await;
    assert!(next > position);
    assert_eq!(socket.event("AFTER").await["s"], next);
}

fn number(event: &Value) -> Option<u64> {
    (event["t"] == "NUMBER").then(|| event["d"]["n"].as_u64()).flatten()
}

#[tokio::test]
async fn everything_stored_survives_a_restart() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let guild = server.guild(&user, "Analytical").await;
    let api = server.as_user(&user);
    api.post(&format!("/guilds/{guild}/channels"), json!({ "name": "talk" })).await.expect(201);
    let invite = api.post(&format!("/guilds/{guild}/invites"), json!({})).await.expect(201);
    let position = server.publish(json!({ "to": { "guild": guild }, "t": "BEFORE" })).await;

    let server = server.kill_and_restart().await;
    let api = server.as_user(&user);
    assert_eq!(api.get("/users/@me").await.expect(200)["username"], "ada");
    assert_eq!(api.get(&format!("/guilds/{guild}")).await.expect(200)["name"], "Analytical");
    assert_eq!(api.get(&format!("/guilds/{guild}/channels")).await.expect(200)[0]["name"], "talk");
    let code = invite["code"].as_str().expect("a code");
    server.anyone().get(&format!("/invites/{code}")).await.expect(200);
    let mut socket = Socket::connect(&server).await;
    socket.identify(&user, Encoding::Zlib, Some(position)).await;
    assert_eq!(socket.next_event().await["t"], "RESUMED");
    let after = server.publish(json!({ "to": { "guild": guild }, "t": "AFTER" })).await;
    assert!(after > position);
    socket.event("AFTER").await;
}

#[tokio::test]
async fn an_idempotency_key_publishes_once_also_across_a_restart() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let body =
        json!({ "events": [{ "to": { "user": user.id }, "t": "ONCE", "d": {} }], "idempotency_key": "order-66" });
    let first = server.operator().post("/publish", body.clone()).await.expect(200);
    assert_eq!(server.operator().post("/publish", body.clone()).await.expect(200), first);
    let server = server.kill_and_restart().await;
    assert_eq!(server.operator().post("/publish", body.clone()).await.expect(200), first);
    let mut other = body;
    other["events"][0]["t"] = json!("TWICE");
    server.operator().post("/publish", other).await.error(409);
}
