//! Among many nodes: an interaction comes in at one, its bot is connected to a second, and its callback comes to a third.

use harness::{Cluster, Socket};

use super::relay::{bot, callback_form, form};
use super::*;

async fn cluster() -> Cluster {
    Cluster::start_with(3, setup().set("interactions_deadline_ms", 20_000)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_may_be_at_another_node() {
    let cluster = cluster().await;
    let [one, two, three] = &cluster.nodes[..] else { panic!("three nodes") };
    let answer = json!({ "type": 4, "data": { "content": "tea" } });
    let path = "/interactions/1/token-1/callback";
    let mut wire = Wire::open(one).await;
    // Nobody is there yet.
    let nobody = wire.ask(&Request::signed(interaction(7, 2).to_string())).await;
    assert_eq!((nobody.status, nobody.body.as_str()), (501, "Handler not set for this interaction type"));
    three.anyone().post(path, answer.clone()).await.error(404);

    let user = bot(one).await;
    let mut socket = Socket::live(two, &user).await;
    wire.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    assert_eq!(socket.event("INTERACTION_CREATE").await["d"], interaction(1, 2));
    three.anyone().post("/interactions/1/another/callback", answer.clone()).await.error(404);
    let (_, message) = three.anyone().post(path, json!({ "type": 8, "data": { "choices": [] } })).await.error(400);
    assert!(message.contains("body"), "{message}");
    assert_eq!(three.anyone().post(path, answer.clone()).await.status, 204);
    let got = wire.answer().await.expect("an answer");
    assert_eq!((got.status, serde_json::from_str::<Value>(&got.body).expect("JSON")), (200, answer.clone()));
    for node in &cluster.nodes {
        node.anyone().post(path, answer.clone()).await.error(404);
    }
    // The bot goes, and it is as if it had never been.
    socket.leave().await;
    within("the bot to be gone", async {
        let mut id = 100;
        while wire.ask(&Request::signed(interaction(id, 2).to_string())).await.status != 501 {
            id += 1;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_ones_travel_in_pieces() {
    let cluster = cluster().await;
    let [one, two, three] = &cluster.nodes[..] else { panic!("three nodes") };
    let user = bot(one).await;
    let mut socket = Socket::live(two, &user).await;
    let mut large = interaction(1, 2);
    large["data"]["resolved"] = json!({ "text": "tea ".repeat(400_000) });
    let mut platform = Wire::open(one).await;
    platform.send(&Request::signed(large.to_string()).to_bytes()).await;
    assert!(socket.event("INTERACTION_CREATE").await["d"] == large, "the interaction came changed");

    let file: Vec<u8> = (0..=255).cycle().take(3 << 20).collect();
    let good = form(r#"{"type":4,"data":{"content":"tea","attachments":[{"id":3}]}}"#, &file);
    let path = "/interactions/1/token-1/callback";
    let mut wire = Wire::open(three).await;
    let broken = wire.ask(&callback_form(path, &good[..good.len() - 20])).await;
    assert_eq!(broken.status, 400, "{}", broken.body);
    assert_eq!(wire.ask(&callback_form(path, &good)).await.status, 204);
    let (head, body) = platform.bytes().await.expect("an answer");
    assert!(head.starts_with("http/1.1 200") && head.contains("multipart/form-data"), "{head}");
    assert!(body == good, "the form came changed");
}
