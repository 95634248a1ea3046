//! The relay: one node at a time takes what changes emitted out of the outbox and puts it into the stream, in its order.
//!
//! The order is kept by sending one after the other, and by having each expect the one before it in the stream: two nodes that
//! both believe to relay can't disorder or double anything. Where a relay begins, the stream itself tells by the last change
//! that it holds; so one that is killed between storing and deleting repeats nothing.

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
use crate::complaints::Complaints;
use crate::metrics::Metrics;
use crate::nats::Link;
use crate::store::{Outbox, Relaying, StoreError};

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
/// Parcels that are read and deleted at once.
const PAGE: u32 = 500;
/// How often a parcel is put behind another one than expected.
const TURNS: u32 = 5;

/// What the relay's task works with.
struct Worker {
    outbox: Outbox,
    log: JetStream,
    /// Told when this node has committed something.
    poked: Arc<Notify>,
    clock: Clock,
    metrics: Arc<Metrics>,
    complaints: Complaints,
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
    Worker { outbox, log, poked, clock, metrics, complaints: Complaints::none() }.run().await;
}

impl Worker {
    async fn run(mut self) {
        let mut link = self.log.nats().link();
        loop {
            // It is tried now and then whatever is said of the connection.
            let _ = timeout(LINK_TIMEOUT, link.wait_for(|link| *link == Link::Up)).await;
            let ended = match self.outbox.lead().await {
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
                && let Some(times) = self.complaints.add()
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
        let mut last = self.log.relayed().await?;
        relaying.outgrow(last.number).await?;
        relaying.delete_through(last.number).await?;
        tracing::info!(after = last.number.as_u64(), "this node relays changes to the log");
        let mut number = last.number;
        loop {
            let parcels = relaying.after(number, PAGE).await?;
            if parcels.is_empty() {
                self.look(number, &[]);
                self.wait(&mut pokes).await?;
                continue;
            }
            let put = self.put(&parcels, &mut number, &mut last).await;
            // Also what was put in before it failed.
            relaying.delete_through(number).await?;
            put?;
        }
    }

    /// Puts parcels into the stream, one behind the other. `number` is the last one that is in there.
    async fn put(&self, parcels: &[Parcel], number: &mut ChangeNumber, last: &mut Relayed) -> Result<(), Fault> {
        for (index, parcel) in parcels.iter().enumerate() {
            self.look(*number, &parcels[index..]);
            let body = self.body_of(parcel)?;
            let mut turns = 0;
            while *number < parcel.number {
                match self.log.relay(parcel.number, &body, *last).await {
                    Ok(relayed) => {
                        (*number, *last) = (parcel.number, relayed);
                        self.metrics.changes_relayed.inc();
                    }
                    // The one before is so old that it is gone, or another node put some in.
                    Err(ChangeFault::OutOfTurn) if turns < TURNS => {
                        turns += 1;
                        *last = self.log.relayed().await?;
                        *number = last.number.max(*number);
                    }
                    Err(fault) => return Err(fault.into()),
                }
            }
        }
        Ok(())
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

    /// Notes what waits behind `number`.
    fn look(&self, number: ChangeNumber, waiting: &[Parcel]) {
        let backlog = waiting.last().map_or(0, |last| last.number.as_u64().saturating_sub(number.as_u64()));
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
