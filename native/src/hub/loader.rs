//! Answers the two questions of a session from the store, on the runtime, a bounded number at once.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::gateway::Principal;
use sanmon_core::id::Id;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Shared;
use super::connection::Key;
use super::mailbox::{Command, Unanswered};
use crate::store::{Store, StoreError};
use crate::store::{sessions, snapshot};

/// Questions that are answered at the same time; the others wait their turn. Each connection asks one at a time, so the
/// number of connections bounds how many wait.
const AT_ONCE: usize = 64;
/// How long a question may take, its wait included; the session gives up a little later by itself.
const TIMEOUT: Duration = Duration::from_secs(25);

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
}

/// Asks the store for hub threads. The tasks hold the hub weakly: they end unheard when it is gone.
pub(super) struct Loader {
    runtime: Handle,
    store: Store,
    shared: Weak<Shared>,
    permits: Arc<Semaphore>,
}

impl Loader {
    pub(super) fn new(runtime: Handle, store: Store, shared: Weak<Shared>) -> Self {
        Self { runtime, store, shared, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Asks whose session this secret is; a suspect's question waits in the queue of suspects.
    pub(super) fn authenticate(&self, thread: usize, key: Key, secret: String, queue: Option<Arc<Semaphore>>) {
        let (store, shared) = (self.store.clone(), self.shared.clone());
        let work = async move {
            let Some(session) = sessions::authenticate(&store, &secret).await? else { return Ok(None) };
            let Some(shared) = shared.upgrade() else { return Ok(None) };
            let clock = shared.clock;
            let expires = session.expires_at.map(|at| {
                let left = at.as_millis().saturating_sub(clock.steady().as_millis());
                clock.now() + Duration::from_millis(left)
            });
            Ok(Some(Principal { user: session.user, session: session.session, expires }))
        };
        let permits = queue.unwrap_or_else(|| Arc::clone(&self.permits));
        self.ask_among(permits, thread, work, move |answer| Command::Authenticated(key, answer));
    }

    /// Asks what `user` missed after `after`, or for everything when that can't be told or nothing was asked.
    pub(super) fn load(&self, thread: usize, key: Key, user: Id, after: Option<Seq>) {
        let store = self.store.clone();
        let work = async move {
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
        self.ask(thread, work, move |answer| Command::Loaded(key, answer));
    }

    /// Asks again what `user` missed, for a connection that has had everything up to `after`.
    pub(super) fn load_again(&self, thread: usize, key: Key, user: Id, after: Seq) {
        let store = self.store.clone();
        let work = async move {
            let missed = snapshot::missed(&store, user, after).await?;
            let missed = missed.ok_or_else(|| StoreError::Unavailable("the log no longer reaches back".into()))?;
            Ok(Box::new(Loaded::Missed(after, missed)))
        };
        self.ask(thread, work, move |answer| Command::Loaded(key, answer));
    }

    /// Asks for the entries at these places.
    pub(super) fn page(&self, thread: usize, key: Key, seqs: Vec<Seq>) {
        let store = self.store.clone();
        let work = async move { Ok(Page { entries: snapshot::entries(&store, &seqs).await? }) };
        self.ask(thread, work, move |answer| Command::Page(key, answer));
    }

    fn ask<T: Send + 'static>(
        &self,
        thread: usize,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        command: impl FnOnce(Result<T, Unanswered>) -> Command + Send + 'static,
    ) {
        self.ask_among(Arc::clone(&self.permits), thread, work, command);
    }

    fn ask_among<T: Send + 'static>(
        &self,
        permits: Arc<Semaphore>,
        thread: usize,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        command: impl FnOnce(Result<T, Unanswered>) -> Command + Send + 'static,
    ) {
        let shared = self.shared.clone();
        self.runtime.spawn(async move {
            let bounded = timeout(TIMEOUT, async {
                let _permit = permits.acquire().await;
                work.await
            });
            let answer = match bounded.await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a connection could not be served");
                    Err(Unanswered)
                }
                Err(_) => {
                    tracing::warn!("a connection could not be served: the store took too long");
                    Err(Unanswered)
                }
            };
            if let Some(shared) = shared.upgrade() {
                shared.mailboxes[thread].post(command(answer));
            }
        });
    }
}
