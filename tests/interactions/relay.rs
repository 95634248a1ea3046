//! Bots on the gateway: an interaction comes over the socket, its answer goes back by callback.

use harness::Socket;

use super::*;

async fn bot(server: &Server) -> harness::User {
    let user = json!({ "user": { "id": APPLICATION.to_string(), "username": "bot" } });
    harness::User::from_minted(&server.operator().post("/sessions", user).await.expect(201))
}

#[tokio::test]
async fn the_first_callback_is_the_answer() {
    let server = setup().set("interactions_deadline_ms", 5000).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut wire = Wire::open(&server).await;
    let sent = interaction(1, 2);
    wire.send(&Request::signed(sent.to_string()).to_bytes()).await;
    let event = socket.event("INTERACTION_CREATE").await;
    assert_eq!(event, json!({ "t": "INTERACTION_CREATE", "d": sent }), "no `s`: it is not in the log");

    let api = server.anyone();
    let answer = json!({ "type": 4, "data": { "content": "tea" } });
    api.post("/interactions/1/another/callback", answer.clone()).await.error(404);
    api.post("/interactions/2/token-1/callback", answer.clone()).await.error(404);
    api.post("/interactions/1/token-1/callback", json!({ "type": 8, "data": { "choices": [] } })).await.error(400);
    assert_eq!(api.post("/interactions/1/token-1/callback", answer.clone()).await.status, 204);
    let got = wire.answer().await.expect("an answer");
    assert_eq!((got.status, serde_json::from_str::<Value>(&got.body).expect("JSON")), (200, answer.clone()));
    api.post("/interactions/1/token-1/callback", answer).await.error(404);

    // The same delivery again is answered the same, and the bot hears nothing of it.
    assert_eq!(wire.ask(&Request::signed(sent.to_string())).await.body, got.body);
    assert!(socket.alive().await.iter().all(|event| event["t"] != "INTERACTION_CREATE"));
}

#[tokio::test]
async fn connections_have_them_in_turn() {
    let server = setup().set("interactions_deadline_ms", 5000).start().await;
    let user = bot(&server).await;
    let mut sockets = [Socket::live(&server, &user).await, Socket::live(&server, &user).await];
    for round in 0..2 {
        let mut wires = Vec::new();
        for id in [1, 2] {
            let mut wire = Wire::open(&server).await;
            let path = format!("/interactions/{APPLICATION}");
            let body = interaction(10 * round + id, 2).to_string();
            wire.send(&Request { path, ..Request::signed(body) }.to_bytes()).await;
            wires.push(wire);
        }
        for socket in &mut sockets {
            let id = socket.event("INTERACTION_CREATE").await["d"]["id"].as_str().expect("an id").to_owned();
            let path = format!("/interactions/{id}/token-{id}/callback");
            assert_eq!(server.anyone().post(&path, json!({ "type": 5 })).await.status, 204);
        }
        for wire in &mut wires {
            assert_eq!(wire.answer().await.expect("an answer").status, 200);
        }
    }
}

#[tokio::test]
async fn a_late_callback_is_404() {
    let server = setup().set("interactions_deadline_ms", 200).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut wire = Wire::open(&server).await;
    wire.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    socket.event("INTERACTION_CREATE").await;
    let answer = wire.answer().await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (500, "Exception occurred during interaction dispatch"));
    server.anyone().post("/interactions/1/token-1/callback", json!({ "type": 5 })).await.error(404);
    wire.is_alive("a late bot").await;
    let metrics = server.admin().get("/metrics").await.text;
    assert!(metrics.contains("sanmon_interactions_late_total{outcome=\"failed\"} 1"), "{metrics}");
}

#[tokio::test]
async fn one_that_is_under_way_is_answered_although_the_server_ends() {
    let mut server = setup().set("interactions_deadline_ms", 5000).set("drain_ms", 300).start().await;
    let user = bot(&server).await;
    let mut socket = Socket::live(&server, &user).await;
    let mut wire = Wire::open(&server).await;
    wire.send(&Request::signed(interaction(1, 2).to_string()).to_bytes()).await;
    socket.event("INTERACTION_CREATE").await;
    let api = server.anyone();
    server.signal(rustix::process::Signal::TERM);
    // The bot is sent away before it has answered; its callback is a request of its own.
    assert_eq!(socket.closed().await.code, 4401);
    let answer = json!({ "type": 4, "data": { "content": "tea" } });
    assert_eq!(api.post("/interactions/1/token-1/callback", answer.clone()).await.status, 204);
    let got = wire.answer().await.expect("an answer");
    assert_eq!((got.status, serde_json::from_str::<Value>(&got.body).expect("JSON")), (200, answer));
    assert!(server.exited().await.success());
}
