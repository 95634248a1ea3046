//! TLS with a test authority, and its reload.

use std::sync::Arc;

use harness::{Authority, Encoding, Server, Setup, Socket};
use rustix::process::Signal;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn everything_works_over_tls() {
    let server = Setup::new().tls(Arc::new(Authority::new())).start().await;
    let user = server.user("ada").await;
    let found = server.anyone().get("/available").await.expect(200);
    assert!(found["url"].as_str().is_some_and(|url| url.starts_with("wss://")), "{found}");
    for encoding in [Encoding::Json, Encoding::Zlib] {
        let (mut socket, _) = Socket::live_with(&server, &user, encoding).await;
        for n in 0..100 {
            server
                .publish(json!({ "to": { "user": user.id }, "t": "COUNT", "d": { "n": n, "fill": "x".repeat(2_000) } }))
                .await;
        }
        for n in 0..100 {
            assert_eq!(socket.event("COUNT").await["d"]["n"], n);
        }
        socket.leave().await;
    }
}

#[tokio::test]
async fn plain_text_at_a_tls_address_is_turned_away() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Setup::new().tls(Arc::new(Authority::new())).start().await;
    let mut stream = TcpStream::connect(server.address()).await.expect("a connection");
    stream.write_all(b"GET /available HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let _ = harness::within("the end", stream.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    server.anyone().get("/available").await.expect(200);
}

#[tokio::test]
async fn sighup_reads_the_certificate_again_and_keeps_connections() {
    let authority = Arc::new(Authority::new());
    let server = Setup::new().tls(Arc::clone(&authority)).start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::live(&server, &user).await;
    let before = certificate(&server, &authority).await;
    assert_eq!(certificate(&server, &authority).await, before);

    authority.issue(server.data());
    server.signal(Signal::HUP);
    harness::within("the new certificate", async {
        while certificate(&server, &authority).await == before {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    socket.alive().await;

    // A broken file is reported, and the certificate stays.
    let now = certificate(&server, &authority).await;
    std::fs::write(server.data().join("cert.pem"), "broken").expect("written");
    server.signal(Signal::HUP);
    harness::within("a complaint", async {
        while !server.output().contains("cert.pem") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(certificate(&server, &authority).await, now);
}

/// The certificate that the server shows.
async fn certificate(server: &Server, authority: &Authority) -> Vec<u8> {
    let stream = TcpStream::connect(server.address()).await.expect("a connection");
    let connector = TlsConnector::from(authority.client_config());
    let stream = connector.connect(Authority::server_name(), stream).await.expect("a handshake");
    let (_, connection) = stream.get_ref();
    connection.peer_certificates().and_then(|chain| chain.first()).expect("a certificate").to_vec()
}
