//! The hub as clients see it.

mod bench;

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use sanmon_core::audience::Audience;
use sanmon_core::event::{Presence, PresenceKind, Seq};
use sanmon_core::time::UnixMillis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use self::bench::{Bench, Client, draft, id};
use crate::config::Config;
use crate::listen::Io;
use crate::store::guilds::Caps;
use crate::store::members::Remover;
use crate::store::{members, presences, sessions};
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
async fn nothing_is_lost_nor_doubled_between_identify_and_live() {
    let bench = Arc::new(Bench::new().await);
    let sessions = [bench.session(1).await, bench.session(2).await, bench.session(3).await];
    let publisher = {
        let bench = bench.clone();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for number in 0..400 {
                seqs.push(
                    bench.publish(Audience::Everyone, &format!(r#"{{"t":"COUNT","d":{number}}}"#)).await.as_u64(),
                );
            }
            seqs
        })
    };
    let mut clients = Vec::new();
    for round in 0..12 {
        clients.push(bench.identified(&sessions[round % 3]).await);
    }
    let seqs = publisher.await.unwrap();
    for (client, from) in &mut clients {
        for seq in seqs.iter().filter(|seq| **seq > *from) {
            assert_eq!(client.event("COUNT").await["s"], *seq);
        }
    }
    // Each comes back from where it was at READY, and is told the same again.
    for (index, (_, from)) in clients.iter().enumerate().take(3) {
        let mut client = bench.connect().await;
        client.identify(&sessions[index % 3].session_id, "json", Some(*from)).await;
        let missed: Vec<u64> = seqs.iter().copied().filter(|seq| seq > from).collect();
        let resumed = client.next().await;
        assert_eq!((&resumed["t"], &resumed["s"]), (&"RESUMED".into(), &(*from).into()));
        for seq in missed {
            assert_eq!(client.event("COUNT").await["s"], seq);
        }
        let live = bench.publish(Audience::Users(vec![id(index as u64 % 3 + 1)]), r#"{"t":"NOW"}"#).await;
        assert_eq!(client.event("NOW").await["s"], live.as_u64());
    }
}

#[tokio::test]
async fn an_unknown_position_gets_everything_anew() {
    let bench = Bench::new().await;
    let session = bench.session(1).await;
    let mut client = bench.connect().await;
    client.identify(&session.session_id, "json", Some(1)).await;
    assert_eq!(client.event("READY").await["d"]["resumed"], false);
}

#[tokio::test]
async fn bad_clients_are_told_why() {
    let config = Config { hub_threads: 2, identify_timeout_ms: 200, ..Config::default() };
    let bench = Bench::with(config).await;
    let mut late = bench.connect().await;
    assert_eq!(late.end().await.0, 4005);
    let mut unknown = bench.connect().await;
    unknown.identify("1.nothing", "json", None).await;
    assert_eq!(unknown.end().await.0, 4003);
    let mut big = bench.connect().await;
    big.say("x".repeat(4097)).await;
    assert_eq!(big.end().await.0, 1009);
    let mut bad = bench.connect().await;
    bad.say("[]").await;
    assert_eq!(bad.end().await.0, 4001);
    // An unmasked frame, behind the library's back; then the socket ends, after the code.
    let mut unmasked = bench.connect().await;
    unmasked.socket.get_mut().write_all(b"\x81\x02hi").await.unwrap();
    let (code, reason) = unmasked.end().await;
    assert_eq!((code, reason.as_str()), (1002, r#"{"r":"protocol_error","detail":"a frame without a mask"}"#));
    let mut rest = Vec::new();
    unmasked.socket.get_mut().read_to_end(&mut rest).await.unwrap();
    bench.emptied().await;
}

#[tokio::test]
async fn a_close_is_answered_with_its_code() {
    let bench = Bench::new().await;
    let mut client = bench.connect().await;
    let close = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    client.socket.send(Message::Close(Some(close))).await.unwrap();
    assert_eq!(client.end().await.0, 1000);
    drop(client);
    bench.emptied().await;
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_a_dead_one_is_dropped() {
    let config = Config { hub_threads: 1, ping_interval_ms: 60, ping_timeout_ms: 2_000, ..Config::default() };
    let bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (mut alive, _) = bench.identified(&session).await;
    let (mut dead, _) = bench.identified(&session).await;
    while bench.metrics.connections_closed.with_label_values(&["4402"]).get() == 0 {
        // Reading answers the ping; the other one does not read.
        while !matches!(alive.frame().await, Message::Ping(_)) {}
        alive.socket.flush().await.unwrap();
    }
    assert_eq!(dead.end().await.0, 4402);
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_publisher_does_not_wait() {
    let config = Config { hub_threads: 1, max_queue_bytes: 1 << 16, ..Config::default() };
    let bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (mut slow, from) = bench.identified(&session).await;
    let event = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(1 << 16));
    while bench.metrics.queue_overflows.get() == 0 {
        bench.publish(Audience::Everyone, &event).await;
    }
    assert_eq!(slow.end().await.0, 4403);
    let mut back = bench.connect().await;
    back.identify(&session.session_id, "json", Some(from)).await;
    let missed = back.event("RESUMED").await["d"]["replayed"].as_u64().unwrap();
    let mut seen = 0;
    while seen < missed {
        seen += 1;
        back.next().await;
    }
    assert!(missed > 2);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_for_its_age_alone() {
    let config = Config { hub_threads: 1, max_queue_age_ms: 200, ..Config::default() };
    let bench = Bench::with(config).await;
    let (mut slow, _) = bench.identified(&bench.session(1).await).await;
    let event = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(1 << 16));
    while bench.metrics.queued_bytes.get() == 0 {
        bench.publish(Audience::Everyone, &event).await;
    }
    while bench.metrics.queue_overflows.get() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(slow.end().await.0, 4403);
}

#[tokio::test]
async fn whoever_catches_up_hears_what_one_who_was_there_heard() {
    let bench = Arc::new(Bench::new().await);
    let session = bench.session(2).await;
    bench.session(1).await;
    bench.guild(1, 10).await;
    let (mut witness, _) = bench.identified(&session).await;
    let publisher = {
        let bench = bench.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                members::add(&bench.store, Caps::of(&bench.config), id(10), id(2)).await.unwrap();
                bench.publish(Audience::Guild(id(10)), r#"{"t":"HEARD"}"#).await;
                members::remove(&bench.store, Remover::User(id(2)), id(10), id(2)).await.unwrap();
                bench.publish(Audience::Guild(id(10)), r#"{"t":"NOT_HEARD"}"#).await;
            }
            bench.publish(Audience::Everyone, r#"{"t":"OVER"}"#).await
        })
    };
    let mut late = Vec::new();
    for _ in 0..10 {
        late.push(bench.identified(&session).await);
    }
    let over = publisher.await.unwrap().as_u64();
    let all = heard(&mut witness, over).await;
    assert!(all.iter().all(|(_, t)| t != "NOT_HEARD"));
    assert_eq!(all.iter().filter(|(_, t)| t == "HEARD").count(), 40);
    for (client, from) in &mut late {
        let mine: Vec<_> = all.iter().filter(|(seq, _)| seq > from).cloned().collect();
        assert_eq!(heard(client, over).await, mine);
        let mut back = bench.connect().await;
        back.identify(&session.session_id, "zlib", Some(*from)).await;
        back.event("RESUMED").await;
        assert_eq!(heard(&mut back, over).await, mine);
    }
}

/// Places and names of all events up to this place, but for presences.
async fn heard(client: &mut Client<TcpStream>, last: u64) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    loop {
        let event = client.next().await;
        let seq = event["s"].as_u64().unwrap();
        if event["t"] != "PRESENCE_UPDATE" {
            all.push((seq, event["t"].as_str().unwrap().to_owned()));
        }
        if seq >= last {
            return all;
        }
    }
}

#[tokio::test]
async fn a_slow_catch_up_survives_that_recent_entries_move_on() {
    let bench = Bench::with(Config { hub_threads: 1, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (client, from) = bench.identified(&session).await;
    drop(client);
    bench.emptied().await;
    let big = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(1 << 16));
    for _ in 0..80 {
        bench.publish(Audience::Users(vec![id(1)]), &big).await;
    }
    let mut slow = bench.connect().await;
    slow.identify(&session.session_id, "json", Some(from)).await;
    slow.event("RESUMED").await;
    // It reads no further until the ring no longer reaches back to where it stands.
    let drafts: Vec<_> = (0..1000).map(|_| draft(Audience::Users(vec![id(1)]), r#"{"t":"SMALL"}"#)).collect();
    let mut last = 0;
    for _ in 0..67 {
        last = bench.store.publish(drafts.clone(), None).await.unwrap().last().unwrap().as_u64();
    }
    let all = heard(&mut slow, last).await;
    assert_eq!(all.len(), 80 + 67_000);
    assert!(bench.metrics.catch_up_rounds.get() > 0);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[tokio::test]
async fn a_thread_that_lags_sends_its_connections_to_resume() {
    let bench = Bench::with(Config { hub_threads: 1, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (mut client, from) = bench.identified(&session).await;
    let entries: Vec<_> = (0..70_000)
        .map(|number| {
            draft(Audience::Everyone, r#"{"t":"FLOOD"}"#).place(Seq::new(from + 1_000 + number), UnixMillis::default())
        })
        .map(Arc::new)
        .collect();
    bench.hub.publish(&entries);
    assert_eq!(client.end().await.0, 4403);
}

#[tokio::test]
async fn a_revoked_session_hears_what_came_before_and_is_closed() {
    let bench = Bench::new().await;
    let (first, second) = (bench.session(1).await, bench.session(1).await);
    let (mut one, _) = bench.identified(&first).await;
    let (mut two, _) = bench.identified(&second).await;
    bench.publish(Audience::Everyone, r#"{"t":"BEFORE"}"#).await;
    sessions::revoke(&bench.store, first.id).await.unwrap();
    bench.publish(Audience::Everyone, r#"{"t":"AFTER"}"#).await;
    one.event("BEFORE").await;
    assert_eq!(one.end().await.0, 4102);
    two.event("BEFORE").await;
    two.event("AFTER").await;
    sessions::revoke_all_of(&bench.store, id(1)).await.unwrap();
    assert_eq!(two.end().await.0, 4102);
}

#[tokio::test]
async fn messages_are_counted_for_all_connections_of_a_user() {
    let bench = Bench::with(Config { hub_threads: 2, max_messages_per_minute: 10, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (mut one, _) = bench.identified(&session).await;
    let (mut two, _) = bench.identified(&session).await;
    for _ in 0..4 {
        one.say(r#"{"t":"PING","d":[1.0]}"#).await;
        assert_eq!(one.event("PONG").await["d"].to_string(), "[1.0]");
        two.say(r#"{"t":"PING"}"#).await;
        two.event("PONG").await;
    }
    // The identifies counted, too.
    one.say(r#"{"t":"PING"}"#).await;
    let (code, reason) = one.end().await;
    assert_eq!(code, 4008);
    assert!(reason.contains("\"ms\":"), "{reason}");
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
    assert!(!bench.hub.has_room());
    assert_eq!(refusal(&bench, "127.0.0.3").await, (503, Some("5".to_owned())));
}

/// With which status and Retry-After an upgrade from this address is refused.
async fn refusal(bench: &Bench, address: &str) -> (u16, Option<String>) {
    let (client, server, _) = Bench::tcp().await;
    bench.serve(Io::Tcp(server), address.parse().ok());
    match Client::upgrade(client, None).await {
        Err(Error::Http(response)) => {
            let after = response.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
            (response.status().as_u16(), after)
        }
        other => panic!("instead of a refusal: {:?}", other.map(|_| "an upgrade")),
    }
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
async fn a_drain_sends_everyone_away() {
    let bench = Bench::with(Config { hub_threads: 2, drain_ms: 300, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (client, _) = bench.identified(&session).await;
    let stranger = bench.connect().await;
    let away = [
        tokio::spawn(async move {
            let mut client = client;
            let reconnect = client.event("RECONNECT").await;
            assert_eq!(reconnect["d"]["url"], "ws://127.0.0.1:1/gateway");
            let (code, reason) = client.end().await;
            assert_eq!(reason, format!(r#"{{"r":"drain","ms":{}}}"#, reconnect["d"]["delay_ms"]));
            code
        }),
        tokio::spawn(async move {
            let mut stranger = stranger;
            stranger.end().await.0
        }),
    ];
    tokio::time::timeout(Duration::from_secs(20), bench.hub.drain()).await.unwrap();
    assert_eq!(bench.hub.connections(), 0);
    for task in away {
        assert_eq!(task.await.unwrap(), 4401);
    }
    assert_eq!(refusal(&bench, "127.0.0.1").await.0, 503);
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

#[tokio::test]
async fn presences_are_shown_to_the_guild_kept_and_bridged() {
    let config = Config { hub_threads: 2, presence_gather_ms: 10, presence_grace_ms: 100, ..Config::default() };
    let bench = Bench::with(config).await;
    let (watcher, shown) = (bench.session(1).await, bench.session(2).await);
    bench.guild(1, 10).await;
    members::add(&bench.store, Caps::of(&bench.config), id(10), id(2)).await.unwrap();
    let (mut watcher, _) = bench.identified(&watcher).await;
    presence_of(&mut watcher, 1, 1).await;

    let (mut first, _) = bench.identified(&shown).await;
    presence_of(&mut watcher, 2, 1).await;
    first.say(r#"{"t":"PRESENCE_UPDATE","d":{"type":3,"description":"busy"}}"#).await;
    assert_eq!(presence_of(&mut watcher, 2, 3).await["d"]["description"], "busy");
    // It was chosen for the next device, too, and that one shows once the first is gone.
    let (second, _) = bench.identified(&shown).await;
    bench.hub.choose_presence(id(2), Presence::of(PresenceKind::Idle)).await.unwrap();
    presence_of(&mut watcher, 2, 2).await;
    drop((first, second));
    presence_of(&mut watcher, 2, 4).await;
    let (_third, _) = bench.identified(&shown).await;
    presence_of(&mut watcher, 2, 2).await;
}

/// The next presence that the client hears, which has to be this one.
async fn presence_of(client: &mut Client<TcpStream>, user: u64, kind: u8) -> serde_json::Value {
    let presence = loop {
        let event = client.next().await;
        if event["t"] == "PRESENCE_UPDATE" {
            break event;
        }
    };
    assert_eq!((&presence["id"], &presence["d"]["type"]), (&user.into(), &kind.into()), "{presence}");
    presence
}

#[tokio::test]
async fn who_was_shown_when_the_node_went_down_goes_offline() {
    let config = Config { hub_threads: 1, presence_gather_ms: 10, presence_grace_ms: 50, ..Config::default() };
    let mut bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (client, _) = bench.identified(&session).await;
    let shown = || async { presences::shown_online(&bench.store).await.unwrap() };
    while shown().await.is_empty() {
        tokio::task::yield_now().await;
    }
    // The node goes down before it sees the client go.
    bench.hub.stop();
    drop(client);
    assert_eq!(presences::shown_online(&bench.store).await.unwrap(), [id(1)]);
    bench.restart_hub().await;
    while !presences::shown_online(&bench.store).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
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
