//! A log that the stores of one process share: the order of NATS, the relay and the reader without NATS.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_core::time::UnixMillis;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::log::{ChangeNumber, Met, Parcel, SharedLog};
use crate::store::outbox::{Outbox, Relaying};
use crate::store::{Intake, Store, StoreError};

/// The largest entry that it takes.
pub(super) const MAX_ENTRY_BYTES: usize = 2 << 20;

/// The log itself. Its places have nothing to do with the numbers of changes.
pub(super) struct Loopback {
    clock: Clock,
    held: Mutex<Held>,
    poked: Notify,
    reach: watch::Sender<Reach>,
}

/// Whether the log can be reached, as everyone knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It can.
    Near,
    /// It can't: what is emitted waits in the outbox.
    Out,
}

struct Held {
    /// The place before the first entry.
    floor: u64,
    entries: Vec<Met>,
    /// The places of events that were published with a key.
    keys: HashMap<(String, usize), Seq>,
    relayed: ChangeNumber,
    readers: Vec<Intake>,
}

/// A store that reads this log and relays to it; both end with it.
pub(super) struct Attached {
    relay: JoinHandle<()>,
}

impl Loopback {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        let held = Held {
            floor: 1 << 40,
            entries: Vec::new(),
            keys: HashMap::new(),
            relayed: ChangeNumber::default(),
            readers: Vec::new(),
        };
        Arc::new(Self { clock, held: Mutex::new(held), poked: Notify::new(), reach: watch::Sender::new(Reach::Near) })
    }

    /// Has a store read the log from its beginning, and relay what it emits.
    pub(super) async fn attach(self: &Arc<Self>, store: &Store) -> Attached {
        let relayed = store.relayed().await.unwrap();
        let intake = store.intake();
        let mut held = self.held();
        intake.begin(Seq::new(held.floor));
        intake.recall(&held.entries);
        intake.settle(relayed);
        held.readers.push(intake);
        drop(held);
        let (log, outbox) = (Arc::clone(self), store.outbox().unwrap());
        Attached { relay: tokio::spawn(async move { log.relay(outbox).await }) }
    }

    /// Puts the log out of reach, or back into it.
    pub(super) fn set(&self, reach: Reach) {
        self.reach.send_replace(reach);
    }

    async fn until(&self, wanted: Reach) {
        let mut reach = self.reach.subscribe();
        let _ = reach.wait_for(|reach| *reach == wanted).await;
    }

    /// Forgets readers that are closed, and all but the newest entries.
    pub(super) fn detach(&self, keep: u64) {
        let mut held = self.held();
        held.readers.clear();
        let gone = held.entries.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
        held.entries.drain(..gone);
        held.floor += gone as u64;
    }

    async fn relay(&self, mut outbox: Outbox) {
        loop {
            if let Ok(Some(relaying)) = outbox.lead().await {
                let _: Result<(), StoreError> = self.relay_as(relaying).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn relay_as(&self, mut relaying: Relaying) -> Result<(), StoreError> {
        let relayed = self.held().relayed;
        relaying.outgrow(relayed).await?;
        loop {
            let parcels = relaying.after(ChangeNumber::default(), 100).await?;
            let Some(last) = parcels.last().map(|parcel| parcel.number) else {
                relaying.beside(self.poked.notified()).await?;
                continue;
            };
            relaying.beside(self.until(Reach::Near)).await?;
            self.take(&parcels);
            relaying.delete_through(last).await?;
        }
    }

    fn take(&self, parcels: &[Parcel]) {
        let mut held = self.held();
        for parcel in parcels {
            if parcel.number > held.relayed {
                held.relayed = parcel.number;
                held.put(draft(parcel), parcel.at, Some(parcel.number));
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }
}

impl Held {
    fn put(&mut self, draft: Draft, at: UnixMillis, change: Option<ChangeNumber>) -> Seq {
        let seq = Seq::new(self.floor + self.entries.len() as u64 + 1);
        let met = Met { entry: Arc::new(draft.place(seq, at)), change };
        self.entries.push(met.clone());
        self.readers.iter().for_each(|reader| reader.meet(std::slice::from_ref(&met)));
        seq
    }
}

impl SharedLog for Loopback {
    fn publish(&self, drafts: Vec<Draft>, key: Option<String>) -> BoxFuture<'_, Result<Vec<Seq>, StoreError>> {
        let (now, mut held) = (self.clock.steady(), self.held());
        let places = drafts.into_iter().enumerate().map(|(index, draft)| {
            let id = key.clone().map(|key| (key, index));
            if let Some(place) = id.as_ref().and_then(|id| held.keys.get(id)) {
                return *place;
            }
            let place = held.put(draft, now, None);
            held.keys.extend(id.map(|id| (id, place)));
            place
        });
        let places = places.collect();
        async { Ok(places) }.boxed()
    }

    fn read(&self, places: Vec<Seq>) -> BoxFuture<'_, Result<Vec<Arc<Entry>>, StoreError>> {
        let held = self.held();
        let index = |place: &Seq| usize::try_from(place.as_u64().checked_sub(held.floor + 1)?).ok();
        let entries = places.iter().filter_map(|place| Some(Arc::clone(&held.entries.get(index(place)?)?.entry)));
        let entries = entries.collect();
        async { Ok(entries) }.boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Seq, StoreError>> {
        let held = self.held();
        let head = Seq::new(held.floor + held.entries.len() as u64);
        async move { Ok(head) }.boxed()
    }

    fn out_of_reach(&self) -> BoxFuture<'_, ()> {
        self.until(Reach::Out).boxed()
    }

    fn poke(&self) {
        self.poked.notify_one();
    }

    fn max_entry_bytes(&self) -> usize {
        MAX_ENTRY_BYTES
    }
}

impl std::fmt::Debug for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Loopback")
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

fn draft(parcel: &Parcel) -> Draft {
    let json = |text: &String| serde_json::from_str(text).unwrap();
    Draft {
        event: parcel.event.as_ref().map(|event| event.parse().unwrap()),
        audience: serde_json::from_str(&parcel.audience).unwrap(),
        change: parcel.change.as_ref().map(json),
    }
}
