//! Nodes of one cluster, over a real nats-server and a real PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_core::id::Id;
use sanmon_engines::{Nats as Server, Postgres};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::fields::Fields;
use crate::node::{Node, OpenError};
use crate::store::guilds::{self, Caps};
use crate::store::sessions::{self, NewSession};
use crate::store::{IdempotencyKey, Publisher, Refusal, StoreError, members, snapshot};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What nodes share.
struct Engines {
    nats: Server,
    database: String,
}

/// A node and its folder.
struct Own {
    node: Arc<Node>,
    config: Config,
    _folder: TempDir,
}

impl Engines {
    fn start() -> Self {
        Self { nats: Server::start(), database: Postgres::shared().database() }
    }

    fn config(&self, folder: &TempDir) -> Config {
        Config {
            data: folder.path().join("data"),
            store_url: Some(self.database.parse().unwrap()),
            nats_url: vec![self.nats.url().parse().unwrap()],
            hub_threads: 1,
            ..Config::default()
        }
    }

    async fn node(&self) -> Own {
        let folder = tempfile::tempdir().unwrap();
        let config = self.config(&folder);
        let node = timeout(PATIENCE, Node::open(config.clone(), &[])).await.unwrap().unwrap();
        Own { node, config, _folder: folder }
    }
}

impl Own {
    async fn again(self) -> Self {
        let Self { node, config, _folder } = self;
        node.close().await;
        drop(node);
        let node = timeout(PATIENCE, Node::open(config.clone(), &[])).await.unwrap().unwrap();
        Self { node, config, _folder }
    }

    /// Waits until the node has met the entry at this place, and gives what it knows behind `after`.
    async fn reads(&self, after: Seq, through: Seq) -> Vec<Arc<Entry>> {
        timeout(PATIENCE, self.node.store.caught_up_with(through)).await.expect("the entry arrives");
        let places: Vec<Seq> = (after.as_u64() + 1..=through.as_u64()).map(Seq::new).collect();
        snapshot::entries(&self.node.store, &places).await.unwrap()
    }

    async fn say(&self, text: &str) -> Result<Seq, StoreError> {
        let key = IdempotencyKey::new(Publisher::ControlSocket, text, text.as_bytes());
        Ok(self.node.store.publish(vec![said(text)], Some(key)).await?[0])
    }

    /// Says it until it is said, as a publisher with a key does.
    async fn insist(&self, text: &str) -> Seq {
        let saying = async {
            loop {
                match self.say(text).await {
                    Ok(place) => return place,
                    Err(StoreError::Unavailable(_) | StoreError::Log(_) | StoreError::Busy) => {
                        sleep(Duration::from_millis(20)).await
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        timeout(PATIENCE, saying).await.expect("it is said in the end")
    }

    async fn user(&self, number: u64) {
        let user = Fields::parse(r#"{"username":"someone"}"#).unwrap();
        sessions::create(&self.node.store, NewSession { id: Some(id(number)), user, expires_in: None }).await.unwrap();
    }

    async fn guild(&self, owner: u64, number: u64) {
        let fields = Fields::parse(r#"{"name":"g"}"#).unwrap();
        guilds::create(&self.node.store, Caps::of(&self.config), id(owner), Some(id(number)), fields).await.unwrap();
    }

    async fn init(&self, user: u64) -> (Seq, String) {
        let snapshot = snapshot::snapshot(&self.node.store, id(user)).await.unwrap().unwrap();
        (snapshot.head, snapshot.inits.first().map_or(String::new(), |init| init.text().to_owned()))
    }
}

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn said(text: &str) -> Draft {
    Draft::new(format!(r#"{{"t":"SAID","d":{{"text":"{text}"}}}}"#).parse().unwrap(), Audience::Guild(id(50)))
}

fn text(entry: &Entry) -> &str {
    entry.dispatch.as_ref().map_or("", |dispatch| dispatch.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_takes_all_nodes_tell() {
    let engines = Engines::start();
    let (one, two) = (engines.node().await, engines.node().await);
    assert_ne!(one.node.config.node, two.node.config.node);
    let start = one.node.store.head();
    one.user(1).await;
    two.user(2).await;
    one.guild(1, 50).await;
    // A state that was read holds up to its place, wherever it is read.
    for own in [&two, &one] {
        let (head, init) = own.init(1).await;
        assert!(head > start && init.contains(r#""id":50"#), "{init}");
    }
    members::add(&two.node.store, Caps::of(&two.config), id(50), id(2)).await.unwrap();
    let said = two.say("hello").await.unwrap();
    let names = |entries: &[Arc<Entry>]| -> Vec<String> {
        entries.iter().map(|entry| text(entry).split('"').nth(3).unwrap_or_default().to_owned()).collect()
    };
    let joined = async {
        let mut seen = names(&one.reads(start, said).await);
        while !seen.iter().any(|name| name == "GUILD_MEMBER_ADD") {
            seen = names(&one.reads(start, one.node.store.head()).await);
        }
    };
    timeout(PATIENCE, joined).await.expect("the change arrives");
    let head = one.node.store.head().max(two.node.store.head());
    let (from_one, from_two) = (one.reads(start, head).await, two.reads(start, head).await);
    for name in ["GUILD_CREATE", "GUILD_JOIN", "GUILD_MEMBER_ADD", "SAID"] {
        assert_eq!(names(&from_one).iter().filter(|seen| *seen == name).count(), 1, "{name}");
    }
    for (entry, same) in from_one.iter().zip(&from_two) {
        assert_eq!((entry.seq, text(entry), &entry.change), (same.seq, text(same), &same.change));
    }
    assert!(from_one.iter().any(|entry| entry.change == Some(Change::Joined { guild: id(50), user: id(2) })));
    // The same after a restart, when the whole log is read again.
    let two = two.again().await;
    for (entry, same) in from_one.iter().zip(&two.reads(start, head).await) {
        assert_eq!((entry.seq, text(entry)), (same.seq, text(same)));
    }
    let missed = snapshot::missed(&two.node.store, id(2), start).await.unwrap().unwrap();
    assert_eq!(missed.guilds, [id(50)]);
    one.node.close().await;
    two.node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_the_same_at_every_node() {
    let engines = Engines::start();
    let (one, two) = (engines.node().await, engines.node().await);
    let first = one.say("once").await.unwrap();
    assert_eq!(two.say("once").await.unwrap(), first);
    let key = IdempotencyKey::new(Publisher::ControlSocket, "once", b"something else");
    let other = two.node.store.publish(vec![said("else")], Some(key)).await;
    assert!(
        matches!(other, Err(StoreError::Refused(Refusal::Conflict { code: "idempotency_mismatch", .. }))),
        "{other:?}"
    );
    let next = two.say("twice").await.unwrap();
    assert_eq!(one.reads(first, next).await.len(), 1);
    one.node.close().await;
    two.node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_while_nats_is_killed() {
    let mut engines = Engines::start();
    let (one, two) = (engines.node().await, engines.node().await);
    let start = one.node.store.head();
    one.user(1).await;
    one.guild(1, 50).await;
    let mut said = Vec::new();
    for round in 0..3 {
        for number in 0..30 {
            said.push((one.insist(&format!("event {round} {number}")).await, format!("event {round} {number}")));
            two.user(1000 * (round + 1) + number).await;
            members::add(&two.node.store, Caps::of(&two.config), id(50), id(1000 * (round + 1) + number))
                .await
                .unwrap();
            if number == 20 {
                tokio::task::block_in_place(|| engines.nats.kill());
                let refused = one.say("while it is down").await;
                assert!(matches!(refused, Err(StoreError::Log(_))), "{refused:?}");
                // Changes wait in the outbox meanwhile.
                two.user(9000 + round).await;
                tokio::task::block_in_place(|| engines.nats.restart());
            }
        }
    }
    let last = one.insist("the last").await;
    let joins = |entries: &[Arc<Entry>]| {
        entries.iter().filter(|entry| matches!(entry.change, Some(Change::Joined { .. }))).count()
    };
    let mut entries = one.reads(start, last).await;
    let arriving = async {
        // The owner's is one more.
        while joins(&entries) < 91 {
            entries = one.reads(start, one.node.store.head()).await;
        }
    };
    timeout(PATIENCE, arriving).await.expect("all changes arrive");
    assert_eq!(joins(&entries), 91);
    let users: Vec<Id> = entries
        .iter()
        .filter_map(|entry| match entry.change {
            Some(Change::Joined { user, .. }) => Some(user),
            _ => None,
        })
        .collect();
    assert!(users.is_sorted(), "changes stand in the order of their commits");
    for (place, what) in &said {
        let at: Vec<Seq> = entries
            .iter()
            .filter(|entry| text(entry).contains(&format!("\"{what}\"")))
            .map(|entry| entry.seq)
            .collect();
        assert_eq!(at, [*place], "{what}");
    }
    let head = one.node.store.head();
    for (entry, same) in two.reads(start, head).await.iter().zip(&one.reads(start, head).await) {
        assert_eq!((entry.seq, text(entry)), (same.seq, text(same)));
    }
    one.node.close().await;
    two.node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_relays_when_the_one_that_did_is_gone() {
    let engines = Engines::start();
    let (one, two) = (engines.node().await, engines.node().await);
    let start = two.node.store.head();
    one.user(1).await;
    one.guild(1, 50).await;
    two.init(1).await;
    one.node.close().await;
    let changing = async {
        for number in 2..20 {
            two.user(number).await;
            members::add(&two.node.store, Caps::of(&two.config), id(50), id(number)).await.unwrap();
        }
        // Waits until the last of them is in the log.
        while two.init(1).await.0 < two.node.store.head() {}
    };
    timeout(PATIENCE, changing).await.expect("the other one relays");
    let entries = two.reads(start, two.node.store.head()).await;
    let joins = entries.iter().filter(|entry| matches!(entry.change, Some(Change::Joined { .. }))).count();
    assert_eq!(joins, 19);
    two.node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_replaced_begins_anew() {
    let engines = Engines::start();
    let own = engines.node().await;
    own.user(1).await;
    own.guild(1, 50).await;
    let before = own.say("before").await.unwrap();
    own.reads(Seq::new(before.as_u64() - 1), before).await;
    let client = async_nats::connect(engines.nats.url()).await.unwrap();
    async_nats::jetstream::new(client).delete_stream("SANMON").await.unwrap();
    let after = own.insist("after").await;
    assert!(after > before);
    assert_eq!(text(&own.reads(Seq::new(after.as_u64() - 1), after).await[0]).matches("after").count(), 1);
    assert!(own.node.metrics.log_begun_anew.get() >= 1);
    assert!(snapshot::missed(&own.node.store, id(1), before).await.unwrap().is_none(), "its client starts anew");
    let (head, init) = own.init(1).await;
    assert!(head > before && init.contains(r#""id":50"#), "{init}");
    own.guild(1, 51).await;
    own.init(1).await;
    own.node.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lacks_something_says_what() {
    let folder = tempfile::tempdir().unwrap();
    let engines = Engines { nats: Server::start_with("max_payload: 65536"), database: Postgres::shared().database() };
    let config = engines.config(&folder);
    let small = Node::open(config.clone(), &[]).await.unwrap_err();
    assert!(matches!(small, OpenError::Stream(_)), "{small}");
    assert!(small.to_string().contains("max_payload"), "{small}");
    let nowhere = Config { store_url: Some("postgres://127.0.0.1:1/nowhere".parse().unwrap()), ..config };
    let nowhere = Config { max_body_bytes: 65_536, ..nowhere };
    let error = Node::open(nowhere, &[]).await.unwrap_err();
    assert!(matches!(error, OpenError::Server(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_relayed_is_counted_to_its_end() {
    let engines = Engines::start();
    let own = engines.node().await;
    let figures = &own.node.metrics;
    let until = async |what: &str, holds: &(dyn Fn() -> bool + Sync)| {
        let holding = async {
            while !holds() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, holding).await.unwrap_or_else(|_| panic!("{what}"));
    };
    // What is answered was relayed.
    own.user(1).await;
    own.guild(1, 50).await;
    // More than are read at once, in a log that takes none of them yet.
    engines.nats.freeze();
    let write = own.node.store.write(|tx| {
        Box::pin(async move {
            for _ in 0..1234 {
                tx.emit(said("x"));
            }
            Ok(())
        })
    });
    let counted = async {
        until("they are counted", &|| figures.relay_backlog.get() == 1234).await;
        engines.nats.thaw();
    };
    let (written, ()) = tokio::join!(write, counted);
    written.unwrap();
    until("none waits", &|| figures.relay_backlog.get() == 0).await;
}
