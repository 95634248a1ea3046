//! A publish under an idempotency key that is repeated at another node: the same answer, and no event twice.

use futures_util::future::join_all;
use harness::{Cluster, Server, Socket, Weather, within};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::quick;

/// A watcher at the last node, and what publishes to it by a key of this name.
struct Scene {
    cluster: Cluster,
    watcher: Socket,
    user: u64,
}

impl Scene {
    async fn set() -> Self {
        let cluster = Cluster::start_with(3, quick()).await;
        let user = cluster.nodes[0].user("ada").await;
        let watcher = Socket::live(&cluster.nodes[2], &user).await;
        Self { cluster, watcher, user: user.id }
    }

    /// A publish of so many events under a key.
    fn body(&self, key: &str, events: usize) -> Value {
        let event = |number| json!({ "to": { "user": self.user }, "t": "ORDER", "d": { "key": key, "n": number } });
        json!({ "events": (0..events).map(event).collect::<Vec<_>>(), "idempotency_key": key })
    }

    /// Makes sure that what the watcher has heard since the last time are the events of this answer, in order, each at its
    /// place, and nothing else.
    async fn assert_heard(&mut self, answer: &Value) {
        let seqs = answer["seqs"].as_array().expect("places");
        let end = self.cluster.nodes[0].publish(json!({ "to": { "user": self.user }, "t": "END" })).await;
        let mut heard = Vec::new();
        loop {
            let event = self.watcher.next_event().await;
            if event["t"] == "END" && event["s"] == end {
                break;
            }
            if event["t"] == "ORDER" {
                heard.push(event);
            }
        }
        let places: Vec<&Value> = heard.iter().map(|event| &event["s"]).collect();
        assert_eq!(places, seqs.iter().collect::<Vec<_>>(), "{heard:?}");
        assert!(heard.iter().enumerate().all(|(number, event)| event["d"]["n"] == number), "{heard:?}");
    }
}

async fn publish(node: &Server, body: &Value) -> Value {
    node.operator().post("/publish", body.clone()).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_at_one_node_is_answered_alike_at_the_others() {
    let mut scene = Scene::set().await;
    let body = scene.body("order-66", 5);
    let first = publish(&scene.cluster.nodes[0], &body).await;
    for node in &scene.cluster.nodes {
        assert_eq!(publish(node, &body).await, first);
        let mut other = body.clone();
        other["events"][4]["d"]["n"] = json!("another");
        let (code, _) = node.operator().post("/publish", other).await.error(409);
        assert_eq!(code, "idempotency_mismatch");
    }
    scene.assert_heard(&first).await;
    // Neither does it come again from a node that was killed, nor from NATS when it was.
    scene.cluster.kill(0).await;
    scene.cluster.start_again(0).await;
    tokio::task::block_in_place(|| scene.cluster.nats.kill());
    tokio::task::block_in_place(|| scene.cluster.nats.restart());
    for node in 0..3 {
        scene.cluster.until_ready(node, 200).await;
    }
    for node in &scene.cluster.nodes {
        let again = within("the publish to be taken", async {
            loop {
                let answer = node.operator().post("/publish", body.clone()).await;
                if answer.status != 503 {
                    return answer.expect(200);
                }
            }
        });
        assert_eq!(again.await, first);
    }
    scene.assert_heard(&json!({ "seqs": [] })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_answered_alike_also_when_whom_it_was_for_is_gone() {
    let cluster = Cluster::start_with(2, quick()).await;
    let [one, two] = &cluster.nodes[..] else { panic!("two nodes") };
    let owner = one.user("ada").await;
    let guild = one.guild(&owner, "Tea house").await;
    let mut watcher = Socket::live(two, &owner).await;
    let body =
        json!({ "events": [{ "to": { "guild": guild }, "t": "ORDER", "d": {} }], "idempotency_key": "last orders" });
    let first = publish(one, &body).await;
    two.as_user(&owner).delete(&format!("/guilds/{guild}")).await.expect(204);
    for node in &cluster.nodes {
        assert_eq!(publish(node, &body).await, first);
        let mut unknown = body.clone();
        unknown["idempotency_key"] = json!("another");
        node.operator().post("/publish", unknown).await.error(404);
    }
    assert_eq!(watcher.event("ORDER").await["s"], first["seqs"][0]);
    two.publish(json!({ "to": { "user": owner.id }, "t": "END" })).await;
    watcher.event("GUILD_DELETE").await;
    while let event = watcher.next_event().await
        && event["t"] != "END"
    {
        assert_ne!(event["t"], "ORDER", "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_at_all_nodes_at_once_is_said_once() {
    let mut scene = Scene::set().await;
    for round in 0..10 {
        let key = format!("round {round}");
        let body = scene.body(&key, 20);
        let answers = join_all(scene.cluster.nodes.iter().map(|node| publish(node, &body))).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        scene.assert_heard(&answers[0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_found_at_another_node() {
    let mut scene = Scene::set().await;
    let body = scene.body("unread", 3);
    let text = body.to_string();
    let [one, two, _] = &scene.cluster.nodes[..] else { panic!("three nodes") };
    // Who publishes does not stay for the answer.
    let mut stream = one.stream().await;
    let head = format!(
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        one.key(),
        text.len()
    );
    stream.write_all((head + &text).as_bytes()).await.expect("the request");
    let places = async {
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(scene.watcher.event("ORDER").await["s"].clone());
        }
        places
    };
    let places = within("the events", places).await;
    drop(stream);
    let again = publish(two, &body).await;
    assert_eq!(again["seqs"], json!(places));
    scene.assert_heard(&json!({ "seqs": [] })).await;
    // And if the node is gone with the answer.
    let body = scene.body("killed", 3);
    let operator = scene.cluster.nodes[0].operator();
    let (asked, _) = tokio::join!(operator.try_post("/publish", body.clone()), scene.cluster.kill(0));
    let again = publish(&scene.cluster.nodes[1], &body).await;
    if let Some(asked) = asked {
        assert_eq!(asked.expect(200), again);
    }
    scene.cluster.start_again(0).await;
    scene.assert_heard(&again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_sent_to_nats_too_late_is_not_said_again() {
    let mut scene = Scene::set().await;
    let [one, two, _] = &scene.cluster.nodes[..] else { panic!("three nodes") };
    let body = scene.body("late", 3);
    // It is on its way to NATS, and stays there: nobody knows whether it arrived.
    scene.cluster.road(0, Weather::Stalled);
    one.operator().post("/publish", body.clone()).await.error(503);
    let first = publish(two, &body).await;
    scene.cluster.road(0, Weather::Fair);
    scene.cluster.until_ready(0, 200).await;
    assert_eq!(publish(&scene.cluster.nodes[0], &body).await, first);
    scene.assert_heard(&first).await;
}
