//! Starting, closing and joining: what state a server is in, and what each state allows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{info, warn};

use super::endpoint::{Desk, Endpoint};
use super::listen::{Bound, Listen};
use super::service::Root;
use crate::config::Address;
use crate::doorway::{Doorway, Flushes, Phase};
use crate::listen::ListenError;
use crate::peer::Door;

/// The server is in a state that does not allow this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateConflict {
    /// It listens already.
    #[error("the server is alive")]
    Alive,
    /// Another start is under way.
    #[error("the server is being started")]
    Starting,
    /// It is being closed.
    #[error("the server is being closed")]
    Closing,
    /// It does not listen.
    #[error("the server is not alive")]
    NotAlive,
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The server's state does not allow it.
    #[error(transparent)]
    State(#[from] StateConflict),
    /// No address was given.
    #[error("there is no address to listen on")]
    NoAddress,
    /// An address can't be used.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A server's life.
///
/// ```text
/// idle ──start──► starting ──bound──► alive ──close──► closing ──► idle
///                     └────failed────► idle
/// ```
#[derive(Debug, Default)]
pub(super) struct Life(Mutex<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Starting,
    Alive(Alive),
    Closing {
        over: watch::Receiver<bool>,
    },
}

/// What a server has while it listens.
#[derive(Debug)]
struct Alive {
    addresses: Vec<Address>,
    phase: watch::Sender<Phase>,
    room: Arc<Semaphore>,
    size: u32,
    shutdown_timeout: Duration,
    over: watch::Sender<bool>,
}

/// A start that was not finished leaves no trace.
struct Starting<'a>(&'a Life);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if matches!(*state, State::Starting) {
            *state = State::Idle;
        }
    }
}

/// How connections are served.
#[derive(Clone, Debug)]
pub(super) struct Serving {
    pub(super) http: Builder,
    /// How many connections are served at once; more wait.
    pub(super) max_connections: u32,
}

impl Life {
    pub(super) fn is_alive(&self) -> bool {
        matches!(*self.lock(), State::Alive(_))
    }

    pub(super) fn addresses(&self) -> Vec<Address> {
        match &*self.lock() {
            State::Alive(alive) => alive.addresses.clone(),
            State::Idle | State::Starting | State::Closing { .. } => Vec::new(),
        }
    }

    pub(super) async fn start<D: Desk>(
        &self,
        endpoint: &Endpoint<D>,
        serving: &Serving,
        listens: Vec<Listen>,
        shutdown_timeout: Duration,
    ) -> Result<(), StartError> {
        self.begin()?;
        let starting = Starting(self);
        if listens.is_empty() {
            return Err(StartError::NoAddress);
        }
        let mut bound = Vec::with_capacity(listens.len());
        for listen in listens {
            bound.extend(listen.bind().await?);
        }
        let size = serving.max_connections;
        let alive = Alive {
            addresses: bound.iter().map(|bound| bound.listener.address().clone()).collect(),
            phase: watch::Sender::new(Phase::Serving),
            room: Arc::new(Semaphore::new(size as usize)),
            size,
            shutdown_timeout,
            over: watch::Sender::new(false),
        };
        for Bound { listener, tls } in bound {
            info!(address = %listener.address(), "listening for interactions");
            let doorway = Doorway {
                door: Door::Public,
                tls,
                service: Root(endpoint.clone()),
                flushes: Flushes::Watched,
                pace: None,
                room: Arc::clone(&alive.room),
                crowd: None,
                http: serving.http.clone(),
                metrics: Arc::clone(endpoint.metrics()),
                phase: alive.phase.subscribe(),
            };
            tokio::spawn(doorway.run(listener));
        }
        *self.lock() = State::Alive(alive);
        drop(starting);
        Ok(())
    }

    fn begin(&self) -> Result<(), StateConflict> {
        let mut state = self.lock();
        match *state {
            State::Idle => *state = State::Starting,
            State::Starting => return Err(StateConflict::Starting),
            State::Alive(_) => return Err(StateConflict::Alive),
            State::Closing { .. } => return Err(StateConflict::Closing),
        }
        Ok(())
    }

    /// Closes the server, or waits with whoever closes it already.
    pub(super) async fn close<D: Desk>(self: &Arc<Self>, endpoint: &Endpoint<D>) -> Result<(), StateConflict> {
        let mut over = {
            let mut state = self.lock();
            let over = match &*state {
                State::Idle | State::Starting => return Err(StateConflict::NotAlive),
                State::Closing { over } => over.clone(),
                State::Alive(alive) => alive.over.subscribe(),
            };
            let closing = State::Closing { over: over.clone() };
            if let State::Alive(alive) = std::mem::replace(&mut *state, closing) {
                // It goes on even if nobody waits for it any more.
                tokio::spawn(Arc::clone(self).finish(alive, endpoint.clone()));
            }
            over
        };
        let _ = over.wait_for(|over| *over).await;
        Ok(())
    }

    async fn finish<D: Desk>(self: Arc<Self>, alive: Alive, endpoint: Endpoint<D>) {
        alive.phase.send_replace(Phase::Finishing);
        let all_done = async {
            let _ = alive.room.acquire_many(alive.size).await;
            // Continuations of the last answers began before their connections ended.
            endpoint.tasks().emptied().await;
        };
        if timeout(alive.shutdown_timeout, all_done).await.is_err() {
            warn!("requests or continuations were still under way; they are cut");
        }
        alive.phase.send_replace(Phase::Over);
        endpoint.tasks().cut();
        *self.lock() = State::Idle;
        alive.over.send_replace(true);
        info!("closed the interactions server");
    }

    /// Waits until the server is closed.
    pub(super) async fn join(&self) -> Result<(), StateConflict> {
        let mut over = match &*self.lock() {
            State::Idle | State::Starting => return Err(StateConflict::NotAlive),
            State::Closing { over } => over.clone(),
            State::Alive(alive) => alive.over.subscribe(),
        };
        let _ = over.wait_for(|over| *over).await;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
