//! The one task that writes: it gathers what is queued into one transaction, so that one sync makes all of it durable.

mod job;
mod reconnect;
mod savepoint;

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
pub(super) use self::job::{Change, Job, Publish, Room, Value, Work};
use self::reconnect::Reconnect;
pub(super) use self::savepoint::Savepoint;
use super::engine::Engine;
use super::error::StoreError;
use super::guild_inits::GuildInits;
use super::idempotency::{self, IdempotencyKey};
use super::ids::Ids;
use super::known_keys::KnownKeys;
use super::postgres::bounded;
use super::sqlite::Folder;
use super::sweep::{self, Forgotten, Swept};
use super::tx::{Emitted, Extent, Tx};
use crate::clock::Clock;
use crate::disk::Reserve;
use crate::log::rows::LogState;
use crate::log::{ChangeNumber, Log, SharedLog, outbox, rows};
use crate::tally::Tally;

/// Jobs in one transaction.
const BATCH_JOBS: usize = 512;

/// Events in one transaction, unless one job has more.
const BATCH_EVENTS: usize = 8192;

/// How long one change may take before it is taken back.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Entries that may be too many or too old for the log until the next sweep.
const LEFT_TO_SWEEPS: u64 = 256;

/// How often what has run out is swept away.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// How long a batch waits for a server that went away, such as one that is started again.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is told of entries, in order, once they are durable.
pub(crate) type OnCommit = Arc<dyn Fn(&[Arc<Entry>]) + Send + Sync>;

/// The writer and everything that it owns.
pub(super) struct Writer {
    /// Nobody else may have the folder while a last transaction ends.
    pub(super) folder: Folder,
    pub(super) engine: Engine,
    /// The log that many machines share, where they do.
    pub(super) shared: Option<Arc<dyn SharedLog>>,
    pub(super) conn: Option<AnyConnection>,
    pub(super) ids: Option<Ids>,
    pub(super) node: u8,
    /// The last id that is stored as made.
    pub(super) last_id: u64,
    pub(super) clock: Clock,
    pub(super) log: Arc<Log>,
    pub(super) inits: Arc<GuildInits>,
    pub(super) keys: Arc<KnownKeys>,
    pub(super) on_commit: OnCommit,
    /// How many sweeps of the log were made since everything else was swept.
    pub(super) sweeps: u32,
    /// What the log had forgotten at the last sweeps, where others read the same log.
    pub(super) forgotten: Forgotten,
    /// The server that many machines share, once it was waited for in vain.
    pub(super) away: Option<Reconnect>,
    /// What is kept of the disk; `None` where what is stored is elsewhere.
    pub(super) reserve: Option<Reserve>,
    /// How often a batch could not be stored.
    pub(super) failures: Tally,
    /// How often something found no room beside the reserve.
    pub(super) refusals: Tally,
    /// How often nothing could be swept away.
    pub(super) unswept: Tally,
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
                conn = reconnect::back(&mut self.away) => {
                    self.away = None;
                    self.conn = Some(conn);
                    tracing::info!("the database is back");
                }
                _ = sweeps.tick() => match self.sweep().await {
                    Ok(Swept::All) => {}
                    // What is queued gets its turn in between.
                    Ok(Swept::Some) => sweeps.reset_immediately(),
                    Err(error) => if let Some(times) = self.unswept.note(self.clock.now()) {
                        tracing::warn!(%error, times, "could not sweep");
                    }
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
        let batch = self.with_room(batch);
        if batch.is_empty() {
            return;
        }
        let only_places = self.shared.is_none() && batch.iter().all(Work::only_places);
        let extent = if only_places { Extent::Unbegun } else { Extent::Begun };
        let mut tx = match self.begin(extent).await {
            Ok(tx) => tx,
            Err(error) => {
                self.complain(&error);
                return batch.into_iter().for_each(|work| work.fail(error.clone()));
            }
        };
        let max_entry_bytes = self.shared.as_ref().map_or(usize::MAX, |log| log.max_entry_bytes());
        let mut answers = Vec::with_capacity(batch.len());
        let mut rest = batch.into_iter();
        let (mut fault, mut savepoint) = (None, self.engine.savepoint());
        while fault.is_none()
            && let Some(work) = rest.next()
        {
            let (outcome, broken) = run(work, &mut tx, &mut savepoint, max_entry_bytes).await;
            answers.push(outcome);
            fault = broken;
        }
        let committed = match fault {
            Some(fault) => Err(fault),
            None => self.end_in_time(&mut tx).await,
        };
        let committed = match committed {
            Ok(forgotten) => {
                self.adopt(tx, forgotten);
                Ok(())
            }
            Err(error) => {
                self.complain(&error);
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

    /// What of a batch the disk has room for. The rest is refused before anything is tried: a disk that is full to the last
    /// block would also keep what makes room from being stored.
    fn with_room(&self, batch: Vec<Work>) -> Vec<Work> {
        let is_greedy = |work: &Work| work.room() == Room::Common;
        let Some(reserve) = &self.reserve else { return batch };
        if !batch.iter().any(is_greedy) || !reserve.is_all() {
            return batch;
        }
        let (greedy, rest): (Vec<Work>, Vec<Work>) = batch.into_iter().partition(is_greedy);
        if let Some(times) = self.refusals.note(self.clock.now()) {
            let reserve = reserve.bytes;
            tracing::error!(times, reserve, "the disk is nearly full: what makes the data grow is refused");
        }
        greedy.into_iter().for_each(|work| work.fail(StoreError::Full));
        rest
    }

    fn complain(&self, error: &StoreError) {
        if let Some(times) = self.failures.note(self.clock.now()) {
            tracing::error!(%error, times, "a batch could not be stored");
        }
    }

    async fn begin(&mut self, extent: Extent) -> Result<Tx, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.reconnect().await?,
        };
        let mut begun = match extent {
            Extent::Begun => self.engine.begin_write(&mut conn).await,
            Extent::Unbegun => Ok(None),
        };
        if self.shared.is_some() && matches!(begun, Err(StoreError::Unavailable(_))) {
            // It was lost while nothing was written. Nothing ran in this transaction yet, so another connection does as well.
            conn = self.reconnect().await?;
            begun = self.engine.begin_write(&mut conn).await;
        }
        let state = begun?;
        let now = self.clock.steady();
        let Some(state) = state else {
            let state = LogState { last: ChangeNumber::new(self.log.head().as_u64()), last_id: self.last_id };
            let ids = self.ids.take().unwrap_or_else(|| Ids::after(self.node, self.last_id));
            return Ok(Tx::new(conn, now, ids, state, Emitted::Entries(Vec::new()), extent));
        };
        // Other nodes made ids since.
        let ids = self.ids.take().filter(|ids| ids.last() == state.last_id);
        let ids = ids.unwrap_or_else(|| Ids::after(self.node, state.last_id));
        Ok(Tx::new(conn, now, ids, state, Emitted::Parcels(Vec::new()), extent))
    }

    /// Ends a transaction, within a bound where a server may fall silent.
    async fn end_in_time(&mut self, tx: &mut Tx) -> Result<Option<Seq>, StoreError> {
        let ended = match self.engine.patience() {
            Some(patience) => bounded(patience, self.end(tx)).await,
            None => self.end(tx).await,
        };
        let forgotten = ended.map_err(StoreError::at_the_end)?;
        self.confirm()?;
        Ok(forgotten)
    }

    /// Asks whether what was committed is as durable as the disk says. If not, nobody is to hear of it: the next start may
    /// find it gone, and give its places to others.
    fn confirm(&mut self) -> Result<(), StoreError> {
        if self.shared.is_some() {
            return Ok(());
        }
        self.folder.confirm().map_err(|error| {
            self.log.freeze();
            StoreError::Unsure(format!("the disk failed while it said that all is stored: {error}"))
        })
    }

    /// Stores the entries, drops what the log may forget, and commits. Says up to where the log forgot.
    async fn end(&mut self, tx: &mut Tx) -> Result<Option<Seq>, StoreError> {
        let (now, moved_on, extent) = (tx.now(), tx.moved_on(), tx.extent());
        let (conn, emitted) = tx.unstored();
        let entries = match emitted {
            Emitted::Entries(entries) => entries,
            Emitted::Parcels(parcels) => {
                outbox::insert(conn, parcels).await?;
                rows::commit(conn, moved_on).await?;
                return Ok(None);
            }
        };
        // Twice of what came in, so that a full log shrinks faster than it grows, yet no commit takes long.
        let forgotten = self.log.excess(now, sweep::STEP + 2 * entries.len());
        if extent == Extent::Unbegun {
            // The next sweep, which is at hand, drops a few as well.
            let count = |through: Seq| through.as_u64() - self.log.forgotten().as_u64();
            if entries.len() <= rows::MOST_AT_ONCE && forgotten.is_none_or(|through| count(through) < LEFT_TO_SWEEPS) {
                rows::insert(conn, entries).await?;
                return Ok(None);
            }
            self.engine.begin_write(conn).await?;
        }
        rows::insert(conn, entries).await?;
        if let Some(through) = forgotten {
            rows::delete_through(conn, through).await?;
        }
        rows::commit(conn, moved_on).await?;
        Ok(forgotten)
    }

    /// Makes what was committed known. What many machines share becomes known when it comes back from their log.
    fn adopt(&mut self, tx: Tx, forgotten: Option<Seq>) {
        let finished = tx.finish();
        self.conn = Some(finished.conn);
        self.last_id = finished.ids.last();
        self.ids = Some(finished.ids);
        if finished.revokes_keys {
            self.keys.forget();
        }
        let entries = match finished.emitted {
            Emitted::Entries(entries) => entries,
            Emitted::Parcels(parcels) => {
                if let Some(log) = self.shared.as_ref().filter(|_| !parcels.is_empty()) {
                    log.poke();
                }
                return;
            }
        };
        let head = entries.last().map_or_else(|| self.log.head(), |entry| entry.seq);
        self.inits.touch(&finished.touched, head);
        self.log.append(&entries);
        if let Some(through) = forgotten {
            self.log.forget_through(through);
        }
        if !entries.is_empty() {
            (self.on_commit)(&entries);
        }
    }

    /// Takes a transaction back that failed. Its connection may be broken, so the next one gets a new one.
    async fn abandon(&mut self, tx: Tx) {
        let finished = tx.finish();
        self.ids = Some(finished.ids);
        // It may have been committed all the same.
        self.keys.forget();
        let mut conn = finished.conn;
        let goodbye = async move {
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut conn).await;
            let _ = conn.close().await;
        };
        let _ = timeout(CHANGE_TIMEOUT, goodbye).await;
    }

    /// Connects anew. A commit whose outcome was lost may have taken place: its entries are told of now.
    async fn reconnect(&mut self) -> Result<AnyConnection, StoreError> {
        if self.shared.is_some() {
            return self.reconnect_to_server().await;
        }
        let mut conn = self.engine.writer().await?;
        let state = rows::state(&mut conn).await?;
        self.last_id = self.last_id.max(state.last_id);
        if self.log.head().as_u64() < state.last.as_u64() {
            self.folder.prove().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        self.log.thaw();
        while self.log.head().as_u64() < state.last.as_u64() {
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

    /// Connects to the server that many machines share, which may be starting again. Once it stayed away for as long as one
    /// waits for that, it is tried in the background, and whoever comes is told at once until it is back.
    async fn reconnect_to_server(&mut self) -> Result<AnyConnection, StoreError> {
        if let Some(away) = &self.away {
            return Err(away.failed());
        }
        let mut reconnect = Reconnect::to(self.engine.clone());
        if let Ok(conn) = timeout(RECONNECT_TIMEOUT, reconnect.connection()).await {
            return Ok(conn);
        }
        let error = reconnect.failed();
        tracing::warn!(%error, "the database is away: whatever would be stored is refused until it is back");
        self.away = Some(reconnect);
        Err(error)
    }

    /// The last change for which nobody can ask any longer. Nodes forget the log at slightly different times: what this one
    /// forgot, others still may have for a while.
    fn forgotten(&mut self) -> ChangeNumber {
        let forgotten = self.log.change_at(self.log.forgotten());
        match self.shared {
            None => forgotten,
            Some(_) => self.forgotten.a_while_after(self.clock.steady(), forgotten),
        }
    }

    /// Drops some of what the log may forget and of what has run out.
    async fn sweep(&mut self) -> Result<Swept, StoreError> {
        if self.shared.is_some() {
            while let Some(through) = self.log.excess(self.clock.steady(), sweep::STEP) {
                self.log.forget_through(through);
            }
        }
        if self.away.is_some() {
            return Ok(Swept::All);
        }
        self.sweeps = self.sweeps.saturating_sub(1);
        let due = self.sweeps == 0;
        if !due && self.log.excess(self.clock.steady(), 1).is_none() {
            return Ok(Swept::All);
        }
        let mut tx = match self.begin(Extent::Begun).await {
            Ok(tx) => tx,
            Err(error) => {
                self.sweeps = sweep::EVERY;
                return Err(error);
            }
        };
        let forgotten = self.forgotten();
        let swept = if due { sweep::expired(&mut tx, forgotten).await } else { Ok(Swept::All) };
        let ended = match swept {
            Ok(swept) => self.end_in_time(&mut tx).await.map(|forgotten| (swept, forgotten)),
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
        if let Err(error) = self.engine.finish(&mut conn).await {
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
async fn run(
    work: Work,
    tx: &mut Tx,
    savepoint: &mut Savepoint,
    max_entry_bytes: usize,
) -> (Outcome, Option<StoreError>) {
    match work {
        Work::Publish(publish) => {
            savepoint.pass();
            let result = place(publish.drafts, publish.key, tx).await;
            let fault = result.as_ref().err().filter(|error| !matches!(error, StoreError::Refused(_))).cloned();
            (Outcome::of(result, publish.answer), fault)
        }
        Work::Change(change) => {
            let mark = tx.mark();
            if let Err(error) = savepoint.set(tx.conn()).await {
                return (Outcome::of(Err(error.clone()), change.answer), Some(error));
            }
            let ran = timeout(CHANGE_TIMEOUT, AssertUnwindSafe((change.run)(tx)).catch_unwind()).await;
            let result = match ran {
                Ok(Ok(result)) => result.and_then(|result| tx.check_sizes(mark, max_entry_bytes).map(|()| result)),
                Ok(Err(_)) => {
                    tracing::error!("a change panicked and was taken back");
                    Err(StoreError::Unavailable("a change panicked".into()))
                }
                Err(_) => Err(StoreError::Unavailable("a change took too long".into())),
            };
            let mut ended = Ok(());
            if result.is_ok() {
                savepoint.pass();
            } else {
                tx.rewind(mark);
                ended = savepoint.go_back(tx.conn()).await;
            }
            // Some faults end the whole transaction by themselves; the first error then says why.
            let fault = ended.err().map(|error| result.as_ref().err().cloned().unwrap_or(error));
            (Outcome::of(result, change.answer), fault)
        }
    }
}

async fn place(drafts: Vec<Draft>, key: Option<IdempotencyKey>, tx: &mut Tx) -> Result<Vec<Seq>, StoreError> {
    if let Some(key) = &key {
        let now = tx.now();
        if let Some(earlier) = idempotency::earlier(tx.conn(), now, key).await? {
            return Ok(earlier.places());
        }
    }
    let seqs: Vec<Seq> = drafts.into_iter().map(|draft| tx.place(draft)).collect();
    if let Some(key) = key {
        idempotency::keep(tx, key, &seqs).await?;
    }
    Ok(seqs)
}
