//! Drives the machine that decides how users show, on the runtime.
//!
//! The desk takes what hub threads report and never waits for the store while it does, so a thread waits for nobody but it.
//! At most one batch is on its way to the store; meanwhile the machine keeps what changes, once per user.
//!
//! Among many nodes each keeps its own part, under a run: how a user shows is what comes of all parts. Who was at a node that
//! died is found by the others, by its run.

mod many;

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use sanmon_core::event::{Presence, PresenceUpdate};
use sanmon_core::gateway::{Device, PresenceOutput, PresenceTimes, Presences};
use sanmon_core::id::Id;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, sleep_until};

use self::many::Many;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::store::presence_runs::{self, Run, Written};
use crate::store::{Store, StoreError, presences};
use crate::tally::Tally;

/// Reports that may wait for the desk, which does nothing but take them.
const REPORTS: usize = 8192;
/// Choices that are stored at the same time.
const STORES: usize = 32;
/// How long the desk waits before it tries again what the store did not take.
const RETRY: Duration = Duration::from_secs(1);

/// Where presences are reported.
#[derive(Debug)]
pub(super) struct PresenceDesk {
    store: Store,
    reports: mpsc::Sender<Report>,
    task: AbortHandle,
    /// Whether the node sends everyone away.
    drains: AtomicBool,
    many: Option<Many>,
}

#[derive(Debug)]
enum Report {
    Connected(Id, Device, Option<Presence>),
    Disconnected(Id, Device),
    Chosen(Id, Device, Presence),
    ChosenForAll(Id, Presence),
}

impl PresenceDesk {
    /// Opens the desk. Who was shown as online when the node went down goes offline unless back within the grace; among many
    /// nodes, whichever of them sees to that.
    pub(super) async fn start(
        runtime: &Handle,
        store: Store,
        clock: Clock,
        times: PresenceTimes,
        cluster: Option<&Cluster>,
    ) -> Result<Self, StoreError> {
        let mut machine = Presences::new(times);
        let (reports, inbox) = mpsc::channel(REPORTS);
        let many = match cluster {
            Some(cluster) => Some(Many::start(runtime, &store, clock, times.grace, cluster.clone(), &reports).await?),
            None => {
                machine.handle_leftovers(clock.now(), presences::shown_online(&store).await?);
                None
            }
        };
        let place = many.as_ref().map(Many::place);
        let files = Files { store: store.clone(), place, clock, failed: Tally::default() };
        let clerk = Clerk { machine, clock, files: Arc::new(files), unstored: HashMap::new(), unshown: Vec::new() };
        let task = runtime.spawn(clerk.run(inbox)).abort_handle();
        Ok(Self { store, reports, task, drains: AtomicBool::new(false), many })
    }

    /// The run under which this node's part is kept.
    pub(super) fn run(&self) -> Option<i64> {
        self.many.as_ref().map(|many| many.place().run().as_i64())
    }

    /// A connection is live; `last` is what its user chose last.
    pub(super) fn connected(&self, user: Id, device: u64, last: Option<Presence>) {
        self.report(Report::Connected(user, Device(device), last));
    }

    /// From here on whoever goes was sent away. They can't come back here, so nobody is shown as offline for it: the node that
    /// they come back to, or this one's next start, sees who stays away.
    pub(super) fn drain(&self) {
        self.drains.store(true, Ordering::Relaxed);
    }

    /// A live connection is gone.
    pub(super) fn disconnected(&self, user: Id, device: u64) {
        if self.drains.load(Ordering::Relaxed) {
            return;
        }
        self.report(Report::Disconnected(user, Device(device)));
    }

    /// The client at a live connection chose a presence.
    pub(super) fn chosen(&self, user: Id, device: u64, presence: Presence) {
        self.report(Report::Chosen(user, Device(device), presence));
    }

    /// The user chose a presence for all connections and for the next one.
    pub(super) async fn choose(&self, user: Id, presence: Presence) -> Result<(), StoreError> {
        presences::choose(&self.store, user, presence.clone()).await?;
        if let Some(many) = &self.many {
            many.tell(user, &presence).await;
        }
        let _ = self.reports.send(Report::ChosenForAll(user, presence)).await;
        Ok(())
    }

    /// Closes the desk: nothing is shown any more.
    pub(super) fn stop(&self) {
        self.task.abort();
        if let Some(many) = &self.many {
            many.stop();
        }
    }

    fn report(&self, report: Report) {
        // An error says that the desk is closed: the node stops.
        let _ = match self.reports.try_send(report) {
            Err(mpsc::error::TrySendError::Full(report)) => self.reports.blocking_send(report),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        };
    }
}

/// Who sits at the desk.
struct Clerk {
    machine: Presences,
    clock: Clock,
    files: Arc<Files>,
    /// Choices that the store has not taken yet, the newest of each user.
    unstored: HashMap<Id, Presence>,
    /// The batch to show after them.
    unshown: Vec<PresenceUpdate>,
}

/// Where a batch goes.
struct Files {
    store: Store,
    /// The run under which this node's part is kept, among many nodes.
    place: Option<many::Place>,
    clock: Clock,
    /// What the store did not take at the first try, again and again while it is away.
    failed: Tally,
}

/// What came of a batch.
struct Done {
    /// The choices that the store did not take.
    unstored: HashMap<Id, Presence>,
    /// What could not be shown.
    unshown: Vec<PresenceUpdate>,
    /// The run that takes the place of one that others have ended.
    successor: Option<Run>,
}

impl Clerk {
    async fn run(mut self, mut inbox: mpsc::Receiver<Report>) {
        let mut under_way: Option<Pin<Box<dyn Future<Output = Done> + Send>>> = None;
        loop {
            let is_idle = under_way.is_none();
            let next = self.machine.deadline().filter(|_| is_idle);
            tokio::select! {
                report = inbox.recv() => match report {
                    Some(report) => self.take(report),
                    None => return,
                },
                () = async {
                    match next {
                        Some(next) => sleep_until(self.clock.instant(next).into()).await,
                        None => pending().await,
                    }
                } => self.machine.handle_timeout(self.clock.now()),
                Done { unstored, unshown, successor } = async {
                    match &mut under_way {
                        Some(work) => work.await,
                        None => pending().await,
                    }
                } => {
                    under_way = None;
                    for (user, presence) in unstored {
                        self.unstored.entry(user).or_insert(presence);
                    }
                    self.machine.handle_unpublished(self.clock.now(), &unshown);
                    if let (Some(place), Some(successor)) = (&self.files.place, successor) {
                        tracing::warn!("others took this node for gone and its users for offline; they are shown anew");
                        place.take(successor);
                        self.machine.handle_forgotten(self.clock.now());
                    }
                }
            }
            while let Some(output) = self.machine.poll_output() {
                match output {
                    PresenceOutput::Remember(chosen) => {
                        self.unstored.extend(chosen.into_iter().map(|PresenceUpdate { id, d }| (id, d)));
                    }
                    PresenceOutput::Publish(batch) => self.unshown.extend(batch),
                }
            }
            if under_way.is_none() && !(self.unstored.is_empty() && self.unshown.is_empty()) {
                let (unstored, unshown) = (std::mem::take(&mut self.unstored), std::mem::take(&mut self.unshown));
                under_way = Some(Box::pin(Arc::clone(&self.files).keep(unstored, unshown)));
            }
        }
    }

    fn take(&mut self, report: Report) {
        let now = self.clock.now();
        match report {
            Report::Connected(user, device, last) => self.machine.handle_connected(now, user, device, last),
            Report::Disconnected(user, device) => self.machine.handle_disconnected(now, user, device),
            Report::Chosen(user, device, presence) => self.machine.handle_chosen(now, user, device, presence),
            Report::ChosenForAll(user, presence) => self.machine.handle_chosen_for_all(now, user, presence),
        }
    }
}

impl Files {
    /// Stores choices, then shows a batch. What the store did not take comes back after a pause.
    async fn keep(self: Arc<Self>, chosen: HashMap<Id, Presence>, batch: Vec<PresenceUpdate>) -> Done {
        let stores = stream::iter(chosen).map(|(user, presence)| self.store_choice(user, presence));
        let unstored: HashMap<_, _> = stores.buffer_unordered(STORES).filter_map(std::future::ready).collect().await;
        let shown = if batch.is_empty() { Ok(None) } else { self.show(batch.clone()).await };
        let (unshown, successor) = match shown {
            Ok(successor) => (Vec::new(), successor),
            Err(error) => {
                if let Some(times) = self.failed.note(self.clock.now()) {
                    tracing::warn!(%error, presences = batch.len(), times, "presences could not be shown; trying again");
                }
                (batch, None)
            }
        };
        if !(unstored.is_empty() && unshown.is_empty()) {
            sleep(RETRY).await;
        }
        Done { unstored, unshown, successor }
    }

    /// Stores a choice, or gives it back where it is worth another try.
    async fn store_choice(&self, user: Id, presence: Presence) -> Option<(Id, Presence)> {
        match presences::choose(&self.store, user, presence.clone()).await {
            Ok(()) => None,
            // The user is gone, or the presence can't be stored: neither gets better.
            Err(StoreError::Refused(refusal)) => {
                tracing::debug!(%user, %refusal, "a presence was not kept");
                None
            }
            Err(error) => {
                if let Some(times) = self.failed.note(self.clock.now()) {
                    tracing::warn!(%error, times, "a presence could not be stored; trying again");
                }
                Some((user, presence))
            }
        }
    }

    /// Shows a batch, or begins another run where others have ended this node's.
    async fn show(&self, batch: Vec<PresenceUpdate>) -> Result<Option<Run>, StoreError> {
        let Some(place) = &self.place else {
            presences::show(&self.store, batch).await?;
            return Ok(None);
        };
        match presence_runs::show(&self.store, place.run(), batch).await? {
            Written::Kept => Ok(None),
            Written::Ended => presence_runs::begin(&self.store, place.node()).await.map(Some),
        }
    }
}
