//! The relay: one node at a time takes what changes emitted out of the outbox and puts it into the stream, in its order.
//!
//! The order is kept by having each expect the one before it in the stream, of which some are on their way at once: two nodes that
//! both believe to relay can't disorder or double anything. Where a relay begins, the stream itself tells by the last change
//! that it holds; so one that is killed between storing and deleting repeats nothing, and what is stored is deleted when there is
//! nothing else to do.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::jetstream::{Body, ChangeFault, JetStream, Relayed};
use super::{ChangeNumber, Parcel};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::nats::Link;
use crate::store::{Outbox, Relaying, StoreError};
use crate::tally::Tally;

/// What a node that committed something says to the one that relays.
const POKE: &str = "sanmon.log.poke";
/// How long a poke may take to be said.
const POKE_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the relaying node looks without having been poked.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the others try to become the relaying node.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// How long it is waited for a connection before one tries all the same.
const LINK_TIMEOUT: Duration = Duration::from_secs(5);
/// Parcels that are read at once, and how many may be left undeleted.
const PAGE: u32 = 500;
/// Parcels that are on their way to the stream at once.
const WINDOW: usize = 64;
/// Bytes of them, unless one has more.
const WINDOW_BYTES: usize = 1 << 20;
/// How often a parcel is put behind another one than expected.
const TURNS: u32 = 5;

/// What the relay's task works with.
struct Worker {
    log: JetStream,
    /// Told when this node has committed something.
    poked: Arc<Notify>,
    clock: Clock,
    metrics: Arc<Metrics>,
    failures: Tally,
}

/// How far a relay came.
struct Progress {
    /// The last change that is in the stream.
    number: ChangeNumber,
    /// The last one that is known to wait.
    end: ChangeNumber,
    /// What the next one is to stand behind.
    last: Relayed,
    /// How many are sent at once.
    window: usize,
}

/// Why a node stops relaying.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the outbox can't be read: {0}")]
    Outbox(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] ChangeFault),
    #[error("NATS can't be reached")]
    Unreachable,
}

/// Relays from `outbox` to `log` whenever no other node does, without an end. `poked` is told when this node has committed
/// something.
pub(crate) async fn run(outbox: Outbox, log: JetStream, poked: Arc<Notify>, clock: Clock, metrics: Arc<Metrics>) {
    Worker { log, poked, clock, metrics, failures: Tally::default() }.run(outbox).await;
}

impl Worker {
    async fn run(self, mut outbox: Outbox) {
        let mut link = self.log.nats().link();
        loop {
            // It is tried now and then whatever is said of the connection.
            let _ = timeout(LINK_TIMEOUT, link.wait_for(|link| *link == Link::Up)).await;
            let ended = match outbox.lead().await {
                Ok(Some(relaying)) => {
                    self.metrics.relay_leads.set(1);
                    let fault = self.lead(relaying).await;
                    self.metrics.relay_leads.set(0);
                    self.metrics.relay_backlog.set(0);
                    self.metrics.relay_age_ms.set(0);
                    fault
                }
                Ok(None) => Ok(()),
                Err(error) => Err(Fault::Outbox(error)),
            };
            if let Err(error) = ended
                && let Some(times) = self.failures.note(self.clock.now())
            {
                tracing::warn!(%error, times, "changes can't be relayed to the log by this node now");
            }
            self.pass_on_pokes().await;
        }
    }

    /// Says to the node that relays what this one is told, until it is time to try again.
    async fn pass_on_pokes(&self) {
        let passing = async {
            loop {
                self.poked.notified().await;
                let said = self.log.nats().client().publish(POKE, bytes::Bytes::new());
                let _ = timeout(POKE_TIMEOUT, said).await;
            }
        };
        let _: Result<(), _> = timeout(TRY_EVERY, passing).await;
    }

    /// Relays as long as that works.
    async fn lead(&self, mut relaying: Relaying) -> Result<(), Fault> {
        let subscribed = self.log.nats().client().subscribe(POKE).await;
        let mut pokes = subscribed.map_err(|_| Fault::Unreachable)?;
        let last = relaying.beside(self.log.relayed()).await??;
        relaying.outgrow(last.number).await?;
        relaying.delete_through(last.number).await?;
        tracing::info!(after = last.number.as_u64(), "this node relays changes to the log");
        let mut progress = Progress { number: last.number, end: last.number, last, window: WINDOW };
        let mut deleted = last.number;
        loop {
            let parcels = relaying.after(progress.number, PAGE).await?;
            progress.end = match parcels.last() {
                None => progress.number,
                Some(last) if parcels.len() < PAGE as usize => last.number,
                // More may wait behind a whole page.
                Some(last) => relaying.last().await?.unwrap_or(last.number),
            };
            let put = relaying.beside(self.put(&parcels, &mut progress)).await?;
            let undeleted = progress.number.as_u64() - deleted.as_u64();
            if undeleted >= PAGE.into() || (undeleted > 0 && (parcels.is_empty() || put.is_err())) {
                // Also what was put in before it failed.
                relaying.delete_through(progress.number).await?;
                deleted = progress.number;
            }
            put?;
            if parcels.is_empty() {
                self.look(&progress, &[]);
                self.wait(&mut pokes).await?;
            }
        }
    }

    /// Puts parcels into the stream, in their order.
    async fn put(&self, parcels: &[Parcel], progress: &mut Progress) -> Result<(), Fault> {
        let mut turns = 0;
        let mut rest = parcels;
        while !rest.is_empty() {
            self.look(progress, rest);
            let some = self.window(rest, progress.window)?;
            let before = progress.number;
            let put = self.log.relay(&some, &mut progress.last).await;
            progress.number = progress.number.max(progress.last.number);
            let stored = progress.number.as_u64() - before.as_u64();
            self.metrics.changes_relayed.inc_by(stored);
            match put {
                Ok(()) => progress.window = (progress.window * 2).min(WINDOW),
                // Something was published in between: fewer are more likely to stay together.
                Err(ChangeFault::OutOfTurn) if stored > 0 => {
                    turns = 0;
                    progress.window = usize::try_from(stored).unwrap_or(WINDOW).clamp(2, WINDOW);
                }
                // The one before is so old that it is gone, or another node put some in.
                Err(ChangeFault::OutOfTurn) if turns < TURNS => {
                    turns += 1;
                    progress.last = self.log.relayed().await?;
                    progress.number = progress.number.max(progress.last.number);
                }
                Err(fault) => return Err(fault.into()),
            }
            rest = &rest[rest.partition_point(|parcel| parcel.number <= progress.number)..];
        }
        Ok(())
    }

    /// The first of these parcels, as many as may be on their way at once.
    fn window(&self, parcels: &[Parcel], count: usize) -> Result<Vec<(ChangeNumber, Body)>, StoreError> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        for parcel in &parcels[..count.min(parcels.len())] {
            let body = self.body_of(parcel)?;
            bytes += body.len();
            if !some.is_empty() && bytes > WINDOW_BYTES {
                break;
            }
            some.push((parcel.number, body));
        }
        Ok(some)
    }

    /// The message for a parcel. One that does not fit is refused where it is emitted; should the bound have been lowered since,
    /// what it changes is still told, since all behind it waits.
    fn body_of(&self, parcel: &Parcel) -> Result<Body, StoreError> {
        let body = Body::of_parcel(parcel)?;
        let Err(error) = body.check(self.log.nats().max_payload()) else { return Ok(body) };
        tracing::error!(%error, number = parcel.number.as_u64(), "an event is too large for NATS and reaches nobody");
        let change = parcel.change.as_deref().map(serde_json::from_str).transpose()?;
        Ok(Body::of(&Draft { event: None, audience: Audience::Nobody, change }))
    }

    /// Notes how many wait, and how long the first of them does.
    fn look(&self, progress: &Progress, waiting: &[Parcel]) {
        let backlog = progress.end.as_u64().saturating_sub(progress.number.as_u64());
        let now = self.clock.steady().as_millis();
        let age = waiting.first().map_or(0, |first| now.saturating_sub(first.at.as_millis()));
        self.metrics.relay_backlog.set(backlog.cast_signed());
        self.metrics.relay_age_ms.set(age.cast_signed());
    }

    /// Returns once there may be something in the outbox.
    async fn wait(&self, pokes: &mut Subscriber) -> Result<(), Fault> {
        let mut link = self.log.nats().link();
        tokio::select! {
            () = self.poked.notified() => Ok(()),
            poke = pokes.next() => poke.map(drop).ok_or(Fault::Unreachable),
            // Another node may still reach it.
            _ = link.changed() => Err(Fault::Unreachable),
            () = sleep(LOOK_EVERY) => Ok(()),
        }
    }
}
