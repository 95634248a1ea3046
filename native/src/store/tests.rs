//! The store's base from outside: commits, refusals, order, faults, and opening again.

mod loopback;
mod postgres;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sanmon_core::audience::Audience;
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_core::id::Id;
use sanmon_engines::Postgres;
use tempfile::TempDir;
use test_case::test_matrix;

use self::loopback::{Attached, Loopback};
use super::{FolderError, IdempotencyKey, OnCommit, Publisher, Refusal, Store, StoreError, Tx};
use crate::clock::Clock;
use crate::config::{Config, ServerUrl};
use crate::log::{ChangeNumber, SharedLog, rows};

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The file of one machine.
    Sqlite,
    /// A database of a server that the tests of this process share.
    Postgres,
}

/// A store of its own, and what it told of.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) config: Config,
    told: Arc<Mutex<Vec<Arc<Entry>>>>,
    /// The log, where it is not the store's own.
    shared: Option<(Arc<Loopback>, Attached)>,
    folder: TempDir,
}

impl Bench {
    pub(super) async fn new(on: On) -> Self {
        Self::with(on, Config::default()).await
    }

    pub(super) async fn with(on: On, config: Config) -> Self {
        let store_url = match on {
            On::Sqlite => None,
            On::Postgres => Some(ServerUrl::from(Postgres::shared().database())),
        };
        let config = Config { store_url, ..config };
        let log = config.store_url.is_some().then(|| Loopback::new(Clock::start()));
        Self::of(config, log).await
    }

    /// Another node that shares this one's database and log.
    async fn neighbour(&self) -> Self {
        let log = self.shared.as_ref().map(|(log, _)| Arc::clone(log));
        Self::of(Config { node: Some(9), ..self.config.clone() }, log).await
    }

    async fn of(config: Config, log: Option<Arc<Loopback>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().join("data"), ..config };
        let told = Arc::default();
        let (store, shared) = begin(&config, &told, log).await;
        Self { store, config, told, shared, folder }
    }

    /// Closes the store and opens it again.
    pub(super) async fn again(self) -> Self {
        self.store.close().await;
        let Self { store, config, told, shared, folder } = self;
        drop(store);
        let log = shared.map(|(log, _)| log);
        if let Some(log) = &log {
            log.detach(config.log_max_entries);
        }
        let (store, shared) = begin(&config, &told, log).await;
        Self { store, config, told, shared, folder }
    }

    /// The name of its database on the server that the tests share.
    fn database(&self) -> String {
        let url = self.config.store_url.as_ref().unwrap().secret();
        url.rsplit('/').next().unwrap().to_owned()
    }

    /// All entries that were told of, with everything that is committed.
    pub(super) async fn told(&self) -> Vec<Arc<Entry>> {
        let last = rows::head(&mut self.store.read().await.unwrap()).await.unwrap();
        self.store.log.reach(last).await.unwrap();
        self.told.lock().unwrap().clone()
    }

    /// The texts of all entries that were told of, from the `from`th on.
    pub(super) async fn texts(&self, from: usize) -> Vec<String> {
        let text = |entry: &Arc<Entry>| entry.dispatch.as_ref().map_or("", |event| event.text()).to_owned();
        self.told().await[from..].iter().map(text).collect()
    }
}

async fn begin(
    config: &Config,
    told: &Arc<Mutex<Vec<Arc<Entry>>>>,
    log: Option<Arc<Loopback>>,
) -> (Store, Option<(Arc<Loopback>, Attached)>) {
    let Some(log) = log else { return (open(config, told).await.unwrap(), None) };
    let url = config.store_url.as_ref().unwrap();
    let shared: Arc<dyn SharedLog> = Arc::<Loopback>::clone(&log);
    let store = Store::join(config, url, Clock::start(), tell(told), shared).await.unwrap();
    let attached = log.attach(&store).await;
    (store, Some((log, attached)))
}

async fn open(config: &Config, told: &Arc<Mutex<Vec<Arc<Entry>>>>) -> Result<Store, FolderError> {
    Store::open(config, Clock::start(), tell(told)).await
}

fn tell(told: &Arc<Mutex<Vec<Arc<Entry>>>>) -> OnCommit {
    let told = Arc::clone(told);
    Arc::new(move |entries| told.lock().unwrap().extend_from_slice(entries))
}

pub(super) fn draft(json: &str) -> Draft {
    Draft::new(json.parse().unwrap(), Audience::Everyone)
}

fn drafts(count: usize) -> Vec<Draft> {
    (0..count).map(|number| draft(&format!(r#"{{"t":"X","d":{number}}}"#))).collect()
}

async fn count(store: &Store, sql: &'static str) -> i64 {
    let mut read = store.read().await.unwrap();
    sqlx::query_scalar(sql).fetch_one(&mut *read).await.unwrap()
}

#[test_matrix([On::Sqlite, On::Postgres])]
#[tokio::test]
async fn a_publish_is_told_of_in_the_order_of_its_places(on: On) {
    let bench = Bench::new(on).await;
    let publishes = (0..50).map(|_| {
        let store = bench.store.clone();
        tokio::spawn(async move { store.publish(drafts(7), None).await.unwrap() })
    });
    let mut seqs = Vec::new();
    for publish in publishes.collect::<Vec<_>>() {
        let own = publish.await.unwrap();
        assert!(own.windows(2).all(|pair| pair[1] == pair[0].next()));
        seqs.extend(own);
    }
    seqs.sort_unstable();
    let told: Vec<Seq> = bench.told().await.iter().map(|entry| entry.seq).collect();
    assert_eq!(told, seqs);
    assert!(told.windows(2).all(|pair| pair[1] == pair[0].next()));
    assert_eq!(bench.store.head(), *told.last().unwrap());
    let stored = if on == On::Sqlite { 350 } else { 0 };
    assert_eq!(count(&bench.store, "SELECT COUNT(*) FROM log").await, stored);
}

#[test_matrix([On::Sqlite, On::Postgres])]
#[tokio::test]
async fn a_refusal_takes_back_itself_alone(on: On) {
    let bench = Bench::new(on).await;
    let write = |id: i64, refuse: bool| {
        bench.store.write(move |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO users (id, data) VALUES ($1, '{}')").bind(id).execute(tx.conn()).await?;
                let seq = tx.emit(draft(&format!(r#"{{"t":"X","d":{id}}}"#)));
                if refuse { Err(Refusal::invalid("no").into()) } else { Ok(seq) }
            })
        })
    };
    let (first, refused, last) = tokio::join!(write(1, false), write(2, true), write(3, false));
    assert_eq!(refused, Err(StoreError::Refused(Refusal::invalid("no"))));
    assert_eq!(last.unwrap(), first.unwrap().next());
    assert_eq!(bench.told().await.len(), 2);
    assert_eq!(count(&bench.store, "SELECT CAST(SUM(id) AS BIGINT) FROM users").await, 4);
}

#[test_matrix([On::Sqlite, On::Postgres])]
#[tokio::test]
async fn a_change_that_panics_or_breaks_sql_harms_nobody(on: On) {
    let bench = Bench::new(on).await;
    let panics = bench.store.write::<(), _>(|tx| {
        tx.emit(draft(r#"{"t":"LOST"}"#));
        Box::pin(async { panic!("a bug, on purpose") })
    });
    let panics_at_once = bench.store.write::<(), _>(|_| panic!("another, on purpose"));
    let broken = bench.store.write(|tx| {
        Box::pin(async move { Ok(sqlx::query("SELECT * FROM nothing").fetch_all(tx.conn()).await?.len()) })
    });
    let (panics, at_once, broken, good) =
        tokio::join!(panics, panics_at_once, broken, bench.store.publish(drafts(1), None));
    for result in [panics, at_once, broken.map(drop)] {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
    }
    assert_eq!(good.unwrap().len(), 1);
    assert_eq!(bench.told().await.len(), 1);
}

#[tokio::test]
async fn a_full_disk_stores_nothing_and_passes() {
    let bench = Bench::new(On::Sqlite).await;
    let limit = bench.store.write(|tx| {
        Box::pin(async move {
            sqlx::raw_sql("PRAGMA max_page_count = 60").execute(tx.conn()).await?;
            Ok(())
        })
    });
    limit.await.unwrap();
    let head = bench.store.head();
    let large = draft(&format!(r#"{{"t":"X","d":"{}"}}"#, "x".repeat(600_000)));
    let rejected = bench.store.publish(vec![large], None).await;
    assert_eq!(rejected, Err(StoreError::Full));
    assert_eq!((bench.store.head(), bench.told().await.len()), (head, 0));
    // The next transaction has a new connection, which has the whole disk again.
    assert_eq!(bench.store.publish(drafts(1), None).await.unwrap(), [head.next()]);
}

#[tokio::test]
async fn what_makes_the_data_grow_is_refused_while_only_the_reserve_is_free() {
    fn change(tx: &mut Tx) -> BoxFuture<'_, Result<(), StoreError>> {
        tx.emit(draft(r#"{"t":"X"}"#));
        Box::pin(async { Ok(()) })
    }
    let mut bench = Bench::new(On::Sqlite).await;
    let key = || Some(IdempotencyKey::new(Publisher::ControlSocket, "k", b"body"));
    let placed = bench.store.publish(drafts(2), key()).await.unwrap();
    bench.config.min_free_bytes = u64::MAX;
    let bench = bench.again().await;
    let head = bench.store.head();
    // Also where one transaction would have both.
    let (published, added, proved, written) = tokio::join!(
        bench.store.publish(drafts(1), None),
        bench.store.add(change),
        bench.store.prove_writable(),
        bench.store.write(change)
    );
    assert_eq!((published, added, proved), (Err(StoreError::Full), Err(StoreError::Full), Err(StoreError::Full)));
    assert_eq!((written, bench.store.head()), (Ok(()), head.next()));
    // What took place before is still answered alike.
    assert_eq!(bench.store.publish(drafts(2), key()).await.unwrap(), placed);
}

#[tokio::test]
async fn nobody_waits_for_what_may_be_gone_at_the_next_start() {
    let bench = Bench::new(On::Sqlite).await;
    bench.store.publish(drafts(1), None).await.unwrap();
    let (head, beyond) = (bench.store.head().as_u64(), bench.store.head().next().as_u64());
    let audible = |change| bench.store.log.audible(ChangeNumber::new(change)).as_u64();
    assert_eq!([audible(head), audible(beyond)], [head, beyond]);
    bench.store.log.freeze();
    assert_eq!([audible(head - 1), audible(head), audible(beyond)], [head - 1, head, head]);
    bench.store.log.thaw();
    assert_eq!(audible(beyond), beyond);
}

#[tokio::test]
async fn who_asks_whether_the_disk_can_be_written_to_has_it_written_to() {
    let bench = Bench::new(On::Sqlite).await;
    let written = || bench.config.data.join("sanmon.db-wal").metadata().unwrap().len();
    let before = written();
    bench.store.prove_writable().await.unwrap();
    assert!(written() > before);
    assert_eq!(count(&bench.store, "SELECT COUNT(*) FROM idempotency").await, 0);
}

#[tokio::test]
async fn a_database_that_is_read_only_is_said_to_be() {
    let bench = Bench::new(On::Sqlite).await;
    let lock = bench.store.write(|tx| {
        Box::pin(async move {
            sqlx::raw_sql("PRAGMA query_only = ON").execute(tx.conn()).await?;
            Ok(())
        })
    });
    // Both are in one transaction, which fails as a whole.
    let (locked, published) = tokio::join!(lock, bench.store.publish(drafts(1), None));
    assert_eq!((locked, published), (Err(StoreError::ReadOnly), Err(StoreError::ReadOnly)));
    assert_eq!(bench.told().await.len(), 0);
    assert_eq!(bench.store.publish(drafts(1), None).await.map(|seqs| seqs.len()), Ok(1));
}

#[tokio::test]
async fn a_commit_whose_outcome_was_lost_is_told_of() {
    let bench = Bench::new(On::Sqlite).await;
    let lost = bench.store.head().next();
    let mut other = bench.store.engine.writer().await.unwrap();
    let entry = draft(r#"{"t":"LOST"}"#).place(lost, bench.store.clock.unix());
    sqlx::raw_sql("BEGIN").execute(&mut other).await.unwrap();
    rows::insert(&mut other, &[Arc::new(entry)]).await.unwrap();
    let state = rows::LogState { last: ChangeNumber::new(lost.as_u64()), last_id: 0 };
    rows::commit(&mut other, Some(state)).await.unwrap();
    let fails = bench.store.write(|tx| {
        Box::pin(async move {
            sqlx::raw_sql("PRAGMA query_only = ON").execute(tx.conn()).await?;
            tx.emit(draft(r#"{"t":"NEVER"}"#));
            Ok(())
        })
    });
    assert_eq!(fails.await, Err(StoreError::ReadOnly));
    assert_eq!(bench.store.publish(drafts(1), None).await.unwrap(), [lost.next()]);
    let texts = bench.texts(0).await;
    assert!(texts.len() == 2 && texts[0].contains("LOST"), "{texts:?}");
}

#[tokio::test]
async fn one_folder_has_one_server() {
    let bench = Bench::new(On::Sqlite).await;
    let second = open(&bench.config, &bench.told).await.map(drop);
    let Err(FolderError::InUse { folder }) = second else { panic!("{second:?}") };
    assert_eq!(folder, bench.config.data.canonicalize().unwrap());
    let mode = |path: &std::path::Path| std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777;
    assert_eq!(mode(&bench.config.data), 0o700);
    for file in bench.config.data.read_dir().unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    bench.again().await;
}

#[test]
fn what_was_answered_outlives_the_process() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let first = runtime();
    let (bench, seqs) = first.block_on(async {
        let bench = Bench::new(On::Sqlite).await;
        let seqs = bench.store.publish(drafts(3), None).await.unwrap();
        (bench, seqs)
    });
    // Nothing is closed: the runtime drops the writer where it stands.
    let Bench { store, told, config, folder: _folder, .. } = bench;
    drop(store);
    first.shutdown_timeout(Duration::from_secs(5));
    runtime().block_on(async {
        let store = open(&config, &told).await.unwrap();
        assert_eq!(store.head(), seqs[2]);
        assert_eq!(count(&store, "SELECT COUNT(*) FROM log").await, 3);
        assert_eq!(store.publish(drafts(1), None).await.unwrap(), [seqs[2].next()]);
        store.close().await;
        assert!(matches!(store.publish(drafts(1), None).await, Err(StoreError::Unavailable(_))));
    });
}

#[test_matrix([On::Sqlite, On::Postgres])]
#[tokio::test]
async fn a_key_publishes_once(on: On) {
    let bench = Bench::new(on).await;
    let key = |body: &str| Some(IdempotencyKey::new(Publisher::ControlSocket, "k", body.as_bytes()));
    let (one, two) =
        tokio::join!(bench.store.publish(drafts(2), key("body")), bench.store.publish(drafts(2), key("body")));
    assert_eq!(one, two);
    assert_eq!(bench.told().await.len(), 2);
    let other = bench.store.publish(drafts(1), key("other")).await;
    assert!(matches!(other, Err(StoreError::Refused(Refusal::Conflict { code: "idempotency_mismatch", .. }))));
    let bench = bench.again().await;
    assert_eq!(bench.store.publish(drafts(2), key("body")).await, one);
    assert_eq!(bench.told().await.len(), 2);
}

#[test_matrix([On::Sqlite, On::Postgres])]
#[tokio::test]
async fn a_key_that_has_run_out_publishes_again(on: On) {
    let bench = Bench::new(on).await;
    let publish = || {
        let key = IdempotencyKey::new(Publisher::ControlSocket, "k", b"body");
        bench.store.publish(drafts(2), Some(key))
    };
    let first = publish().await.unwrap();
    // The log may know of it for longer.
    let age = bench.store.write(|tx| {
        Box::pin(async move {
            sqlx::query("UPDATE idempotency SET at = at - 600001").execute(tx.conn()).await?;
            Ok(())
        })
    });
    age.await.unwrap();
    let second = publish().await.unwrap();
    assert!(second[0] > first[1], "{first:?} {second:?}");
    assert_eq!(publish().await.unwrap(), second);
    assert_eq!(bench.told().await.len(), 4);
}

#[tokio::test]
async fn places_are_never_given_twice() {
    let bench = Bench::with(On::Sqlite, Config { log_max_entries: 0, ..Config::default() }).await;
    let seqs = bench.store.publish(drafts(5), None).await.unwrap();
    while bench.store.log_figures().entries > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&bench.store, "SELECT COUNT(*) FROM log").await, 0);
    let bench = bench.again().await;
    assert_eq!(bench.store.publish(drafts(1), None).await.unwrap(), [seqs[4].next()]);
}

#[tokio::test]
async fn what_one_statement_takes_and_what_it_does_not_outlives_the_process() {
    let mut bench = Bench::new(On::Sqlite).await;
    let mut stored = 0;
    for number in [1, rows::MOST_AT_ONCE, rows::MOST_AT_ONCE + 1, 3 * rows::MOST_AT_ONCE] {
        let before = bench.store.head();
        let seqs = bench.store.publish(drafts(number), None).await.unwrap();
        assert_eq!((seqs.len(), seqs[0]), (number, before.next()));
        bench = bench.again().await;
        stored += number as i64;
        assert_eq!(bench.store.head(), *seqs.last().unwrap());
        assert_eq!(count(&bench.store, "SELECT COUNT(*) FROM log").await, stored);
    }
}

#[test_matrix([On::Sqlite, On::Postgres])]
#[tokio::test]
async fn ids_outgrow_those_of_an_earlier_run(on: On) {
    async fn new_id(store: &Store) -> Id {
        store.write(|tx| Box::pin(async move { Ok(tx.new_id()) })).await.unwrap()
    }
    let bench = Bench::new(on).await;
    let first = new_id(&bench.store).await;
    let bench = bench.again().await;
    assert!(new_id(&bench.store).await > first);
}
