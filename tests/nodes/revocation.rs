//! What is revoked at one node is over at all: connections close, and nobody else takes it.

use std::time::{Duration, Instant};

use harness::{Api, Closed, Cluster, Encoding, PATIENCE, Server, Socket, User, Weather, within};
use serde_json::{Value, json};

use super::quick;

/// Within what a connection at another node is closed once the revocation is answered. It comes with the log, like an event.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Another session of a user.
async fn another_session(node: &Server, user: &User) -> User {
    let body = json!({ "user": { "id": user.id, "username": "ada" } });
    User::from_minted(&node.operator().post("/sessions", body).await.expect(201))
}

/// What a revoked session gets wherever it goes.
async fn assert_refused(nodes: &[Server], user: &User) {
    for node in nodes {
        let mut socket = Socket::connect(node).await;
        socket.identify(user, Encoding::Json, None).await;
        assert_eq!(socket.closed().await.code, 4003);
        node.as_user(user).get("/users/@me").await.error(401);
    }
}

/// Waits for the close of a revoked connection, before which it may hear events up to the place `last` and none after.
async fn revoked(socket: &mut Socket, answered: Instant, last: u64) {
    let closed = loop {
        match within("a close", socket.next()).await {
            harness::Frame::Event(event) => assert!(event["s"].as_u64() <= Some(last), "heard after the end: {event}"),
            harness::Frame::Closed(closed) => break closed,
            _ => {}
        }
    };
    assert_eq!(closed, Closed { code: 4102, reason: json!({ "r": "revoked" }) });
    assert!(answered.elapsed() < AT_ONCE, "closed after {:?}", answered.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_revoked_at_one_node_is_over_at_all() {
    let cluster = Cluster::start_with(3, quick()).await;
    let [one, two, three] = &cluster.nodes[..] else { panic!("three nodes") };
    // By the operator, by the session itself, with all of the user's, with the user.
    type Way = fn(&Server, &User) -> (Api, String);
    let ways: [(Way, bool); 4] = [
        (|node, user| (node.operator(), format!("/sessions/{}", user.session)), false),
        (|node, user| (node.as_user(user), "/sessions/@me".to_owned()), false),
        (|node, user| (node.operator(), format!("/users/{}/sessions", user.id)), true),
        (|node, user| (node.operator(), format!("/users/{}", user.id)), true),
    ];
    for (way, ends_all) in ways {
        let ended = two.user("ada").await;
        let other = another_session(three, &ended).await;
        let mut sockets = [Socket::live(two, &ended).await, Socket::live(three, &ended).await];
        let mut others = [Socket::live(two, &other).await, Socket::live(one, &other).await];
        let before = three.publish(json!({ "to": { "user": ended.id }, "t": "BEFORE" })).await;
        let (caller, path) = way(one, &ended);
        assert_eq!(caller.delete(&path).await.status, 204, "{path}");
        let answered = Instant::now();
        // Not even what another node publishes right afterwards.
        let after = two.publish(json!({ "to": { "user": ended.id }, "t": "AFTER" })).await;
        assert!(after > before);
        for socket in &mut sockets {
            revoked(socket, answered, after - 1).await;
        }
        assert_refused(&cluster.nodes, &ended).await;
        for socket in &mut others {
            if ends_all {
                revoked(socket, answered, after - 1).await;
            } else {
                assert_eq!(socket.event("AFTER").await["s"], after, "another session of the user goes on");
            }
        }
        if ends_all {
            assert_refused(&cluster.nodes, &other).await;
        }
        // The user itself is welcome with a new one.
        let again = another_session(one, &ended).await;
        for node in &cluster.nodes {
            Socket::live(node, &again).await.alive().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_runs_out_is_over_at_all_nodes() {
    let cluster = Cluster::start_with(2, quick()).await;
    let body = json!({ "user": { "username": "ada" }, "expires_in_s": 2 });
    let user = User::from_minted(&cluster.nodes[0].operator().post("/sessions", body).await.expect(201));
    for mut socket in [Socket::live(&cluster.nodes[0], &user).await, Socket::live(&cluster.nodes[1], &user).await] {
        assert_eq!(socket.closed().await.code, 4102);
    }
    assert_refused(&cluster.nodes, &user).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_nothing_meanwhile_closes_what_was_revoked_once_it_hears_again() {
    let cluster = Cluster::start_with(2, quick().set("drain_ms", 60_000)).await;
    let (near, far) = (&cluster.nodes[0], &cluster.nodes[1]);
    let (ended, stays) = (near.user("ada").await, near.user("grace").await);
    let mut sockets = [Socket::live(far, &ended).await, Socket::live(far, &stays).await];
    cluster.road(1, Weather::Stalled);
    near.operator().delete(&format!("/sessions/{}", ended.session)).await.expect(204);
    assert_refused(&cluster.nodes[..1], &ended).await;
    // What the other one has not met it knows from the database; should it have noticed by now, it serves nobody.
    far.as_user(&ended).get("/users/@me").await.error(401);
    if let Ok(mut late) = Socket::over(far.stream().await, far.request()).await {
        late.identify(&ended, Encoding::Json, None).await;
        assert!([4003, 4401].contains(&late.closed().await.code));
    }
    cluster.road(1, Weather::Fair);
    let heard = Instant::now();
    assert_eq!(sockets[0].closed().await.code, 4102);
    assert!(heard.elapsed() < PATIENCE / 2, "closed after {:?}", heard.elapsed());
    sockets[1].alive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_key_that_is_revoked_or_replaced_at_one_node_is_so_at_all() {
    let cluster = Cluster::start_with(3, quick()).await;
    let [one, two, three] = &cluster.nodes[..] else { panic!("three nodes") };
    let body = json!({ "events": [{ "to": "everyone", "t": "TICK", "d": {} }] });
    let make = async |node: &Server, name: &str| -> (String, Value) {
        let key = json!({ "name": name, "scopes": ["publish", "admin"] });
        let made = node.operator().post("/operator-keys", key).await.expect(201);
        (made["key"].as_str().expect("a key").to_owned(), made["id"].clone())
    };
    let (old, old_id) = make(one, "backend").await;
    for node in &cluster.nodes {
        node.anyone().operator(&old).post("/publish", body.clone()).await.expect(200);
    }
    // It is replaced: the new one serves everywhere before the old one goes, which it does everywhere.
    let (new, new_id) = make(two, "backend").await;
    for node in &cluster.nodes {
        node.anyone().operator(&new).post("/publish", body.clone()).await.expect(200);
    }
    three.anyone().operator(&new).delete(&format!("/operator-keys/{old_id}")).await.expect(204);
    for node in &cluster.nodes {
        // Nothing is waited for: who is answered that it is revoked may count on it.
        node.anyone().operator(&old).post("/publish", body.clone()).await.error(401);
        node.anyone().operator(&new).post("/publish", body.clone()).await.expect(200);
        let listed = node.operator().get("/operator-keys").await.expect(200);
        let ids: Vec<&Value> = listed.as_array().expect("a list").iter().map(|key| &key["id"]).collect();
        assert!(ids.contains(&&new_id) && !ids.contains(&&old_id), "{listed}");
    }
}
