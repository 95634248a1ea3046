//! The one task that writes: it gathers what is queued into one transaction, so that one sync makes all of it durable.

mod job;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::Seq;
use sqlx::AnyConnection;
use sqlx::Connection as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::job::Outcome;
pub(super) use self::job::{Change, Job, Publish, Value, Work};
use super::error::StoreError;
use super::guild_inits::GuildInits;
use super::idempotency::{self, IdempotencyKey};
use super::ids::Ids;
use super::sqlite::{self, Database, Folder};
use super::sweep::{self, Swept};
use super::tx::Tx;
use crate::clock::Clock;
use crate::complaints::Complaints;
use crate::log::{Log, rows};

/// Jobs in one transaction.
const BATCH_JOBS: usize = 512;

/// Events in one transaction, unless one job has more.
const BATCH_EVENTS: usize = 8192;

/// How long one change may take before it is taken back.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often what has run out is swept away.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// What is told of entries, in order, once they are durable.
pub(crate) type OnCommit = Arc<dyn Fn(&[Arc<Entry>]) + Send + Sync>;

/// The writer and everything that it owns.
pub(super) struct Writer {
    /// Nobody else may have the folder while a last transaction ends.
    pub(super) _folder: Folder,
    pub(super) database: Database,
    pub(super) conn: Option<AnyConnection>,
    pub(super) ids: Option<Ids>,
    pub(super) node: u8,
    /// The last id that is stored as made.
    pub(super) last_id: u64,
    pub(super) clock: Clock,
    pub(super) log: Arc<Log>,
    pub(super) inits: Arc<GuildInits>,
    pub(super) on_commit: OnCommit,
    /// How many sweeps of the log were made since everything else was swept.
    pub(super) sweeps: u32,
    /// How often nothing of a batch could be stored.
    pub(super) failures: Complaints,
}

impl Writer {
    /// Writes until the store is closed or dropped.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut sweeps = interval(SWEEP_EVERY);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut closed = Vec::new();
        loop {
            tokio::select! {
                job = jobs.recv() => match job {
                    None => break,
                    Some(Job::Close(answer)) => {
                        jobs.close();
                        closed.push(answer);
                    }
                    Some(Job::Work(work)) => {
                        let batch = gather(work, &mut jobs, &mut closed);
                        self.commit(batch).await;
                    }
                },
                _ = sweeps.tick() => match self.sweep().await {
                    Ok(Swept::All) => {}
                    // What is queued gets its turn in between.
                    Ok(Swept::Some) => sweeps.reset_immediately(),
                    Err(error) => tracing::warn!(%error, "could not sweep"),
                }
            }
        }
        self.stop().await;
        drop(self);
        for answer in closed {
            let _ = answer.send(());
        }
    }

    /// Runs a batch in one transaction, tells of its entries, and answers.
    async fn commit(&mut self, batch: Vec<Work>) {
        let mut tx = match self.begin().await {
            Ok(tx) => tx,
            Err(error) => return batch.into_iter().for_each(|work| work.fail(error.clone())),
        };
        let mut answers = Vec::with_capacity(batch.len());
        let mut rest = batch.into_iter();
        let mut fault = None;
        while fault.is_none()
            && let Some(work) = rest.next()
        {
            let (outcome, broken) = run(work, &mut tx).await;
            answers.push(outcome);
            fault = broken;
        }
        let committed = match fault {
            Some(fault) => Err(fault),
            None => self.end(&mut tx).await,
        };
        let committed = match committed {
            Ok(forgotten) => {
                self.adopt(tx, forgotten);
                Ok(())
            }
            Err(error) => {
                if let Some(times) = self.failures.add() {
                    tracing::error!(%error, times, "nothing of a batch could be stored");
                }
                self.abandon(tx).await;
                Err(error)
            }
        };
        for answer in answers {
            answer.tell(committed.clone());
        }
        if let Err(error) = committed {
            rest.for_each(|work| work.fail(error.clone()));
        }
    }

    async fn begin(&mut self) -> Result<Tx, StoreError> {
        if self.conn.is_none() {
            self.conn = Some(self.reconnect().await?);
        }
        let conn = self.conn.as_mut().expect("connected above");
        if let Err(error) = sqlx::raw_sql(sqlite::BEGIN_WRITE).execute(&mut *conn).await {
            self.conn = None;
            return Err(error.into());
        }
        let conn = self.conn.take().expect("connected above");
        let ids = self.ids.take().unwrap_or_else(|| Ids::after(self.node, self.last_id));
        Ok(Tx::new(conn, self.clock.steady(), ids, self.log.head()))
    }

    /// Stores the entries, drops what the log may forget, and commits. Says up to where the log forgot.
    async fn end(&mut self, tx: &mut Tx) -> Result<Option<Seq>, StoreError> {
        let (now, state) = (tx.now(), rows::LogState { last: tx.last(), last_id: tx.last_id() });
        let (conn, entries) = tx.unstored();
        let added = entries.len();
        rows::insert(conn, entries).await?;
        if state.last != self.log.head() || state.last_id != self.last_id {
            rows::save_state(conn, state).await?;
        }
        // Twice of what came in, so that a full log shrinks faster than it grows, yet no commit takes long.
        let forgotten = self.log.excess(now, sweep::STEP + 2 * added);
        if let Some(through) = forgotten {
            rows::delete_through(conn, through).await?;
        }
        sqlx::raw_sql("COMMIT").execute(conn).await?;
        Ok(forgotten)
    }

    /// Makes what was committed known.
    fn adopt(&mut self, tx: Tx, forgotten: Option<Seq>) {
        let finished = tx.finish();
        self.conn = Some(finished.conn);
        self.last_id = finished.ids.last();
        self.ids = Some(finished.ids);
        let head = finished.entries.last().map_or_else(|| self.log.head(), |entry| entry.seq);
        self.inits.touch(&finished.touched, head);
        self.log.append(&finished.entries);
        if let Some(through) = forgotten {
            self.log.forget_through(through);
        }
        if !finished.entries.is_empty() {
            (self.on_commit)(&finished.entries);
        }
    }

    /// Takes a transaction back that failed. Its connection may be broken, so the next one gets a new one.
    async fn abandon(&mut self, tx: Tx) {
        let finished = tx.finish();
        self.ids = Some(finished.ids);
        let mut conn = finished.conn;
        let goodbye = async move {
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut conn).await;
            let _ = conn.close().await;
        };
        let _ = timeout(CHANGE_TIMEOUT, goodbye).await;
    }

    /// Connects anew. A commit whose outcome was lost may have taken place: its entries are told of now.
    async fn reconnect(&mut self) -> Result<AnyConnection, StoreError> {
        let mut conn = self.database.writer().await?;
        let state = rows::state(&mut conn).await?;
        self.last_id = self.last_id.max(state.last_id);
        while self.log.head() < state.last {
            let missed = rows::after(&mut conn, self.log.head(), BATCH_EVENTS as i64).await?;
            let Some(last) = missed.last() else {
                return Err(StoreError::Unavailable("the log ends before its last place".into()));
            };
            self.inits.clear(last.seq);
            self.log.append(&missed);
            (self.on_commit)(&missed);
        }
        Ok(conn)
    }

    /// Drops some of what the log may forget and of what has run out.
    async fn sweep(&mut self) -> Result<Swept, StoreError> {
        self.sweeps = self.sweeps.saturating_sub(1);
        let due = self.sweeps == 0;
        if !due && self.log.excess(self.clock.steady(), 1).is_none() {
            return Ok(Swept::All);
        }
        let mut tx = self.begin().await?;
        let swept = if due { sweep::expired(&mut tx, self.log.forgotten()).await } else { Ok(Swept::All) };
        let ended = match swept {
            Ok(swept) => self.end(&mut tx).await.map(|forgotten| (swept, forgotten)),
            Err(error) => Err(error),
        };
        let (swept, forgotten) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                self.sweeps = sweep::EVERY;
                self.abandon(tx).await;
                return Err(error);
            }
        };
        self.adopt(tx, forgotten);
        if due && swept == Swept::All {
            self.sweeps = sweep::EVERY;
        }
        let rest = swept == Swept::Some || self.log.excess(self.clock.steady(), 1).is_some();
        Ok(if rest { Swept::Some } else { Swept::All })
    }

    async fn stop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if let Err(error) = sqlite::checkpoint(&mut conn).await {
            tracing::warn!(%error, "could not tidy the database up");
        }
        let _ = conn.close().await;
    }
}

/// Takes what else is queued, as far as it fits into one transaction.
fn gather(first: Work, jobs: &mut mpsc::Receiver<Job>, closed: &mut Vec<oneshot::Sender<()>>) -> Vec<Work> {
    let mut events = first.events();
    let mut batch = vec![first];
    while batch.len() < BATCH_JOBS && events < BATCH_EVENTS {
        match jobs.try_recv() {
            Ok(Job::Work(work)) => {
                events += work.events();
                batch.push(work);
            }
            Ok(Job::Close(answer)) => {
                jobs.close();
                closed.push(answer);
            }
            Err(_) => break,
        }
    }
    batch
}

/// Runs one job; the second part is the fault that makes the whole transaction worthless.
async fn run(work: Work, tx: &mut Tx) -> (Outcome, Option<StoreError>) {
    match work {
        Work::Publish(publish) => {
            let result = place(publish.drafts, publish.key, tx).await;
            let fault = result.as_ref().err().filter(|error| !matches!(error, StoreError::Refused(_))).cloned();
            (Outcome::of(result, publish.answer), fault)
        }
        Work::Change(change) => {
            let mark = tx.mark();
            if let Err(error) = command(tx.conn(), "SAVEPOINT change").await {
                return (Outcome::of(Err(error.clone()), change.answer), Some(error));
            }
            let ran = timeout(CHANGE_TIMEOUT, AssertUnwindSafe((change.run)(tx)).catch_unwind()).await;
            let result = match ran {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => {
                    tracing::error!("a change panicked and was taken back");
                    Err(StoreError::Unavailable("a change panicked".into()))
                }
                Err(_) => Err(StoreError::Unavailable("a change took too long".into())),
            };
            let ended = if result.is_ok() {
                command(tx.conn(), "RELEASE SAVEPOINT change").await
            } else {
                tx.rewind(mark);
                match command(tx.conn(), "ROLLBACK TO SAVEPOINT change").await {
                    Ok(()) => command(tx.conn(), "RELEASE SAVEPOINT change").await,
                    error => error,
                }
            };
            // Some faults end the whole transaction by themselves; the first error then says why.
            let fault = ended.err().map(|error| result.as_ref().err().cloned().unwrap_or(error));
            (Outcome::of(result, change.answer), fault)
        }
    }
}

async fn place(drafts: Vec<Draft>, key: Option<IdempotencyKey>, tx: &mut Tx) -> Result<Vec<Seq>, StoreError> {
    if let Some(key) = &key {
        let now = tx.now();
        if let Some(seqs) = idempotency::earlier(tx.conn(), now, key).await? {
            return Ok(seqs);
        }
    }
    let seqs: Vec<Seq> = drafts.into_iter().map(|draft| tx.place(draft)).collect();
    if let Some(key) = key {
        idempotency::keep(tx, key, &seqs).await?;
    }
    Ok(seqs)
}

async fn command(conn: &mut AnyConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::raw_sql(sql).execute(conn).await?;
    Ok(())
}
