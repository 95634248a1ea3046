//! A node's part in how users show, among the parts of other nodes; and the parts of nodes that are gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use sanmon_core::event::Presence;
use sanmon_core::id::Id;
use sanmon_core::time::Moment;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::Report;
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::cluster::{Cluster, GONE_AFTER};
use crate::store::presence_runs::{self, Run};
use crate::store::{Store, StoreError};
use crate::tally::Tally;

/// Where nodes tell each other what users chose for all of their connections.
const CHOSEN: &str = "sanmon.presence.chosen";
/// How often it is looked whose nodes are gone.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long after a node was last seen its users may still have been connected: it is seen this often.
const SLACK: Duration = Duration::from_secs(2);
/// How long telling the others may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a desk has to do with those of other nodes.
#[derive(Debug)]
pub(super) struct Many {
    cluster: Cluster,
    place: Place,
    clock: Clock,
    /// Choices that the others were not told.
    untold: Tally,
    tasks: Vec<AbortHandle>,
}

/// The run under which a node's part is kept: another one once others have ended it. Clones are the same place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    node: u8,
    run: Arc<Mutex<Run>>,
}

/// What a user chose for all connections, as nodes tell each other.
#[derive(Debug, Serialize, Deserialize)]
struct Choice {
    /// The run of the node that tells it.
    from: i64,
    user: Id,
    presence: Presence,
}

impl Place {
    pub(super) const fn node(&self) -> u8 {
        self.node
    }

    pub(super) fn run(&self) -> Run {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, successor: Run) {
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = successor;
    }
}

impl Many {
    /// Begins a run, listens to what others tell, and looks who of them is gone. `grace` is how long after its last
    /// connection a user goes offline.
    pub(super) async fn start(
        runtime: &Handle,
        store: &Store,
        clock: Clock,
        grace: Duration,
        cluster: Cluster,
        reports: &mpsc::Sender<Report>,
    ) -> Result<Self, StoreError> {
        let node = cluster.number();
        let run = presence_runs::begin(store, node).await?;
        let place = Place { node, run: Arc::new(Mutex::new(run)) };
        let bury = bury(store.clone(), cluster.clone(), clock, grace, place.clone());
        let listen = listen(cluster.clone(), place.clone(), reports.clone());
        let tasks = vec![runtime.spawn(bury).abort_handle(), runtime.spawn(listen).abort_handle()];
        Ok(Self { cluster, place, clock, untold: Tally::default(), tasks })
    }

    pub(super) fn place(&self) -> Place {
        self.place.clone()
    }

    /// Tells the others what a user chose who may be connected there. Whom it does not reach reads it when the user connects
    /// the next time.
    pub(super) async fn tell(&self, user: Id, presence: &Presence) {
        let choice = Choice { from: self.place.run().as_i64(), user, presence: presence.clone() };
        let text = serde_json::to_vec(&choice).expect("plain fields");
        let why = match timeout(PATIENCE, self.cluster.client().publish(CHOSEN, text.into())).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => with_causes(&error),
            Err(_) => format!("it took longer than {} s", PATIENCE.as_secs()),
        };
        if let Some(times) = self.untold.note(self.clock.now()) {
            tracing::warn!(why, times, "choices of presence could not be told to other nodes");
        }
    }

    pub(super) fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// Takes what other nodes tell.
async fn listen(cluster: Cluster, place: Place, reports: mpsc::Sender<Report>) {
    loop {
        match cluster.client().subscribe(CHOSEN).await {
            Ok(mut told) => {
                while let Some(message) = told.next().await {
                    let Ok(Choice { from, user, presence }) = serde_json::from_slice(&message.payload) else {
                        continue;
                    };
                    let is_own = from == place.run().as_i64();
                    if !is_own && reports.send(Report::ChosenForAll(user, presence)).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "what users choose at other nodes can't be heard; trying again"),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Ends the runs of nodes that are gone, once their users could have come back elsewhere.
async fn bury(store: Store, cluster: Cluster, clock: Clock, grace: Duration, place: Place) {
    let patience = (grace + SLACK).max(GONE_AFTER);
    let (mut seen, failures) = (HashMap::new(), Tally::default());
    loop {
        sleep(LOOK_EVERY).await;
        if !cluster.sees() {
            // Whoever is not seen now may live.
            seen.clear();
            continue;
        }
        let runs = match presence_runs::all(&store).await {
            Ok(runs) => runs,
            Err(error) => {
                tracing::debug!(%error, "it can't be read which runs there are");
                continue;
            }
        };
        for run in gone(&mut seen, &runs, place.run(), &cluster.runs(), clock.now(), patience) {
            match presence_runs::end(&store, run).await {
                Ok(()) => {
                    tracing::info!(run = run.as_i64(), "a node is gone; who was there and is nowhere else is offline")
                }
                Err(error) => {
                    if let Some(times) = failures.note(clock.now()) {
                        tracing::warn!(%error, times, "users of nodes that are gone could not be shown as offline yet");
                    }
                }
            }
        }
    }
}

/// Which runs were not seen for this long. `seen` remembers when each was; `live` is what was seen now.
fn gone(
    seen: &mut HashMap<Run, Moment>,
    runs: &[Run],
    own: Run,
    live: &[(i64, Moment)],
    now: Moment,
    patience: Duration,
) -> Vec<Run> {
    seen.retain(|run, _| runs.contains(run));
    let mut gone = Vec::new();
    for run in runs.iter().copied().filter(|run| *run != own) {
        let at = seen.entry(run).or_insert(now);
        if let Some((_, last)) = live.iter().find(|(live, _)| *live == run.as_i64()) {
            *at = (*at).max(*last);
        }
        if now.since(*at) >= patience {
            gone.push(run);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_gone_once_it_was_not_seen_for_long() {
        let runs = [Run::test(1), Run::test(2), Run::test(3)];
        let (mut seen, patience) = (HashMap::new(), Duration::from_secs(17));
        let mut gone_at = |ms, live: &[(i64, u64)]| {
            let live: Vec<_> = live.iter().map(|(run, at)| (*run, Moment::from_millis(*at))).collect();
            gone(&mut seen, &runs, runs[0], &live, Moment::from_millis(ms), patience)
        };
        // Nobody knows how long the third had been gone.
        assert_eq!(gone_at(100_000, &[(2, 99_000)]), []);
        assert_eq!(gone_at(103_000, &[(2, 102_000)]), []);
        assert_eq!(gone_at(116_999, &[(2, 102_000)]), []);
        assert_eq!(gone_at(117_000, &[(2, 102_000)]), [runs[2]]);
        assert_eq!(gone_at(118_999, &[]), [runs[2]]);
        assert_eq!(gone_at(119_000, &[]), [runs[1], runs[2]]);
    }
}
