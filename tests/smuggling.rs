//! Requests whose end two readers could see in two places: 400 and the end of the connection, and nothing of them is done.

use harness::{Server, User, within};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is hidden behind a request: if it were read as one, there would be a guild.
fn hidden(user: &User) -> String {
    let body = r#"{"name":"smuggled"}"#;
    format!(
        "POST /guilds HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        user.session_id,
        body.len()
    )
}

/// Everything that the server says to these bytes until it ends the connection.
async fn said_to(server: &Server, bytes: &[u8]) -> String {
    let mut stream = server.stream().await;
    // It may end before all is sent.
    let _ = within("a send", stream.write_all(bytes)).await;
    let mut said = Vec::new();
    let _ = within("the end", stream.read_to_end(&mut said)).await;
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn headers_that_frame_a_request_in_two_ways_are_refused() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let hidden = hidden(&user);
    let chunked = "0\r\n\r\n";
    let cases = [
        // Where the body ends is said twice.
        ("length, then chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", chunked),
        ("chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", chunked),
        ("a length of 0 and chunks", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", chunked),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n\r\n", ""),
        ("the same length twice", "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", ""),
        ("a list of lengths", "Content-Length: 0, 0\r\n\r\n", ""),
        ("a list of two lengths", "Content-Length: 0,5\r\n\r\n", ""),
        // It is said in a way that some read and some don't.
        ("a signed length", "Content-Length: +0\r\n\r\n", ""),
        ("a hexadecimal length", "Content-Length: 0x0\r\n\r\n", ""),
        ("no length", "Content-Length:\r\n\r\n", ""),
        ("a length beyond numbers", "Content-Length: 18446744073709551616\r\n\r\n", ""),
        ("a space before the colon", "Content-Length : 0\r\n\r\n", ""),
        ("a tab before the colon", "Transfer-Encoding\t: chunked\r\n\r\n", chunked),
        ("a folded encoding", "Transfer-Encoding:\r\n chunked\r\n\r\n", chunked),
        ("a folded header", "X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n", chunked),
        ("chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", chunked),
        ("a list of encodings", "Transfer-Encoding: identity, chunked\r\n\r\n", chunked),
        ("chunks and something else", "Transfer-Encoding: chunked, gzip\r\n\r\n", chunked),
        ("an encoding that nobody knows", "Transfer-Encoding: xchunked\r\n\r\n", chunked),
        ("an encoding in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n", chunked),
        ("a vertical tab in the encoding", "Transfer-Encoding: \x0bchunked\r\n\r\n", chunked),
        // Lines that end in a way that some take for no end.
        ("a bare line feed", "X: a\nContent-Length: 0\r\n\r\n", ""),
        ("a bare line feed at the end", "Content-Length: 0\r\n\n", ""),
        ("a bare carriage return", "X: a\rContent-Length: 0\r\n\r\n", ""),
        ("a zero", "X: a\0b\r\n\r\n", ""),
        ("a line without a colon", "Content-Length 0\r\n\r\n", ""),
        // Whom it is for, and what it becomes, is said twice.
        ("two hosts", "Host: b\r\n\r\n", ""),
        (
            "a body before a WebSocket",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 5\r\n\r\n",
            "12345",
        ),
    ];
    for (what, headers, body) in cases {
        let request = format!("GET /available HTTP/1.1\r\nHost: a\r\n{headers}{body}{hidden}");
        let said = said_to(&server, request.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{what}: {said:?}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{what}: {said:?}");
    }
    for (what, head) in [
        ("no host", "GET /available HTTP/1.1\r\n\r\n"),
        ("a tunnel", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("no path", "GET available HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("line feeds alone", "GET /available HTTP/1.1\nHost: a\n\n"),
        ("chunks in version 1.0", "POST /guilds HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ] {
        let said = said_to(&server, format!("{head}{hidden}").as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400 ") || said.starts_with("HTTP/1.0 400 "), "{what}: {said:?}");
    }
    assert_eq!(server.as_user(&user).get("/users/@me/guilds").await.expect(200), json!([]));
    assert!(!server.output().contains("panicked"), "{}", server.output());
}

#[tokio::test]
async fn a_path_may_be_asked_for_with_its_server() {
    let server = Server::start().await;
    for (target, status) in [("http://a/available", 200), ("http://a", 200), ("http://a?b=c", 200), ("*", 404)] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let said = said_to(&server, request.as_bytes()).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {said:?}");
    }
    assert!(!server.output().contains("panicked"), "{}", server.output());
}

#[tokio::test]
async fn chunks_that_frame_a_body_in_two_ways_are_refused() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let hidden = hidden(&user);
    let head = format!(
        "POST /guilds HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        user.session_id
    );
    for (what, body) in [
        ("a size beyond numbers", "10000000000000000c\r\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("a size of 32 bits and a bit", "f0000000000000000000c\r\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("a signed size", "-c\r\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("a size with a prefix", "0xc\r\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("no size", "\r\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("a space after the size", "c \r\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("a size that ends in a line feed", "c\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("an extension that ends in a line feed", "c;a\n{\"name\":\"x\"}\r\n0\r\n\r\n"),
        ("a chunk longer than its size", "c\r\n{\"name\":\"x\"}}\r\n0\r\n\r\n"),
        ("a chunk that ends in a line feed", "c\r\n{\"name\":\"x\"}\n0\r\n\r\n"),
        ("trailers that end in a line feed", "c\r\n{\"name\":\"x\"}\r\n0\r\nX: a\n\r\n"),
    ] {
        let said = said_to(&server, format!("{head}{body}{hidden}").as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{what}: {said:?}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{what}: {said:?}");
    }
    assert_eq!(server.as_user(&user).get("/users/@me/guilds").await.expect(200), json!([]));
}

#[tokio::test]
async fn what_follows_an_upgrade_that_was_refused_is_not_read_as_a_request() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for path in ["/", "/gateway", "/nowhere", "/available"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n{}", hidden(&user));
        let said = said_to(&server, request.as_bytes()).await;
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{path}: {said:?}");
        assert!(said.to_ascii_lowercase().contains("connection: close"), "{path}: {said:?}");
    }
    assert_eq!(server.as_user(&user).get("/users/@me/guilds").await.expect(200), json!([]));
}

#[tokio::test]
async fn requests_that_are_framed_well_follow_one_another() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let chunked = format!(
        "POST /guilds HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         1;a=\"b\"\r\n{{\r\nB\r\n\"name\":\"x\"}}\r\n0\r\nX-Trailer: a\r\n\r\n",
        user.session_id
    );
    let last = "GET /available HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let said = said_to(&server, [&hidden(&user), &chunked, "\r\n", &hidden(&user), last].concat().as_bytes()).await;
    let statuses: Vec<_> = said.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["201", "201", "201", "200"], "{said}");
}
