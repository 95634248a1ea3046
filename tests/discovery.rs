//! How a client finds a gateway: `/available` and `/domains`.

use harness::{Server, Setup, Socket};
use serde_json::json;

#[tokio::test]
async fn a_node_tells_the_address_where_it_listens() {
    let server = Server::start().await;
    let found = server.anyone().get("/available").await.expect(200);
    let port = format!("{}/gateway", server.address());
    assert_eq!(found, json!({ "url": format!("ws://{port}"), "port": port, "domain": "production-1", "v": 1 }));
    let nodes = server.anyone().get("/domains").await.expect(200);
    assert_eq!(nodes, json!({ "production-1": format!("ws://{port}") }));
}

#[tokio::test]
async fn the_configured_address_is_told_whatever_the_host_header_says() {
    let server = Setup::new().set("public_url", "wss://gw1.example/gateway").set("domain", "blue").start().await;
    let caller = server.anyone().with("host", "evil.example");
    let found = caller.get("/available").await.expect(200);
    assert_eq!(
        found,
        json!({ "url": "wss://gw1.example/gateway", "port": "gw1.example/gateway", "domain": "blue", "v": 1 })
    );
    assert_eq!(caller.get("/domains").await.expect(200), json!({ "blue": "wss://gw1.example/gateway" }));
}

#[tokio::test]
async fn the_gateway_is_served_at_both_paths() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for path in ["/", "/gateway"] {
        let mut request = server.request();
        *request.uri_mut() = server.gateway_url().replace("/gateway", path).parse().expect("an address");
        let mut socket = Socket::open(&server, request).await;
        socket.identify(&user, harness::Encoding::Json, None).await;
        assert_eq!(socket.event("READY").await["d"]["user"]["id"], user.id);
    }
}

#[tokio::test]
async fn a_full_node_sends_clients_elsewhere() {
    let server = Setup::new().set("max_connections", 1).start().await;
    let user = server.user("ada").await;
    let socket = Socket::live(&server, &user).await;

    let answer = server.anyone().get("/available").await;
    answer.error(503);
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    let Err(refused) = Socket::over(server.stream().await, server.request()).await else { panic!("a second upgrade") };
    assert!(refused.to_string().contains("503"), "{refused}");

    socket.leave().await;
    // The place is free once the server has met the end of the first connection, which nothing tells a client.
    harness::within("room", async {
        while server.anyone().get("/available").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    Socket::live(&server, &user).await;
}
