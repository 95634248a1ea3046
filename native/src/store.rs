//! What is stored: users, sessions, guilds, channels, invites, membership, presences and the operator's keys.

pub(crate) mod backup;
pub(crate) mod channels;
mod error;
mod guild_inits;
pub(crate) mod guilds;
mod idempotency;
mod ids;
pub(crate) mod invites;
pub(crate) mod members;
pub(crate) mod objects;
pub(crate) mod operator_keys;
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

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use prometheus::Histogram;
use sanmon_core::entry::Draft;
use sanmon_core::event::Seq;
use sqlx::{AnyPool, Transaction};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use self::error::FolderError;
pub(crate) use self::error::{Refusal, StoreError};
use self::guild_inits::GuildInits;
pub(crate) use self::idempotency::{IdempotencyKey, Publisher};
use self::sqlite::{Database, Folder};
pub(crate) use self::tx::Tx;
pub(crate) use self::writer::OnCommit;
use self::writer::{Change, Job, Publish, Value, Work, Writer};
use crate::clock::Clock;
use crate::complaints::Complaints;
use crate::config::Config;
pub(crate) use crate::log::LogFigures;
use crate::log::{Log, rows};

/// Jobs that may wait for the writer.
const QUEUE_JOBS: usize = 4096;

/// Bytes of events that may wait for the writer.
const QUEUE_BYTES: usize = 64 << 20;

/// How long closing waits for what is queued.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The store of one machine: one SQLite file in the data folder, with one writer and several readers.
///
/// Clones are the same store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    database: Database,
    clock: Clock,
    readers: AnyPool,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    log: Arc<Log>,
    inits: Arc<GuildInits>,
    /// Seconds from a write's arrival to its being durable, where somebody wants to know.
    commit_seconds: Option<Histogram>,
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
        let mut conn = database.writer().await.map_err(failed)?;
        schema::migrate(&mut conn)
            .await
            .map_err(|error| FolderError::Migrate { folder: folder.path().to_owned(), reason: error.to_string() })?;
        let state = rows::open_state(&mut conn, clock.steady()).await.map_err(failed)?;
        let log = Arc::new(Log::load(&mut conn, state.last, clock.steady(), config).await.map_err(failed)?);
        let inits = Arc::new(GuildInits::new(log.head()));
        let writer = Writer {
            _folder: folder,
            database: database.clone(),
            conn: Some(conn),
            ids: None,
            node: config.node,
            last_id: state.last_id,
            clock,
            log: Arc::clone(&log),
            inits: Arc::clone(&inits),
            on_commit,
            sweeps: 0,
            failures: Complaints::none(),
        };
        let (jobs, queue) = mpsc::channel(QUEUE_JOBS);
        tokio::spawn(async move {
            if AssertUnwindSafe(writer.run(queue)).catch_unwind().await.is_err() {
                tracing::error!("the writer panicked: nothing can be stored until a restart");
            }
        });
        let readers = database.readers();
        let room = Arc::new(Semaphore::new(QUEUE_BYTES));
        Ok(Self { database, clock, readers, jobs, room, log, inits, commit_seconds: None })
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
    pub(crate) async fn read(&self) -> Result<Transaction<'static, sqlx::Any>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// Runs a change in the writer's transaction and returns once it is durable. An error takes back what it stored and
    /// emitted, and nothing else.
    ///
    /// # Errors
    /// What the change returned; [`StoreError::Busy`] when too much is queued; else what kept it from being stored.
    pub(crate) async fn write<T, F>(&self, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let _timer = self.commit_seconds.as_ref().map(Histogram::start_timer);
        let (answer, answered) = oneshot::channel();
        self.queue(Work::Change(Change {
            run: Box::new(move |tx| Box::pin(async move { Ok(Value(Box::new(change(tx).await?))) })),
            answer,
        }))?;
        let Value(result) = answered.await.map_err(|_| stopped())??;
        Ok(*result.downcast().expect("made from a T above"))
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
        let bytes = drafts.iter().map(size).sum::<usize>().clamp(1, QUEUE_BYTES);
        let bytes = u32::try_from(bytes).expect("the queue's bound fits");
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| StoreError::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.queue(Work::Publish(Publish { drafts, key, answer, _room: room }))?;
        answered.await.map_err(|_| stopped())?
    }

    /// The places that a publish with this key was given, if there was one in the last 10 minutes.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] `idempotency_mismatch` for a key that was used with another body; else faults of the machine.
    pub(crate) async fn published(&self, key: &IdempotencyKey) -> Result<Option<Vec<Seq>>, StoreError> {
        idempotency::earlier(&mut *self.read().await?, self.clock.steady(), key).await
    }

    /// Stores something that changes nothing: whether changes can be stored now.
    ///
    /// # Errors
    /// What keeps them from being stored.
    pub(crate) async fn prove_writable(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                sqlx::query("UPDATE log_state SET last_id = last_id").execute(tx.conn()).await?;
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

    /// How much the log holds.
    pub(crate) fn log_figures(&self) -> LogFigures {
        self.log.figures()
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

fn stopped() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

/// About how many bytes a draft holds while it waits.
fn size(draft: &Draft) -> usize {
    let fields = draft.event.iter().flat_map(|event| event.field_names().filter_map(|name| event.field(name)));
    fields.map(|field| field.get().len()).sum::<usize>() + 128
}
