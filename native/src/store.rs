//! What is stored: users, sessions, guilds, channels, invites, membership, presences and the operator's keys.

pub(crate) mod backup;
mod bulk;
pub(crate) mod channels;
mod engine;
mod error;
mod guild_inits;
pub(crate) mod guilds;
mod idempotency;
mod ids;
mod intake;
pub(crate) mod invites;
mod known_keys;
pub(crate) mod members;
pub(crate) mod objects;
pub(crate) mod operator_keys;
mod outbox;
mod postgres;
mod presence_counts;
pub(crate) mod presence_runs;
pub(crate) mod presences;
mod schema;
mod secret;
pub(crate) mod sessions;
pub(crate) mod snapshot;
mod sqlite;
mod sweep;
#[cfg(test)]
mod tests;
mod tx;
pub(crate) mod users;
mod writer;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prometheus::Histogram;
use sanmon_core::entry::Draft;
use sanmon_core::event::Seq;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, Transaction};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub(crate) use self::bulk::Bulk;
use self::engine::Engine;
pub use self::error::{FolderError, ServerError};
pub(crate) use self::error::{Refusal, StoreError};
use self::guild_inits::GuildInits;
use self::idempotency::Earlier;
pub(crate) use self::idempotency::{IdempotencyKey, Publisher};
pub(crate) use self::intake::Intake;
use self::known_keys::KnownKeys;
pub(crate) use self::outbox::{Outbox, Relaying};
use self::postgres::Server;
use self::sqlite::{Database, Folder};
use self::sweep::Forgotten;
pub(crate) use self::tx::Tx;
pub(crate) use self::writer::OnCommit;
use self::writer::{Change, Job, Publish, Room, Value, Work, Writer};
use crate::clock::Clock;
use crate::config::{Config, ServerUrl};
use crate::disk::Reserve;
pub(crate) use crate::log::LogFigures;
use crate::log::{ChangeNumber, Log, SharedLog, rows};
use crate::tally::Tally;

/// Jobs that may wait for the writer.
const QUEUE_JOBS: usize = 4096;

/// Bytes of events that may wait for the writer.
const QUEUE_BYTES: usize = 64 << 20;

/// Connections that are tried for a read, each lost without being noticed before.
const READ_TRIES: u32 = 3;

/// How long closing waits for what is queued.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// What is stored, with one writer and several readers: in one SQLite file in the data folder, or in a PostgreSQL database that
/// the nodes of many machines share, beside a log that they share too.
///
/// Clones are the same store.
#[derive(Clone)]
pub(crate) struct Store {
    engine: Engine,
    /// The log that many machines share, where they do.
    shared: Option<Arc<dyn SharedLog>>,
    clock: Clock,
    readers: AnyPool,
    /// Snapshots that are read at the same time.
    snapshots: Arc<Semaphore>,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    log: Arc<Log>,
    inits: Arc<GuildInits>,
    keys: Arc<KnownKeys>,
    on_commit: OnCommit,
    /// Changes that were answered before the log had what they emitted.
    unrelayed: Arc<Tally>,
    /// Seconds from a write's arrival to its being durable, where somebody wants to know.
    commit_seconds: Option<Histogram>,
}

/// What a store is started with.
struct Opened {
    folder: Folder,
    engine: Engine,
    conn: AnyConnection,
    log: Arc<Log>,
    shared: Option<Arc<dyn SharedLog>>,
    node: u8,
    last_id: u64,
    clock: Clock,
    on_commit: OnCommit,
    reserve: Option<Reserve>,
}

impl Store {
    /// Opens the store in the data folder, made if there is none. `on_commit` is told of every entry of the log, in
    /// order, once it is durable and before whoever caused it is answered; it must not block.
    ///
    /// # Errors
    /// [`FolderError::InUse`] while another server has the folder; else what the system or the database said.
    pub(crate) async fn open(config: &Config, clock: Clock, on_commit: OnCommit) -> Result<Self, FolderError> {
        let folder = Folder::take(&config.data)?;
        let database = Database::of(&folder)?;
        let failed =
            |error: StoreError| FolderError::Database { folder: folder.path().to_owned(), reason: error.to_string() };
        let engine = Engine::Sqlite(database);
        let mut conn = engine.writer().await.map_err(failed)?;
        schema::migrate(&engine, &mut conn)
            .await
            .map_err(|error| FolderError::Migrate { folder: folder.path().to_owned(), reason: error.to_string() })?;
        let state = rows::open_state(&mut conn, clock.steady()).await.map_err(failed)?;
        let head = Seq::new(state.last.as_u64());
        let log = Arc::new(Log::load(&mut conn, head, clock.steady(), config).await.map_err(failed)?);
        Ok(Self::start(Opened {
            folder,
            engine,
            conn,
            log,
            shared: None,
            node: config.node.unwrap_or_default(),
            last_id: state.last_id,
            clock,
            on_commit,
            reserve: Some(Reserve { folder: config.data.clone(), bytes: config.min_free_bytes }),
        }))
    }

    /// Opens the store in the database at `url`, which many machines share, as they share the log `shared`. The data folder is
    /// this node's own, for its control socket.
    ///
    /// Nothing is known of the log until its reader has told it: see [`Self::intake`]. `on_commit` is as in [`Self::open`],
    /// but told by that reader.
    ///
    /// # Errors
    /// A [`ServerError`].
    pub(crate) async fn join(
        config: &Config,
        url: &ServerUrl,
        clock: Clock,
        on_commit: OnCommit,
        shared: Arc<dyn SharedLog>,
    ) -> Result<Self, ServerError> {
        let folder = Folder::take(&config.data)?;
        let server = Server::at(url)?;
        let failed = |error: StoreError| ServerError::Unreachable { server: server.shown(), reason: error.to_string() };
        let mut conn = server.first_writer().await?;
        server.check_version(&mut conn).await?;
        let engine = Engine::Postgres(server.clone());
        schema::migrate(&engine, &mut conn)
            .await
            .map_err(|error| ServerError::Migrate { server: server.shown(), reason: error.to_string() })?;
        let state = rows::open_state(&mut conn, clock.steady()).await.map_err(failed)?;
        let log = Arc::new(Log::shared(config));
        Ok(Self::start(Opened {
            folder,
            engine,
            conn,
            log,
            shared: Some(shared),
            node: config.node.unwrap_or_default(),
            last_id: state.last_id,
            clock,
            on_commit,
            reserve: None,
        }))
    }

    /// Starts the writer of what was opened.
    fn start(opened: Opened) -> Self {
        let Opened { folder, engine, conn, log, shared, node, last_id, clock, on_commit, reserve } = opened;
        let (inits, keys) = (Arc::new(GuildInits::new(log.head())), Arc::<KnownKeys>::default());
        let writer = Writer {
            folder,
            engine: engine.clone(),
            shared: shared.clone(),
            conn: Some(conn),
            ids: None,
            node,
            last_id,
            clock,
            log: Arc::clone(&log),
            inits: Arc::clone(&inits),
            keys: Arc::clone(&keys),
            on_commit: Arc::clone(&on_commit),
            sweeps: 0,
            forgotten: Forgotten::default(),
            away: None,
            reserve,
            failures: Tally::default(),
            refusals: Tally::default(),
            unswept: Tally::default(),
        };
        let (jobs, queue) = mpsc::channel(QUEUE_JOBS);
        tokio::spawn(async move {
            if AssertUnwindSafe(writer.run(queue)).catch_unwind().await.is_err() {
                tracing::error!("the writer panicked: nothing can be stored until a restart");
            }
        });
        let readers = engine.readers();
        let snapshots = Arc::new(Semaphore::new(engine.snapshots()));
        let room = Arc::new(Semaphore::new(QUEUE_BYTES));
        Self {
            engine,
            shared,
            clock,
            readers,
            snapshots,
            jobs,
            room,
            log,
            inits,
            keys,
            on_commit,
            unrelayed: Arc::default(),
            commit_seconds: None,
        }
    }

    /// Whether other machines use it too.
    pub(crate) const fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Where the entries of a log that many machines share come in.
    pub(crate) fn intake(&self) -> Intake {
        Intake {
            log: Arc::clone(&self.log),
            inits: Arc::clone(&self.inits),
            clock: self.clock,
            on_commit: Arc::clone(&self.on_commit),
        }
    }

    /// Where what changes emit waits for that log; `None` on one machine.
    pub(crate) fn outbox(&self) -> Option<Outbox> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(server) => Some(Outbox::of(server.clone())),
        }
    }

    /// The same store, whose writes are measured from their arrival until they are durable.
    #[must_use]
    pub(crate) fn measured_by(self, commit_seconds: Histogram) -> Self {
        Self { commit_seconds: Some(commit_seconds), ..self }
    }

    /// A transaction that reads one consistent snapshot. It begins with its first query.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when all connections stay busy; else what the database said.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let mut tries = if self.shared.is_some() { READ_TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.readers.begin().await.map_err(StoreError::from) {
                // A connection that was lost just now; the pool has let go of it.
                Err(StoreError::Unavailable(_)) if tries > 0 => {}
                begun => return begun,
            }
        }
    }

    /// One row by one statement, which needs no transaction: what every request asks for.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn look_up<'q>(
        &self,
        query: impl Fn() -> Query<'q, Any, AnyArguments>,
    ) -> Result<Option<AnyRow>, StoreError> {
        let mut tries = if self.shared.is_some() { READ_TRIES } else { 1 };
        loop {
            tries -= 1;
            match query().fetch_optional(&self.readers).await.map_err(StoreError::from) {
                // As above.
                Err(StoreError::Unavailable(_)) if tries > 0 => {}
                found => return found,
            }
        }
    }

    /// Returns once this node has met all that is committed now. On one machine it has.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the log does not move on; else as [`Self::read`].
    async fn meet_all(&self) -> Result<(), StoreError> {
        if self.shared.is_none() {
            return Ok(());
        }
        let Some(row) = self.look_up(|| sqlx::query(rows::STATE)).await? else { return Ok(()) };
        self.log.reach(rows::state_of(&row)?.last).await
    }

    /// Runs a change in the writer's transaction and returns once it is durable. An error takes back what it stored and
    /// emitted, and nothing else. Where many machines share the log, this waits a little until what was emitted is in it: so
    /// what the caller publishes next comes after that, as it does on one machine. It waits for no log that is known to be
    /// out of reach: what was emitted comes from the outbox, whenever the log is back.
    ///
    /// # Errors
    /// What the change returned; [`StoreError::Busy`] when too much is queued; else what kept it from being stored.
    pub(crate) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        self.change(Room::Reserve, change).await
    }

    /// The same for a change that makes the data grow, which is refused while the disk is nearly full.
    ///
    /// # Errors
    /// As [`Self::write`], and [`StoreError::Full`].
    pub(crate) async fn add<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        self.change(Room::Common, change).await
    }

    async fn change<T, F>(&self, room: Room, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let _timer = self.commit_seconds.as_ref().map(Histogram::start_timer);
        let (answer, answered) = oneshot::channel();
        self.queue(Work::Change(Change {
            run: Box::new(move |tx| {
                Box::pin(async move {
                    let before = tx.last();
                    let result = change(tx).await?;
                    let emitted = Some(tx.last()).filter(|last| *last > before);
                    Ok(Value(Box::new((result, emitted))))
                })
            }),
            answer,
            room,
        }))?;
        let Value(result) = answered.await.map_err(|_| stopped())??;
        let (result, emitted) = *result.downcast::<(T, Option<ChangeNumber>)>().expect("made from a T above");
        if let (Some(emitted), Some(shared)) = (emitted, &self.shared) {
            let is_in_the_log = tokio::select! {
                biased;
                reached = self.log.reach(emitted) => reached.is_ok(),
                () = shared.out_of_reach() => false,
            };
            if !is_in_the_log && let Some(times) = self.unrelayed.note(self.clock.now()) {
                tracing::warn!(times, "changes are stored, but their events are not yet in the log");
            }
        }
        Ok(result)
    }

    /// Puts events into the log that change nothing that is stored, and returns their places once they are durable.
    ///
    /// A `key` that was used with the same body in the last 10 minutes gives the places of then, and nothing happens.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] `idempotency_mismatch` for a key that was used with another body; [`StoreError::Busy`] when
    /// too much is queued; else what kept them from being stored.
    pub(crate) async fn publish(
        &self,
        drafts: Vec<Draft>,
        key: Option<IdempotencyKey>,
    ) -> Result<Vec<Seq>, StoreError> {
        let _timer = self.commit_seconds.as_ref().map(Histogram::start_timer);
        if let Some(shared) = &self.shared {
            let id = match key {
                Some(key) => Some(self.reserve(key).await?),
                None => None,
            };
            return shared.publish(drafts, id).await;
        }
        let bytes = drafts.iter().map(size).sum::<usize>().clamp(1, QUEUE_BYTES);
        let bytes = u32::try_from(bytes).expect("the queue's bound fits");
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| StoreError::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.queue(Work::Publish(Publish { drafts, key: key.clone(), answer, _room: room }))?;
        let placed = answered.await.map_err(|_| stopped())?;
        if let (Err(StoreError::Full), Some(key)) = (&placed, &key)
            && let Ok(Some(seqs)) = self.earlier(key).await
        {
            // It took place before there was no room.
            return Ok(seqs);
        }
        placed
    }

    /// Keeps the key of a publish to a log that many machines share, and says by which id that log knows it: whoever comes
    /// again with the same body has it complete what was not stored the first time.
    async fn reserve(&self, key: IdempotencyKey) -> Result<String, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let now = tx.now();
                if let Some(earlier) = idempotency::earlier(tx.conn(), now, &key).await? {
                    return Ok(key.id(earlier.at));
                }
                let id = key.id(now);
                idempotency::keep(tx, key, &[]).await?;
                Ok(id)
            })
        })
        .await
    }

    /// Whether there was a publish with this key in the last 10 minutes: if so, [`Self::publish`] answers it alike.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] `idempotency_mismatch` for a key that was used with another body; else faults of the machine.
    pub(crate) async fn is_known(&self, key: &IdempotencyKey) -> Result<bool, StoreError> {
        Ok(self.earlier(key).await?.is_some())
    }

    /// The places of what was published under this key.
    async fn earlier(&self, key: &IdempotencyKey) -> Result<Option<Vec<Seq>>, StoreError> {
        let earlier = idempotency::earlier(&mut *self.read().await?, self.clock.steady(), key).await?;
        Ok(earlier.map(Earlier::places))
    }

    /// Stores a row and takes it away again: whether what makes the data grow can be stored now.
    ///
    /// # Errors
    /// What keeps them from being stored.
    pub(crate) async fn prove_writable(&self) -> Result<(), StoreError> {
        self.add(|tx| {
            Box::pin(async move {
                // An update that changes nothing is not written at all by SQLite, so it would succeed on a disk that is
                // gone. A publisher's key has a colon, so this is none.
                for sql in [
                    "INSERT INTO idempotency (idempotency_key, body_hash, first_seq, entries, at) \
                     VALUES ('readiness', '', 0, 0, 0)",
                    "DELETE FROM idempotency WHERE idempotency_key = 'readiness'",
                ] {
                    sqlx::query(sql).execute(tx.conn()).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Stores what is queued, then closes the database. Later calls fail.
    pub(crate) async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        let closing = async {
            if self.jobs.send(Job::Close(answer)).await.is_ok() {
                let _ = answered.await;
            }
            self.readers.close().await;
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            tracing::warn!("the store took too long to close");
        }
    }

    /// Returns once this node has met all that the shared log holds now; at once on one machine.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the log can't be asked.
    pub(crate) async fn caught_up(&self) -> Result<(), StoreError> {
        if let Some(shared) = &self.shared {
            self.log.reach_place(shared.head().await?).await;
        }
        Ok(())
    }

    /// Returns once this node has met `place`.
    #[cfg(test)]
    pub(crate) async fn caught_up_with(&self, place: Seq) {
        self.log.reach_place(place).await;
    }

    /// How much the log holds.
    pub(crate) fn log_figures(&self) -> LogFigures {
        self.log.figures()
    }

    /// How many guilds were read and encoded for those who connect.
    pub(crate) fn guilds_read(&self) -> u64 {
        self.inits.read()
    }

    /// The last place of the log that is committed.
    pub(crate) fn head(&self) -> Seq {
        self.log.head()
    }

    /// How many jobs wait for the writer.
    pub(crate) fn queued(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    fn queue(&self, work: Work) -> Result<(), StoreError> {
        self.jobs.try_send(Job::Work(work)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine).field("shared", &self.shared).finish_non_exhaustive()
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

/// About how many bytes a draft holds while it waits.
fn size(draft: &Draft) -> usize {
    let fields = draft.event.iter().flat_map(|event| event.field_names().filter_map(|name| event.field(name)));
    fields.map(|field| field.get().len()).sum::<usize>() + 128
}
