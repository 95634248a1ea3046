//! What is particular to a store that many machines share.

use sanmon_core::id::Id;

use super::loopback::{MAX_ENTRY_BYTES, Reach};
use super::*;
use crate::fields::Fields;
use crate::store::operator_keys::{NewKey, Scope};
use crate::store::sessions::{self, NewSession};
use crate::store::snapshot;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Less than anyone waits here for a log or a server that is away.
const AT_ONCE: Duration = Duration::from_secs(4);

async fn new_id(store: &Store) -> Id {
    store.write(|tx| Box::pin(async move { Ok(tx.new_id()) })).await.unwrap()
}

#[tokio::test]
async fn nodes_that_start_together_make_the_tables_once() {
    let url = ServerUrl::from(Postgres::shared().database());
    let config = Config { store_url: Some(url), ..Config::default() };
    let log = Loopback::new(Clock::start());
    let start = |number| Bench::of(Config { node: number, ..config.clone() }, Some(Arc::clone(&log)));
    let (one, two, three) = tokio::join!(start(Some(1)), start(Some(2)), start(Some(3)));
    for bench in [one, two, three] {
        new_id(&bench.store).await;
    }
}

#[tokio::test]
async fn nodes_write_one_after_the_other() {
    let one = Bench::new(On::Postgres).await;
    let two = one.neighbour().await;
    let write = async |bench: &Bench| {
        let emit = |number| {
            bench.store.write(move |tx| {
                Box::pin(async move {
                    let seq = tx.emit(draft(&format!(r#"{{"t":"X","d":{number}}}"#)));
                    Ok((seq, tx.new_id()))
                })
            })
        };
        let mut written = Vec::new();
        for number in 0..20 {
            written.push(emit(number).await.unwrap());
        }
        written
    };
    let (first, second) = tokio::join!(write(&one), write(&two));
    let mut all = [first, second].concat();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[1].0 == pair[0].0.next() && pair[1].1 > pair[0].1), "{all:?}");
    let texts = one.texts(0).await;
    assert_eq!((texts.len(), &texts), (40, &two.texts(0).await));
    // What was answered is in the log at its place, for each node the same.
    let places = |bench: &Bench| all.iter().map(|(number, _)| bench.store.log.place_of(*number)).collect::<Vec<_>>();
    assert_eq!(places(&one), places(&two));
    assert!(places(&one).windows(2).all(|pair| pair[1] == pair[0].next()));
}

#[tokio::test]
async fn a_publish_comes_after_the_change_that_was_answered() {
    let bench = Bench::new(On::Postgres).await;
    for _ in 0..20 {
        let number = bench.store.write(|tx| Box::pin(async move { Ok(tx.emit(draft(r#"{"t":"X"}"#))) })).await.unwrap();
        let published = bench.store.publish(drafts(1), None).await.unwrap();
        assert!(published[0] > bench.store.log.place_of(number));
    }
}

#[tokio::test]
async fn a_lost_connection_is_made_anew_unseen() {
    let bench = Bench::new(On::Postgres).await;
    let name = bench.database();
    for _ in 0..3 {
        new_id(&bench.store).await;
        count(&bench.store, "SELECT COUNT(*) FROM users").await;
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        Postgres::shared().query("postgres", &cut);
        count(&bench.store, "SELECT COUNT(*) FROM users").await;
        new_id(&bench.store).await;
        let told = bench.told().await.len();
        bench.store.write(|tx| Box::pin(async move { Ok(tx.emit(draft(r#"{"t":"X"}"#))) })).await.unwrap();
        assert_eq!(bench.told().await.len(), told + 1, "relayed on a new connection");
    }
}

#[tokio::test]
async fn a_server_that_starts_again_is_waited_for() {
    let mut server = Postgres::start();
    let config = Config { store_url: Some(server.database().into()), ..Config::default() };
    let bench = Bench::of(config, Some(Loopback::new(Clock::start()))).await;
    new_id(&bench.store).await;
    server.kill();
    let waits = tokio::spawn({
        let store = bench.store.clone();
        async move { store.write(|tx| Box::pin(async move { Ok(tx.emit(draft(r#"{"t":"X"}"#))) })).await }
    });
    // The log is elsewhere, and goes on.
    assert_eq!(bench.store.publish(drafts(1), None).await.map(|seqs| seqs.len()), Ok(1));
    let restarted = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let _server = restarted.await.unwrap();
    waits.await.unwrap().unwrap();
    assert_eq!(bench.told().await.len(), 2);
}

#[tokio::test]
async fn who_comes_while_the_server_stays_away_is_told_so() {
    let mut server = Postgres::start();
    let config = Config { store_url: Some(server.database().into()), ..Config::default() };
    let bench = Bench::of(config, Some(Loopback::new(Clock::start()))).await;
    server.kill();
    let write = || bench.store.write(|tx| Box::pin(async move { Ok(tx.new_id()) }));
    let read = async || bench.store.read().await.map(drop);
    let (written, read) = tokio::join!(write(), read());
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    assert!(matches!(read, Err(StoreError::Busy | StoreError::Unavailable(_))), "{read:?}");
    // Who comes later does not wait as long.
    let at_once = tokio::time::timeout(AT_ONCE, write()).await;
    assert!(matches!(at_once, Ok(Err(StoreError::Unavailable(_)))), "{at_once:?}");
    server.restart();
    tokio::time::timeout(Duration::from_secs(20), stored(write)).await.expect("it is tried all the time");
}

#[tokio::test]
async fn who_comes_while_the_server_is_silent_is_told_so_at_once() {
    let mut server = Postgres::start();
    let config = Config { store_url: Some(server.database().into()), ..Config::default() };
    let bench = Bench::of(config, Some(Loopback::new(Clock::start()))).await;
    let address = server.address();
    server.kill();
    // Connections come about, and nothing is ever said.
    let silent = std::net::TcpListener::bind(address).unwrap();
    let write = || bench.store.write(|tx| Box::pin(async move { Ok(tx.new_id()) }));
    let written = write().await;
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    // For longer than a try takes, and than it is between two sweeps.
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    for _ in 0..28 {
        ticks.tick().await;
        let at_once = tokio::time::timeout(Duration::from_secs(1), write()).await;
        assert!(matches!(at_once, Ok(Err(StoreError::Unavailable(_)))), "{at_once:?}");
    }
    drop(silent);
    server.restart();
    tokio::time::timeout(Duration::from_secs(20), stored(write)).await.expect("it is tried all the time");
}

/// Writes until that works.
async fn stored<T, F: Future<Output = Result<T, StoreError>>>(write: impl Fn() -> F) {
    while write().await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_node_relays() {
    let bench = Bench::new(On::Postgres).await;
    let (mut outbox, mut other) = (bench.store.outbox().unwrap(), bench.store.outbox().unwrap());
    bench.store.write(|tx| Box::pin(async move { Ok(tx.emit(draft(r#"{"t":"X"}"#))) })).await.unwrap();
    let asks = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'SELECT pg_try_advisory_lock%'",
        bench.database()
    );
    let mut askers = Vec::new();
    for _ in 0..3 {
        assert!(outbox.lead().await.unwrap().is_none(), "the bench does");
        askers.push(Postgres::shared().query("postgres", &asks));
    }
    assert!(askers.iter().all(|asker| asker.parse() == Ok::<u32, _>(askers[0].parse().unwrap())), "{askers:?}");
    // One that was lost while it waited is made anew, unseen.
    Postgres::shared().query("postgres", &format!("SELECT pg_terminate_backend({})", askers[0]));
    assert!(outbox.lead().await.unwrap().is_none());
    let Bench { store, shared, .. } = bench;
    drop(shared);
    let relaying = loop {
        // The server notices a little later that the connection is gone.
        if let Some(relaying) = outbox.lead().await.unwrap() {
            break relaying;
        }
        tokio::task::yield_now().await;
    };
    assert!(other.lead().await.unwrap().is_none());
    drop(relaying);
    assert_eq!(count(&store, "SELECT COUNT(*) FROM log").await, 0);
}

#[tokio::test]
async fn who_relays_stays_while_the_log_is_slow_and_not_while_it_hangs() {
    let bench = Bench::new(On::Postgres).await;
    let (mut outbox, mut other) = (bench.store.outbox().unwrap(), bench.store.outbox().unwrap());
    let Bench { store: _store, shared, .. } = bench;
    drop(shared);
    let mut relaying = loop {
        if let Some(relaying) = outbox.lead().await.unwrap() {
            break relaying;
        }
        tokio::task::yield_now().await;
    };
    // Longer than the server waits for a word.
    let slow = || tokio::task::spawn_blocking(|| Postgres::shared().query("postgres", "SELECT pg_sleep(4)"));
    relaying.beside(slow()).await.unwrap().unwrap();
    assert!(other.lead().await.unwrap().is_none());
    relaying.after(ChangeNumber::default(), 1).await.unwrap();
    slow().await.unwrap();
    let lost = relaying.after(ChangeNumber::default(), 1).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    assert!(other.lead().await.unwrap().is_some());
}

#[tokio::test]
async fn a_change_waits_for_no_log_that_is_known_to_be_out_of_reach() {
    let bench = Bench::new(On::Postgres).await;
    let log = Arc::clone(&bench.shared.as_ref().unwrap().0);
    let emit = async |number: u64| {
        let event = draft(&format!(r#"{{"t":"X","d":{number}}}"#));
        bench.store.write(move |tx| Box::pin(async move { Ok(tx.emit(event)) })).await.unwrap()
    };
    let waiting = async || count(&bench.store, "SELECT COUNT(*) FROM log").await;
    emit(0).await;
    // It is in the log before it is gone from the outbox.
    let relayed = async {
        while waiting().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, relayed).await.expect("an empty outbox");
    log.set(Reach::Out);
    let at_once = async |number| tokio::time::timeout(AT_ONCE, emit(number)).await.expect("an answer at once");
    let first = at_once(1).await;
    assert_eq!(at_once(2).await, first.next());
    assert_eq!(waiting().await, 2, "they wait in the outbox");
    assert_eq!(bench.told.lock().unwrap().len(), 1);
    log.set(Reach::Near);
    log.poke();
    emit(3).await;
    let texts = bench.texts(0).await;
    let numbers: Vec<_> =
        texts.iter().map(|text| text.split(r#""d":"#).nth(1).unwrap().split(['}', ',']).next()).collect();
    assert_eq!(numbers, ["0", "1", "2", "3"].map(Some), "{texts:?}");
}

#[tokio::test]
async fn who_waits_for_the_log_keeps_nobody_from_reading() {
    let bench = Bench::new(On::Postgres).await;
    let log = Arc::clone(&bench.shared.as_ref().unwrap().0);
    let user = Id::new(7).unwrap();
    let new = NewSession { id: Some(user), user: Fields::parse(r#"{"username":"a"}"#).unwrap(), expires_in: None };
    let session = sessions::create(&bench.store, new).await.unwrap();
    log.set(Reach::Out);
    let number = bench.store.write(|tx| Box::pin(async move { Ok(tx.emit(draft(r#"{"t":"X"}"#))) })).await.unwrap();
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let store = bench.store.clone();
            tokio::spawn(async move { snapshot::snapshot(&store, user).await })
        })
        .collect();
    // Each of these comes behind all who wait.
    for _ in 0..3 {
        let found = sessions::authenticate(&bench.store, &session.session_id);
        let found = tokio::time::timeout(Duration::from_secs(3), found).await.expect("an answer at once");
        assert_eq!(found.unwrap().map(|found| found.user), Some(user));
    }
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    log.set(Reach::Near);
    for snapshot in waiting {
        let snapshot = snapshot.await.unwrap().unwrap().unwrap();
        assert!(snapshot.head >= bench.store.log.place_of(number));
    }
}

#[tokio::test]
async fn numbers_outgrow_those_that_the_log_knows() {
    let bench = Bench::new(On::Postgres).await;
    let emit =
        async |bench: &Bench| bench.store.write(|tx| Box::pin(async move { Ok(tx.emit(draft(r#"{"t":"X"}"#))) })).await;
    let first = emit(&bench).await.unwrap();
    // As a database does that was restored from a copy.
    let restore = bench.store.write(|tx| {
        Box::pin(async move {
            sqlx::query("UPDATE log_state SET last_seq = last_seq - 1000").execute(tx.conn()).await?;
            Ok(())
        })
    });
    restore.await.unwrap();
    let bench = bench.again().await;
    bench.told().await;
    let outgrown = async {
        while count(&bench.store, "SELECT last_seq FROM log_state").await < first.as_i64() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, outgrown).await.unwrap();
    assert_eq!(emit(&bench).await.unwrap(), first.next());
    assert_eq!(bench.texts(0).await.len(), 2);
}

#[tokio::test]
async fn what_the_log_would_never_take_is_refused() {
    let bench = Bench::new(On::Postgres).await;
    let emit = |bytes: usize| {
        let event = format!(r#"{{"t":"X","d":"{}"}}"#, "x".repeat(bytes));
        bench.store.write(move |tx| Box::pin(async move { Ok(tx.emit(draft(&event))) }))
    };
    let (small, large, last) = tokio::join!(emit(10), emit(MAX_ENTRY_BYTES), emit(10));
    assert!(matches!(large, Err(StoreError::Refused(Refusal::Invalid { .. }))), "{large:?}");
    assert_eq!(last.unwrap(), small.unwrap().next());
    assert_eq!(bench.texts(0).await.len(), 2);
}

#[tokio::test]
async fn what_can_not_be_stored_is_refused_and_harms_nobody() {
    let bench = Bench::new(On::Postgres).await;
    let name = |name: &str| {
        let made = crate::store::operator_keys::create(
            &bench.store,
            NewKey { name: name.to_owned(), scopes: vec![Scope::Act], expires_in: None },
        );
        async { made.await.map(drop) }
    };
    let (zero, good) = tokio::join!(name("a\0b"), name("ab"));
    assert!(matches!(zero, Err(StoreError::Refused(Refusal::Invalid { .. }))), "{zero:?}");
    assert_eq!(good, Ok(()));
}

#[tokio::test]
async fn what_can_not_be_reached_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { data: folder.path().join("data"), ..Config::default() };
    let url: ServerUrl = "postgres://sanmon:geheim@127.0.0.1:1/sanmon".parse().unwrap();
    let log: Arc<dyn SharedLog> = Loopback::new(Clock::start());
    let error = Store::join(&config, &url, Clock::start(), Arc::new(|_| {}), log).await.unwrap_err().to_string();
    assert!(error.starts_with("PostgreSQL at postgres://sanmon:***@127.0.0.1:1/sanmon can't be used: "), "{error}");
    assert!(!error.contains("geheim"), "{error}");
}
