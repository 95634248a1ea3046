//! Upgrades: by which road they come, and which are refused.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use sanmon_core::audience::Audience;
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use super::bench::{Bench, Client, id};
use super::refusal;
use crate::config::Config;
use crate::listen::Io;
use crate::tls::Tls;

#[tokio::test]
async fn a_client_gets_its_guilds_and_then_events_in_either_encoding() {
    let bench = Bench::new().await;
    let session = bench.session(1).await;
    bench.guild(1, 10).await;
    bench.guild(1, 11).await;
    for encoding in ["json", "zlib"] {
        let mut client = bench.connect().await;
        client.identify(&session.session_id, encoding, None).await;
        let ready = client.event("READY").await;
        assert_eq!((&ready["d"]["user"]["id"], &ready["d"]["guilds"]), (&1.into(), &2.into()));
        let (first, second) = (client.event("GUILD_INIT").await, client.event("GUILD_INIT").await);
        assert_eq!((&first["d"]["id"], &second["d"]["id"]), (&10.into(), &11.into()));
        let seq = bench.publish(Audience::Guild(id(11)), r#"{"t":"RAID","d":1}"#).await;
        assert_eq!(client.event("RAID").await["s"], seq.as_u64());
        client.socket.close(None).await.unwrap();
    }
    assert!(bench.metrics.compressions.get() > 0);
}

#[tokio::test]
async fn each_cap_has_its_own_answer() {
    let config = Config {
        hub_threads: 1,
        max_connections: 4,
        max_connections_per_address: 3,
        max_connections_per_user: 1,
        ..Config::default()
    };
    let bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (_first, _) = bench.identified(&session).await;
    let mut second = bench.connect().await;
    second.identify(&session.session_id, "json", None).await;
    let (code, reason) = second.end().await;
    assert_eq!((code, reason.as_str()), (4008, r#"{"r":"connections","ms":10000}"#));
    drop(second);
    while bench.hub.connections() > 1 {
        tokio::task::yield_now().await;
    }

    let _held = [bench.connect().await, bench.connect().await];
    assert_eq!(refusal(&bench, "127.0.0.1").await, (429, Some("5".to_owned())));
    let _other = bench.hub.admit("127.0.0.2".parse().ok()).unwrap();
    assert!(bench.hub.room().is_err());
    assert_eq!(refusal(&bench, "127.0.0.3").await, (503, Some("5".to_owned())));
}

#[tokio::test]
async fn a_page_of_another_origin_reads_why_it_is_refused() {
    let bench = Bench::new().await;
    for (origin, code) in [("http://evil.example", 4101), ("http://localhost", 4001)] {
        let (client, server, address) = Bench::tcp().await;
        bench.serve(Io::Tcp(server), Some(address.ip()));
        let mut client = Client::upgrade(client, Some(origin)).await.unwrap();
        if code == 4001 {
            client.say("no json").await;
        }
        assert_eq!(client.end().await.0, code);
    }
}

#[tokio::test]
async fn tls_and_unix_sockets_take_the_same_road() {
    let bench = Bench::new().await;
    let session = bench.session(1).await;
    let (client, server) = UnixStream::pair().unwrap();
    bench.serve(Io::Unix(server), None);
    let mut unix = Client::upgrade(client, None).await.unwrap();

    let (tls, trusted) = certificate();
    let (client, server, address) = Bench::tcp().await;
    let name = ServerName::try_from("localhost").unwrap();
    let (server, client) = tokio::join!(tls.accept(server), connector(trusted).connect(name, client));
    bench.serve(Io::Tls(Box::new(server.unwrap())), Some(address.ip()));
    let mut tls = Client::upgrade(client.unwrap(), None).await.unwrap();

    unix.identify(&session.session_id, "json", None).await;
    tls.identify(&session.session_id, "zlib", None).await;
    unix.event("READY").await;
    tls.event("READY").await;
    let big = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(150_000));
    // More than sockets hold, less than the bound on what waits.
    for _ in 0..6 {
        bench.publish(Audience::Users(vec![id(1)]), &big).await;
    }
    for _ in 0..6 {
        unix.event("BIG").await;
        tls.event("BIG").await;
    }
    tls.say(r#"{"t":"PING","d":2}"#).await;
    assert_eq!(tls.event("PONG").await["d"], 2);
    tls.say("{").await;
    assert_eq!(tls.end().await.0, 4001);
    drop((unix, tls));
    bench.emptied().await;
}

/// A certificate for localhost, served and to be trusted.
fn certificate() -> (Tls, CertificateDer<'static>) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (Tls::open(&certificate, &key, Duration::from_secs(10)).unwrap(), made.cert.der().clone())
}

fn connector(trusted: CertificateDer<'static>) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}
