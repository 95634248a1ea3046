//! Every configured cap has its own error.

use std::sync::Arc;

use harness::{Authority, Server, Setup, Socket, User, within};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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

/// Asks on a new connection; the connection, which the server keeps open unless it refused, and the answer's header.
async fn ask(server: &Server) -> (TcpStream, String) {
    within("an answer", async {
        let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
        stream.write_all(b"GET /domains HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("a request is taken");
        let mut header = Vec::new();
        while !header.ends_with(b"\r\n\r\n") {
            header.push(stream.read_u8().await.expect("a byte of the header"));
        }
        (stream, String::from_utf8(header).expect("text"))
    })
    .await
}

#[tokio::test]
async fn http_connections_of_an_address_are_capped() {
    let server = Setup::new().set("max_http_connections_per_address", 4).start().await;
    let user = server.user("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(Socket::live(&server, &user).await);
    }

    let mut open = Vec::new();
    let (mut refused, header) = loop {
        let (stream, header) = ask(&server).await;
        if !header.starts_with("HTTP/1.1 200") {
            break (stream, header);
        }
        open.push(stream);
        assert!(open.len() <= 4, "a fifth connection is served");
    };
    assert!(header.starts_with("HTTP/1.1 429") && header.contains("retry-after: "), "{header}");
    let mut body = String::new();
    within("the end", refused.read_to_string(&mut body)).await.expect("no reset");
    assert!(body.contains(r#""code":"too_many_connections""#), "{body}");
    let metrics = server.admin().get("/metrics").await;
    assert!(!metrics.expect_text(200).contains("sanmon_http_connections_refused_total 0"), "{}", metrics.text);
    assert!(server.output().contains("beyond max_http_connections_per_address"));
    for socket in &mut sockets {
        socket.alive().await;
    }

    drop(open);
    within("room", async { while !ask(&server).await.1.starts_with("HTTP/1.1 200") {} }).await;
}

#[tokio::test]
async fn a_connection_too_many_gets_no_handshake() {
    let authority = Arc::new(Authority::new());
    let server = Setup::new().set("max_http_connections_per_address", 1).tls(authority).start().await;
    let _first = server.stream().await;
    let mut second = TcpStream::connect(server.address()).await.expect("a connection");
    assert!(!matches!(within("the end", second.read(&mut [0])).await, Ok(1..)));
}

#[tokio::test]
async fn a_trusted_proxy_may_have_any_number_of_http_connections() {
    let setup = Setup::new().set("max_http_connections_per_address", 1).set("trusted_proxies", "127.0.0.0/8");
    let server = setup.start().await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let (stream, header) = ask(&server).await;
        assert!(header.starts_with("HTTP/1.1 200"), "{header}");
        open.push(stream);
    }
}
