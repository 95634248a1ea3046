//! Many nodes as clients see them: where they are sent, who is seen online, and a node that is cut off from the others.

mod encryption;
mod outage;
mod repetition;
mod revocation;
mod starting;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use harness::{Cluster, Server, Setup, Socket, User, Weather, within};
use rustix::process::Signal;
use serde_json::{Value, json};

fn quick() -> Setup {
    Setup::new().set("presence_gather_ms", 20).set("presence_grace_ms", 1_000).set("drain_ms", 1_000)
}

/// What clients are told of a node.
fn url_of(node: &Server) -> String {
    format!("ws://{}/gateway", node.address())
}

/// Where clients are sent, asked often.
async fn sent_to(node: &Server) -> BTreeSet<String> {
    let mut urls = BTreeSet::new();
    for _ in 0..40 {
        urls.insert(node.anyone().get("/available").await.expect(200)["url"].as_str().expect("a URL").to_owned());
    }
    urls
}

/// The next presence of this user that the watcher hears.
async fn presence(watcher: &mut Socket, user: &User) -> u64 {
    let update = watcher.event_where("PRESENCE_UPDATE", |event| event["id"] == user.id).await;
    update["d"]["type"].as_u64().expect("a type")
}

/// A watcher at the first node and so many users of one guild, who are nowhere yet.
async fn guild(cluster: &Cluster, users: usize) -> (Socket, Vec<User>) {
    let first = &cluster.nodes[0];
    let watcher = first.user("ada").await;
    let guild = first.guild(&watcher, "Analytical").await;
    let mut members = Vec::new();
    for number in 0..users {
        let user = first.user(&format!("user {number}")).await;
        first.join(&user, guild).await;
        members.push(user);
    }
    (Socket::live(first, &watcher).await, members)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_sent_to_nodes_that_live_and_have_room() {
    let mut cluster = Cluster::start_with(3, quick()).await;
    let all: BTreeSet<String> = cluster.nodes.iter().map(url_of).collect();
    for node in 0..3 {
        assert_eq!(cluster.named(node).await.into_iter().collect::<BTreeSet<_>>(), all);
        // Empty nodes are all alike.
        assert!(sent_to(&cluster.nodes[node]).await.len() > 1);
    }
    // A full one takes nobody.
    let user = cluster.nodes[0].user("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(Socket::live(&cluster.nodes[2], &user).await);
    }
    within("the emptier ones to be named", async {
        while sent_to(&cluster.nodes[0]).await.contains(&url_of(&cluster.nodes[2])) {}
    })
    .await;
    // A dead one is gone soon, one that stops at once.
    cluster.kill(1).await;
    let took = cluster.until_named(0, 2).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    cluster.nodes[2].signal(Signal::TERM);
    let took = cluster.until_named(0, 1).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
    for socket in &mut sockets {
        let told = socket.event("RECONNECT").await;
        assert_eq!(told["d"]["url"], url_of(&cluster.nodes[0]), "who is sent away is told of another node");
        assert_eq!(socket.closed().await.code, 4401);
    }
    assert_eq!(sent_to(&cluster.nodes[0]).await, BTreeSet::from([url_of(&cluster.nodes[0])]));
    cluster.nodes[2].exited().await;
    cluster.start_again(1).await;
    cluster.until_named(0, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_serves_nobody_until_it_is_back() {
    let cluster = Cluster::start_with(2, quick().set("drain_ms", 2_000)).await;
    let (near, far) = (&cluster.nodes[0], &cluster.nodes[1]);
    let user = far.user("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(Socket::live(far, &user).await);
    }
    cluster.road(1, Weather::Stalled);
    let cut = Instant::now();
    cluster.until_ready(1, 503).await;
    assert!(cut.elapsed() < Duration::from_secs(10), "{:?}", cut.elapsed());
    for path in ["/available", "/domains"] {
        far.anyone().get(path).await.error(503);
    }
    let Err(refused) = Socket::over(far.stream().await, far.request()).await else { panic!("an upgrade") };
    assert!(refused.to_string().contains("503"), "{refused}");
    // Its clients go elsewhere, one after the other.
    let mut moments = Vec::new();
    for socket in &mut sockets {
        let told = socket.event("RECONNECT").await;
        assert_eq!(told["d"]["url"], url_of(near));
        let closed = socket.closed().await;
        assert_eq!((closed.code, &closed.reason["r"]), (4401, &json!("drain")));
        moments.push(cut.elapsed());
    }
    cluster.until_named(0, 1).await;
    assert!(cut.elapsed() < Duration::from_secs(20), "{:?}", cut.elapsed());
    let mut elsewhere = Socket::live(near, &user).await;
    let seq = near.publish(json!({ "to": { "user": user.id }, "t": "MEANWHILE" })).await;
    assert_eq!(elsewhere.event("MEANWHILE").await["s"], seq);

    cluster.road(1, Weather::Fair);
    cluster.until_ready(1, 200).await;
    cluster.until_named(0, 2).await;
    cluster.until_named(1, 2).await;
    // It knows what happened meanwhile.
    let mut back = Socket::connect(far).await;
    back.identify(&user, harness::Encoding::Json, Some(seq - 1)).await;
    assert_eq!(back.event("MEANWHILE").await["s"], seq);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_show_as_all_their_nodes_make_them() {
    let cluster = Cluster::start_with(3, quick()).await;
    let (mut watcher, users) = guild(&cluster, 2).await;
    let [user, bystander] = &users[..] else { panic!("two users") };
    let mut one = Socket::live(&cluster.nodes[1], user).await;
    assert_eq!(presence(&mut watcher, user).await, 1);
    let mut two = Socket::live(&cluster.nodes[2], user).await;
    two.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 3 } })).await;
    assert_eq!(presence(&mut watcher, user).await, 3);
    // A less present one changes nothing; the more present one going leaves it.
    one.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 2 } })).await;
    one.alive().await;
    two.leave().await;
    assert_eq!(presence(&mut watcher, user).await, 2);
    // What is chosen by HTTP at one node holds at all.
    cluster.nodes[0].as_user(user).patch("/users/@me/presence", json!({ "type": 3 })).await.expect(200);
    assert_eq!(presence(&mut watcher, user).await, 3);
    // Who moves from one node to another was never away: not even when another is offline who left that node afterwards.
    let mut two = Socket::live(&cluster.nodes[2], user).await;
    let other = Socket::live(&cluster.nodes[1], bystander).await;
    assert_eq!(presence(&mut watcher, bystander).await, 1);
    one.leave().await;
    other.leave().await;
    let next = watcher.event("PRESENCE_UPDATE").await;
    assert_eq!((&next["id"], &next["d"]["type"]), (&json!(bystander.id), &json!(4)), "{next}");
    two.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 1 } })).await;
    assert_eq!(presence(&mut watcher, user).await, 1);
    two.leave().await;
    assert_eq!(presence(&mut watcher, user).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_a_node_that_dies_go_offline_once_unless_they_are_elsewhere() {
    let mut cluster = Cluster::start_with(3, quick()).await;
    let (mut watcher, users) = guild(&cluster, 6).await;
    let mut sockets = Vec::new();
    for user in &users {
        sockets.push(Socket::live(&cluster.nodes[1], user).await);
        assert_eq!(presence(&mut watcher, user).await, 1);
    }
    cluster.kill(1).await;
    // Two come back at another node.
    let _back = [Socket::live(&cluster.nodes[2], &users[0]).await, Socket::live(&cluster.nodes[0], &users[1]).await];
    let mut gone = BTreeSet::new();
    while gone.len() < users.len() - 2 {
        let event = watcher.event("PRESENCE_UPDATE").await;
        assert_eq!(event["d"]["type"], 4, "{event}");
        assert!(gone.insert(event["id"].as_u64().expect("an id")), "twice: {event}");
    }
    assert_eq!(gone, users[2..].iter().map(|user| user.id).collect());
    // A node that drains takes nobody offline who comes back, and the next to start finds nothing to tell.
    cluster.nodes[2].signal(Signal::TERM);
    cluster.nodes[2].exited().await;
    let _again = Socket::live(&cluster.nodes[0], &users[0]).await;
    cluster.start_again(1).await;
    let mut last = Socket::live(&cluster.nodes[1], &users[2]).await;
    assert_eq!(presence(&mut watcher, &users[2]).await, 1);
    last.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 2 } })).await;
    let seen: Vec<Value> = vec![watcher.event("PRESENCE_UPDATE").await];
    assert_eq!((&seen[0]["id"], &seen[0]["d"]["type"]), (&json!(users[2].id), &json!(2)), "{seen:?}");
}
