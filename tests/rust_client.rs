//! The client for Rust programs against a real server in the same process.

use std::time::Duration;

use futures_util::StreamExt;
use harness::{Api, Authority};
use sanmon::client::{Builder, Client, ConnectError, EndReason, Ended, Trust, Update};
use sanmon::config::{Address, Config};
use sanmon::server::Server;
use sanmon_core::codec::Encoding;
use sanmon_core::event::{Presence, PresenceKind};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

struct Site {
    folder: TempDir,
    config: Config,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            admin_listen: Vec::new(),
            data: folder.path().join("data"),
            drain_ms: 100,
            ..Config::default()
        };
        Self { folder, config }
    }

    /// Starts the server, the second time where it was the first.
    async fn start(&mut self) -> Server {
        let server = Server::start(self.config.clone()).await.unwrap();
        self.config.listen = server.addresses().to_vec();
        server
    }
}

fn url(server: &Server) -> String {
    let Address::Tcp(address) = &server.addresses()[0] else { panic!("a TCP address") };
    format!("http://{address}")
}

fn api(server: &Server) -> Api {
    Api::over_unix(&server.control_socket())
}

async fn session(server: &Server) -> String {
    let new = json!({ "user": { "id": 1, "username": "ada" } });
    let minted = api(server).post("/sessions", new).await.expect(201);
    minted["session_id"].as_str().unwrap().to_owned()
}

async fn publish(server: &Server, name: &str) {
    let event = json!({ "t": name, "d": {}, "to": { "users": [1] } });
    api(server).post("/publish", json!({ "events": [event] })).await.expect(200);
}

/// The next update that is neither a state nor trouble.
async fn next(client: &mut Client) -> Update {
    loop {
        match timeout(PATIENCE, client.next()).await.expect("an update").expect("the client has not ended") {
            Update::State(_) | Update::Trouble(_) => {}
            update => return update,
        }
    }
}

#[track_caller]
fn name(update: &Update) -> &str {
    match update {
        Update::Event(event) => event.t().as_str(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn events_come_in_both_encodings_and_over_a_unix_socket() {
    let mut site = Site::new();
    let server = site.start().await;
    let session_id = session(&server).await;
    let builder = || Client::builder(url(&server)).session(&*session_id);
    for builder in [builder(), builder().encoding(Encoding::Zlib), builder().unix_socket(server.control_socket())] {
        let mut client = builder.connect().unwrap();
        assert_eq!(name(&next(&mut client).await), "READY");
        publish(&server, "HELLO").await;
        while name(&next(&mut client).await) != "HELLO" {}
        client.close().await;
        while !matches!(next(&mut client).await, Update::Ended(EndReason::Stopped)) {}
        assert!(client.next().await.is_none());
    }
}

#[tokio::test]
async fn a_client_outlives_its_server_and_misses_nothing() {
    let mut site = Site::new();
    let server = site.start().await;
    let session_id = session(&server).await;
    let mut client = Client::builder(url(&server)).session(session_id).connect().unwrap();
    assert_eq!(name(&next(&mut client).await), "READY");
    publish(&server, "ONE").await;
    while name(&next(&mut client).await) != "ONE" {}
    server.drain().await;
    publish(&server, "TWO").await;
    server.stop().await;

    let server = site.start().await;
    publish(&server, "THREE").await;
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last| last != "THREE") {
        let update = next(&mut client).await;
        seen.extend(Some(name(&update).to_owned()).filter(|name| name != "PRESENCE_UPDATE"));
    }
    assert_eq!(seen, ["RESUMED", "TWO", "THREE"]);
    drop(site.folder);
}

#[tokio::test]
async fn a_revoked_session_ends_the_client() {
    let mut site = Site::new();
    let server = site.start().await;
    let session_id = session(&server).await;
    let mut client = Client::builder(url(&server)).session(session_id).connect().unwrap();
    assert_eq!(name(&next(&mut client).await), "READY");
    api(&server).delete("/users/1/sessions").await.expect(204);
    loop {
        match next(&mut client).await {
            Update::Ended(EndReason::Refused { code, .. }) => break assert_eq!(code, 4102),
            update => assert_eq!(name(&update), "PRESENCE_UPDATE"),
        }
    }
    assert_eq!(client.set_presence(Presence::of(PresenceKind::Idle)).await, Err(Ended));
}

#[tokio::test]
async fn a_chosen_presence_is_shown() {
    let mut site = Site::new();
    let server = site.start().await;
    let session_id = session(&server).await;
    let mut client = Client::builder(url(&server)).session(session_id).connect().unwrap();
    assert_eq!(name(&next(&mut client).await), "READY");
    client.set_presence(Presence::of(PresenceKind::DoNotDisturb)).await.unwrap();
    loop {
        let Update::Event(event) = next(&mut client).await else { panic!("an event") };
        if event.d().is_some_and(|d| d.get().contains(r#""type":3"#)) {
            break assert_eq!(event.t().as_str(), "PRESENCE_UPDATE");
        }
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_and_only_then() {
    let mut site = Site::new();
    let authority = Authority::new();
    let trusted = site.folder.path().join("authority.pem");
    std::fs::write(&trusted, authority.pem()).unwrap();
    let (cert, key) = authority.issue(site.folder.path());
    (site.config.tls_cert, site.config.tls_key) = (Some(cert), Some(key));
    let server = site.start().await;
    let session_id = session(&server).await;
    let builder = Client::builder(url(&server).replace("http", "wss") + "/gateway").session(session_id);

    let mut client = builder.clone().trust(Trust::only_file(&trusted).unwrap()).connect().unwrap();
    assert_eq!(name(&next(&mut client).await), "READY");

    let mut stranger = builder.trust(Trust::Only(Vec::new())).connect().unwrap();
    loop {
        match timeout(PATIENCE, stranger.next()).await.unwrap().unwrap() {
            Update::Trouble(error) => break assert!(matches!(error, ConnectError::Io { .. }), "{error}"),
            Update::State(_) => {}
            update => panic!("{update:?}"),
        }
    }
}

#[test]
fn what_no_second_try_can_mend_is_said_at_once() {
    let refused = |builder: Builder| builder.connect().unwrap_err();
    assert!(matches!(refused(Client::builder("chat.example").session("1.x")), ConnectError::BadAddress(_)));
    assert!(matches!(refused(Client::builder("https://chat.example")), ConnectError::NoSession));
}
