//! The client for Rust programs against the real server.

use std::sync::Arc;

use futures_util::StreamExt;
use harness::{Authority, Server, Setup, User};
use sanmon::client::{Client, Trust, Update};
use serde_json::{Value, json};

/// The next event of this name, as JSON.
async fn event(client: &mut Client, name: &str) -> Value {
    harness::within(name, async {
        loop {
            match client.next().await.expect("the client goes on") {
                Update::Event(event) if event.t().as_str() == name => {
                    return serde_json::from_str(&event.to_json()).expect("JSON");
                }
                Update::Ended(reason) => panic!("ended: {reason}"),
                Update::Reset => panic!("events were lost"),
                _ => {}
            }
        }
    })
    .await
}

fn client(server: &Server, user: &User) -> Client {
    Client::builder(server.url()).session(&user.session_id).connect().expect("a client")
}

#[tokio::test]
async fn it_finds_the_gateway_and_follows_events() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let guild = server.guild(&user, "Analytical").await;
    let mut client = client(&server, &user);
    assert_eq!(event(&mut client, "READY").await["d"]["user"]["username"], "ada");
    assert_eq!(event(&mut client, "GUILD_INIT").await["d"]["id"], guild);
    for n in 0..10 {
        server.publish(json!({ "to": { "guild": guild }, "t": "COUNT", "d": { "n": n } })).await;
        assert_eq!(event(&mut client, "COUNT").await["d"]["n"], n);
    }
}

#[tokio::test]
async fn it_trusts_a_private_authority() {
    let authority = Arc::new(Authority::new());
    let server = Setup::new().tls(Arc::clone(&authority)).start().await;
    let user = server.user("ada").await;
    let path = server.data().join("authority.pem");
    std::fs::write(&path, authority.pem()).expect("written");
    let trust = Trust::only_file(&path).expect("a certificate");
    let mut client = Client::builder(server.url()).trust(trust).session(&user.session_id).connect().expect("a client");
    event(&mut client, "READY").await;
}

#[tokio::test]
async fn it_comes_back_to_a_restarted_server_and_misses_nothing() {
    // The port must stay the same, so it is one that was free a moment ago.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let server = Setup::new().set("listen", format!("127.0.0.1:{port}")).start().await;
    let user = server.user("ada").await;
    let mut client = client(&server, &user);
    event(&mut client, "READY").await;
    server.publish(json!({ "to": { "user": user.id }, "t": "COUNT", "d": { "n": 0 } })).await;
    assert_eq!(event(&mut client, "COUNT").await["d"]["n"], 0);

    let server = server.kill_and_restart().await;
    for n in 1..20 {
        server.publish(json!({ "to": { "user": user.id }, "t": "COUNT", "d": { "n": n } })).await;
    }
    for n in 1..20 {
        assert_eq!(event(&mut client, "COUNT").await["d"]["n"], n);
    }
}

#[tokio::test]
async fn it_stops_when_its_session_is_revoked() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut client = client(&server, &user);
    event(&mut client, "READY").await;
    server.operator().delete(&format!("/sessions/{}", user.session)).await.expect(204);
    harness::within("the end", async {
        while let Some(update) = client.next().await {
            if let Update::Ended(reason) = update {
                assert!(reason.to_string().contains("4102") || reason.to_string().contains("revoked"), "{reason}");
                return;
            }
        }
        panic!("it ended without a reason");
    })
    .await;
}
