//! The one reader of a node: it tells the store all that the stream holds, then each entry as it comes.

use std::sync::Arc;
use std::time::Duration;

use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use sanmon_core::event::Seq;
use sanmon_core::time::Moment;
use tokio::time::{sleep, timeout};

use super::{Follower, JetStream, Loss, StreamError};
use crate::clock::Clock;
use crate::log::{ChangeNumber, Met};
use crate::metrics::Metrics;
use crate::store::{Intake, Store, StoreError};

/// How long the stream may give nothing while its past is read.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the past is read anew when it changes meanwhile.
const TRIES: usize = 5;
/// How often an operator hears how far the reading is.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// The pause before the log is begun anew again.
const PAUSE: Duration = Duration::from_secs(1);

/// The reader. It stands where the stream ended when it was opened, until it runs.
pub(crate) struct Reader {
    log: JetStream,
    store: Store,
    intake: Intake,
    clock: Clock,
    metrics: Arc<Metrics>,
    follower: Follower,
    /// The last change that was met.
    last_change: ChangeNumber,
}

/// Why what the log holds can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store does not say what was relayed.
    #[error("the outbox can't be read: {0}")]
    Outbox(#[from] StoreError),
    /// JetStream does not say what it holds.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// It gives nothing.
    #[error("JetStream gave no entries of the event log for {} s", PATIENCE.as_secs())]
    Stuck,
    /// It drops entries faster than they are read.
    #[error("the event log changes faster than it can be read")]
    Unsteady,
}

impl Reader {
    /// Reads all that the stream holds.
    ///
    /// # Errors
    /// A [`ReadError`].
    pub(crate) async fn open(
        log: JetStream,
        store: Store,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ReadError> {
        let intake = store.intake();
        let follower = log.follow(log.extent().await?.floor);
        let mut reader = Self { log, store, intake, clock, metrics, follower, last_change: ChangeNumber::default() };
        let relayed = reader.recall().await?;
        reader.settle(relayed);
        Ok(reader)
    }

    /// The last change that the log holds or held.
    pub(crate) const fn last_change(&self) -> ChangeNumber {
        self.last_change
    }

    /// Tells the store of every entry from here on, without an end. When the log can't be followed any longer it is begun anew, and
    /// `begun_anew` is told of the place behind what was read again, before anyone may look at it.
    pub(crate) async fn run(mut self, begun_anew: impl Fn(Seq) + Send + Sync) {
        loop {
            match self.follower.next().await {
                Ok(batch) => {
                    let met = self.sift(batch);
                    self.intake.meet(&met);
                    self.metrics.log_unread.set(self.follower.behind().cast_signed());
                }
                Err(loss) => {
                    tracing::error!(%loss, "the event log begins anew: all clients are sent to connect again");
                    self.metrics.log_begun_anew.inc();
                    self.begin_anew(loss, &begun_anew).await;
                }
            }
        }
    }

    async fn begin_anew(&mut self, loss: Loss, begun_anew: &(impl Fn(Seq) + Send + Sync)) {
        let last = self.follower.last();
        loop {
            let now = self.clock.unix();
            let again = async {
                if loss == Loss::Rewound {
                    self.log.move_on(now, last).await?;
                }
                self.log.reopen(now).await?;
                self.recall().await
            };
            match again.await {
                Ok(relayed) => {
                    begun_anew(self.store.head());
                    self.settle(relayed);
                    return tracing::info!(head = self.store.head().as_u64(), "the event log was read anew");
                }
                Err(error) => tracing::warn!(%error, "the event log can't be begun anew yet"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads what the stream holds, and says up to which change it was relayed before.
    async fn recall(&mut self) -> Result<ChangeNumber, ReadError> {
        for _ in 0..TRIES {
            // In this order: what was relayed by then is in the stream by its end.
            let relayed = self.store.relayed().await?;
            let extent = self.log.extent().await?;
            self.follower = self.log.follow(extent.floor);
            self.intake.begin(extent.floor);
            self.last_change = ChangeNumber::default();
            match self.recall_through(extent.floor, extent.head).await? {
                Ok(()) => return Ok(relayed),
                Err(loss) => {
                    tracing::warn!(%loss, "reading the event log again");
                    self.log.reopen(self.clock.unix()).await?;
                }
            }
        }
        Err(ReadError::Unsteady)
    }

    async fn recall_through(&mut self, mut floor: Seq, head: Seq) -> Result<Result<(), Loss>, ReadError> {
        let mut say_at: Moment = self.clock.now() + SAY_EVERY;
        while self.follower.last() < head {
            let batch = match timeout(PATIENCE, self.follower.next()).await {
                Ok(Ok(batch)) => batch,
                Ok(Err(loss)) => return Ok(Err(loss)),
                Err(_) => return Err(ReadError::Stuck),
            };
            let met = self.sift(batch);
            let Some(first) = met.first().map(|met| met.entry.seq) else { continue };
            if self.store.head() == floor && first != floor.next() {
                // Some went since the stream was asked where it begins.
                floor = Seq::new(first.as_u64() - 1);
                self.intake.begin(floor);
            }
            self.intake.recall(&met);
            if self.clock.now() >= say_at {
                say_at = self.clock.now() + SAY_EVERY;
                let read = self.follower.last().as_u64() - floor.as_u64();
                tracing::info!(read, of = head.as_u64() - floor.as_u64(), "reading the event log");
            }
        }
        Ok(Ok(()))
    }

    fn settle(&mut self, relayed: ChangeNumber) {
        self.intake.settle(relayed);
        self.last_change = self.last_change.max(relayed);
    }

    /// Takes the worth from changes that were met before, and leaves them their places.
    fn sift(&mut self, mut batch: Vec<Met>) -> Vec<Met> {
        for met in &mut batch {
            let Some(number) = met.change else { continue };
            if number > self.last_change {
                self.last_change = number;
                continue;
            }
            tracing::warn!(number = number.as_u64(), seq = met.entry.seq.as_u64(), "a change stands twice in the log");
            let nothing = Draft { event: None, audience: Audience::Nobody, change: None };
            *met = Met { entry: Arc::new(nothing.place(met.entry.seq, met.entry.at)), change: None };
        }
        batch
    }
}
