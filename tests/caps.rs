//! Every configured cap has its own error.

use harness::{Server, Setup, Socket, User};
use serde_json::{Value, json};

/// The error code of a refused request.
async fn fills(server: &Server, owner: &User, path: &str, body: Value, allowed: usize) -> String {
    for _ in 0..allowed {
        server.as_user(owner).post(path, body.clone()).await.expect(201);
    }
    let refused = server.as_user(owner).post(path, body).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    refused.error(refused.status).0
}

#[tokio::test]
async fn guilds_members_channels_and_invites_are_capped() {
    let server = Setup::new()
        .set("max_guilds_per_user", 3)
        .set("max_members_per_guild", 2)
        .set("max_channels_per_guild", 2)
        .set("max_invites_per_guild", 2)
        .start()
        .await;
    let owner = server.user("ada").await;
    let mut codes = vec![fills(&server, &owner, "/guilds", json!({ "name": "x" }), 3).await];
    let guild = server.as_user(&owner).get("/users/@me/guilds").await.expect(200)[0]["id"].as_u64().expect("an id");
    codes.push(fills(&server, &owner, &format!("/guilds/{guild}/channels"), json!({ "name": "x" }), 2).await);
    codes.push(fills(&server, &owner, &format!("/guilds/{guild}/invites"), json!({}), 2).await);

    let (second, third) = (server.user("grace").await, server.user("mary").await);
    server.join(&second, guild).await;
    let refused = server.operator().put(&format!("/guilds/{guild}/members/{}", third.id)).await;
    codes.push(refused.error(refused.status).0);

    let mut unique = codes.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 4, "{codes:?}");
}

#[tokio::test]
async fn connections_of_a_user_are_capped() {
    let server = Setup::new().set("max_connections_per_user", 2).start().await;
    let user = server.user("ada").await;
    let mut first = Socket::live(&server, &user).await;
    let mut second = Socket::live(&server, &user).await;
    let mut third = Socket::connect(&server).await;
    third.identify(&user, harness::Encoding::Json, None).await;
    let closed = third.closed().await;
    assert_eq!(closed.code, 4008, "{closed:?}");
    first.alive().await;
    second.alive().await;
    Socket::live(&server, &server.user("grace").await).await;
}

#[tokio::test]
async fn connections_of_an_address_are_capped() {
    let server = Setup::new().set("max_connections_per_address", 2).start().await;
    let (_first, _second) = (Socket::connect(&server).await, Socket::connect(&server).await);
    let Err(refused) = Socket::over(server.stream().await, server.request()).await else { panic!("a third upgrade") };
    assert!(["429", "503"].iter().any(|status| refused.to_string().contains(status)), "{refused}");
}

#[tokio::test]
async fn a_trusted_proxy_tells_the_address_and_nobody_else_does() {
    for (trusted, room) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let server = Setup::new().set("max_connections_per_address", 1).set("trusted_proxies", trusted).start().await;
        let from = |address: &'static str| {
            let mut request = server.request();
            request.headers_mut().insert("x-forwarded-for", address.parse().expect("a value"));
            request
        };
        let _first = Socket::open(&server, from("192.0.2.1")).await;
        let second = Socket::over(server.stream().await, from("192.0.2.2")).await;
        assert_eq!(second.is_ok(), room, "{trusted}");
    }
}
