//! Answers the two questions of a session from the store, on the runtime, a bounded number at once.

use std::future::{Future, pending};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::gateway::Principal;
use sanmon_core::history::Replay;
use sanmon_core::id::Id;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::Shared;
use super::connection::Key;
use super::mailbox::{Command, Unanswered};
use crate::cluster::Tie;
use crate::store::{Store, StoreError};
use crate::store::{sessions, snapshot};

/// Questions of a kind that are answered at the same time; the others wait their turn. Each connection asks one at a time, so
/// the number of connections bounds how many wait.
const AT_ONCE: usize = 64;
/// Missed entries that are loaded at once.
const PAGE: usize = 64;
/// How long a question may take, its wait included; the session gives up a little later by itself.
const TIMEOUT: Duration = Duration::from_secs(25);
/// How long to wait before the log is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What a connection starts from.
#[derive(Debug)]
pub(super) enum Loaded {
    /// All of the user's state at a place of the log.
    Fresh(snapshot::Snapshot),
    /// Which entries the user missed from the place that was asked for up to a place of the log.
    Missed(Seq, snapshot::Missed),
}

/// Some of the entries that a connection missed.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Arc<Entry>>,
    /// What comes behind them.
    pub(super) rest: Replay,
}

/// Asks the store for hub threads. The tasks hold the hub weakly: they end unheard when it is gone.
pub(super) struct Loader {
    runtime: Handle,
    store: Store,
    shared: Weak<Shared>,
    // Whoever is loaded waits for the log, which nobody else should have to.
    authentications: Arc<Semaphore>,
    loads: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    /// Whether the node and the others know of each other, where there are others.
    ties: Option<watch::Receiver<Tie>>,
}

impl Loader {
    pub(super) fn new(runtime: Handle, store: Store, shared: Weak<Shared>, ties: Option<watch::Receiver<Tie>>) -> Self {
        let permits = || Arc::new(Semaphore::new(AT_ONCE));
        Self { runtime, store, shared, authentications: permits(), loads: permits(), pages: permits(), ties }
    }

    /// What those need who are loaded.
    #[cfg(test)]
    pub(super) fn loads(&self) -> &Semaphore {
        &self.loads
    }

    /// Asks whose session this secret is; a suspect's question waits in the queue of suspects.
    pub(super) fn authenticate(&self, thread: usize, key: Key, secret: String, queue: Option<Arc<Semaphore>>) {
        let (store, shared) = (self.store.clone(), self.shared.clone());
        let permits = queue.unwrap_or_else(|| Arc::clone(&self.authentications));
        let work = async move {
            let _permit = permits.acquire().await;
            let Some(session) = sessions::authenticate(&store, &secret).await? else { return Ok(None) };
            let Some(shared) = shared.upgrade() else { return Ok(None) };
            let clock = shared.clock;
            let expires = session.expires_at.map(|at| {
                let left = at.as_millis().saturating_sub(clock.steady().as_millis());
                clock.now() + Duration::from_millis(left)
            });
            Ok(Some(Principal { user: session.user, session: session.session, expires }))
        };
        self.answer(thread, work, move |answer| Command::Authenticated(key, answer));
    }

    /// Asks what `user` missed after `after`, or for everything when that can't be told or nothing was asked.
    pub(super) fn load(&self, thread: usize, key: Key, user: Id, after: Option<Seq>) {
        let work = move |store: Store| async move {
            if let Some(after) = after
                && let Some(missed) = snapshot::missed(&store, user, after).await?
            {
                return Ok(Box::new(Loaded::Missed(after, missed)));
            }
            let snapshot = snapshot::snapshot(&store, user).await?;
            // A user who was erased since the session was found.
            let snapshot = snapshot.ok_or_else(|| StoreError::Unavailable("the user is gone".into()))?;
            Ok(Box::new(Loaded::Fresh(snapshot)))
        };
        self.ask(&self.loads, thread, work, move |answer| Command::Loaded(key, answer));
    }

    /// Asks again what `user` missed, for a connection that has had everything up to `after`.
    pub(super) fn load_again(&self, thread: usize, key: Key, user: Id, after: Seq) {
        let work = move |store: Store| async move {
            let missed = snapshot::missed(&store, user, after).await?;
            let missed = missed.ok_or_else(|| StoreError::Unavailable("the log no longer reaches back".into()))?;
            Ok(Box::new(Loaded::Missed(after, missed)))
        };
        self.ask(&self.loads, thread, work, move |answer| Command::Loaded(key, answer));
    }

    /// Asks for the next entries of a replay.
    pub(super) fn page(&self, thread: usize, key: Key, replay: Replay) {
        let work = move |store: Store| {
            let mut rest = replay.clone();
            async move { Ok(Page { entries: snapshot::next_page(&store, &mut rest, PAGE).await?, rest }) }
        };
        self.ask(&self.pages, thread, work, move |answer| Command::Page(key, answer));
    }

    /// Asks what the log has to do with: it may be out of reach for a moment, and is asked again until it is back or the node
    /// is known to be cut off.
    fn ask<T: Send + 'static, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        permits: &Arc<Semaphore>,
        thread: usize,
        work: impl Fn(Store) -> F + Send + Sync + 'static,
        command: impl FnOnce(Result<T, Unanswered>) -> Command + Send + 'static,
    ) {
        let (store, permits) = (self.store.clone(), Arc::clone(permits));
        let work = async move {
            loop {
                let permit = permits.acquire().await;
                match work(store.clone()).await {
                    Err(StoreError::Log(reason)) => tracing::debug!(reason, "asking the log again for a connection"),
                    answer => return answer,
                }
                // The others get their turn.
                drop(permit);
                sleep(ASK_AGAIN).await;
            }
        };
        self.answer(thread, work, command);
    }

    /// Does this in the background, and tells the thread what came of it.
    fn answer<T: Send + 'static>(
        &self,
        thread: usize,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        command: impl FnOnce(Result<T, Unanswered>) -> Command + Send + 'static,
    ) {
        let (shared, ties) = (self.shared.clone(), self.ties.clone());
        self.runtime.spawn(async move {
            let answer = tokio::select! {
                biased;
                answer = timeout(TIMEOUT, work) => answer.unwrap_or_else(|_| Err(StoreError::Unavailable("it took too long".into()))),
                // What waits for the log, or behind others who do, would wait in vain.
                () = cut_off(ties.clone()) => Err(StoreError::Log("this node is cut off".into())),
            };
            let Some(shared) = shared.upgrade() else { return };
            let answer = answer.map_err(|error| {
                if ties.is_some_and(|ties| *ties.borrow() == Tie::CutOff) {
                    return Unanswered::CutOff;
                }
                if let Some(times) = shared.tallies.unserved.note(shared.now()) {
                    tracing::warn!(times, %error, "connections could not be served");
                }
                Unanswered::Failed
            });
            shared.mailboxes[thread].post(command(answer));
        });
    }
}

/// Returns once the node is cut off from the others; never where there are none.
async fn cut_off(ties: Option<watch::Receiver<Tie>>) {
    match ties {
        Some(ties) => Tie::cut_off(ties).await,
        None => pending().await,
    }
}
