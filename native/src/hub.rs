//! The hot path: who is connected, and fan-out of the log's entries to them.
//!
//! Connections belong to hub threads, one per core: a thread owns its sockets, its subscriptions and their sessions, so
//! no lock is on the path of an event. All connections of a user live on one thread, which a hash of the user's id picks.
//!
//! ```text
//!                   ┌─► ring of recent entries ─► thread 1: meet, gather, one write per socket
//! store's commit ───┤                        └──► thread 2: ...
//!                   └─► a wake per thread
//! upgrade ─► accept ─► identify ─► authenticate* ─► move to the user's thread ─► load* ─► catch up ─► live
//!                                                                       * on the runtime, a bounded number at once
//! ```

mod admission;
mod attendance;
mod connection;
mod loader;
mod mailbox;
mod memory;
mod presence;
mod ring;
mod stream;
#[cfg(test)]
mod tests;
mod thread;
mod timers;
mod websocket;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use mio::Poll;
use sanmon_core::codec::Dispatch;
use sanmon_core::entry::Entry;
use sanmon_core::event::{Presence, Seq};
use sanmon_core::gateway::{Close, Limits, PresenceTimes, QueueLimits};
use sanmon_core::id::Id;
use sanmon_core::time::Moment;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use self::admission::Admission;
pub(crate) use self::admission::{NoRoom, Ticket};
use self::attendance::Attendance;
use self::connection::QueueBounds;
use self::loader::Loader;
use self::mailbox::{Command, Errand, Mailbox};
use self::presence::PresenceDesk;
use self::ring::Ring;
pub(crate) use self::stream::Stream;
use self::thread::Thread;
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::failures::Failures;
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use crate::tally::Tally;

/// Connections whose drain fits into the configured window; more of them get a longer one.
const CONNECTIONS_PER_WINDOW: u64 = 5_000;
/// How long after the drain window the last close handshakes may take.
const DRAIN_SLACK: Duration = Duration::from_secs(6);

/// Everyone who is connected to this node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub {
    shared: Arc<Shared>,
}

/// A connection that was just upgraded.
#[derive(Debug)]
pub(crate) struct Upgraded {
    /// Its socket.
    pub stream: Stream,
    /// What was read from the socket behind the upgrade's request.
    pub leftover: Bytes,
    /// Its place among the connections of the node.
    pub ticket: Ticket,
    /// Why it is closed at once, if it is.
    pub refused: Option<Close>,
}

/// What the hub knows only once the server is open.
struct Backend {
    loader: Loader,
    presences: PresenceDesk,
    public_url: String,
    cluster: Option<Cluster>,
}

/// What all threads share.
struct Shared {
    clock: Clock,
    metrics: Arc<Metrics>,
    admission: Arc<Admission>,
    attendance: Attendance,
    failures: Arc<Failures>,
    tallies: Tallies,
    ring: Ring,
    mailboxes: Vec<Mailbox>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    backend: OnceLock<Backend>,
    bounds: Bounds,
    next_thread: AtomicUsize,
}

/// What is refused too often for a log line each.
#[derive(Debug, Default)]
struct Tallies {
    /// By the place of the reason in [`NoRoom::ALL`].
    no_room: [Tally; NoRoom::ALL.len()],
    failures: Tally,
    identifies: Tally,
    unserved: Tally,
}

/// What the operator set of what concerns the hub.
#[derive(Debug)]
struct Bounds {
    limits: Arc<Limits>,
    queue: QueueBounds,
    max_connections_per_user: u32,
    max_identifies_per_second: u32,
    resume_window: Duration,
    drain: Duration,
    presence_times: PresenceTimes,
}

impl Hub {
    /// Starts the threads. They take connections once [`Self::attach`] told them where to look things up.
    ///
    /// # Errors
    /// The system's, when it gives no more threads or polls.
    pub(crate) fn start(config: &Config, clock: Clock, metrics: Arc<Metrics>) -> io::Result<Self> {
        let threads = match config.hub_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let polls = (0..threads).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let mailboxes = polls.iter().map(thread::mailbox).collect::<io::Result<Vec<_>>>()?;
        let shared = Arc::new(Shared {
            clock,
            metrics,
            admission: Admission::new(config),
            attendance: Attendance::new(config),
            failures: Arc::new(Failures::new(config.max_failures_per_minute)),
            tallies: Tallies::default(),
            ring: Ring::new(),
            mailboxes,
            handles: Mutex::default(),
            backend: OnceLock::new(),
            bounds: Bounds::new(config),
            next_thread: AtomicUsize::new(0),
        });
        let hub = Self { shared };
        for (index, poll) in polls.into_iter().enumerate() {
            let thread = Thread::new(index, poll, hub.shared.clone());
            let handle = std::thread::Builder::new().name(format!("hub-{index}")).spawn(move || thread.run());
            match handle {
                Ok(handle) => hub.handles().push(handle),
                Err(error) => {
                    hub.stop();
                    return Err(error);
                }
            }
        }
        Ok(hub)
    }

    /// Tells the hub where sessions and missed events are looked up, under which address clients reach the node, and among
    /// which others it is.
    ///
    /// Store and hub know each other: open the store with a callback that calls [`Self::publish`], then attach it before
    /// the first connection is accepted. Later calls do nothing.
    ///
    /// # Errors
    /// The store's, when it can't say where the log stands and who it shows as online.
    pub(crate) async fn attach(
        &self,
        store: Store,
        public_url: String,
        cluster: Option<Cluster>,
    ) -> Result<(), StoreError> {
        let runtime = Handle::current();
        self.shared.ring.begin(store.head());
        let times = self.shared.bounds.presence_times;
        let presences =
            PresenceDesk::start(&runtime, store.clone(), self.shared.clock, times, cluster.as_ref()).await?;
        let ties = cluster.as_ref().map(Cluster::tie);
        let loader = Loader::new(runtime, store, Arc::downgrade(&self.shared), ties);
        let _ = self.shared.backend.set(Backend { loader, presences, public_url, cluster });
        Ok(())
    }

    /// Takes a place for a connection from `address`, whose upgrade may then be answered.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Result<Ticket, NoRoom> {
        let now = self.shared.now();
        self.shared.admission.admit(now, address).inspect_err(|no_room| {
            let (_, reason) = NoRoom::ALL[no_room.index()];
            self.shared.metrics.connections_refused.with_label_values(&[reason]).inc();
            if let Some(times) = self.shared.tallies.no_room[no_room.index()].note(now) {
                tracing::warn!(reason, times, ?address, "connections were refused: {no_room}");
            }
        })
    }

    /// Takes a connection.
    pub(crate) fn accept(&self, connection: Upgraded) {
        let next = self.shared.next_thread.fetch_add(1, Ordering::Relaxed);
        let mailbox = &self.shared.mailboxes[next % self.shared.mailboxes.len()];
        mailbox.post(Command::Accept(Box::new(connection)));
    }

    /// Hands on entries that the log has made durable, in order. Waits for nobody.
    pub(crate) fn publish(&self, entries: &[Arc<Entry>]) {
        self.shared.ring.push(entries);
        self.shared.mailboxes.iter().for_each(Mailbox::wake);
    }

    /// The log began anew behind `head`, with entries missing before: everyone who is connected is sent to connect again.
    pub(crate) fn begin_anew(&self, head: Seq) {
        self.shared.ring.begin_anew(head);
        self.shared.mailboxes.iter().for_each(Mailbox::wake);
    }

    /// Sends a control frame, which never was in the log, to one live connection of `user`, each in turn. Whether one took it.
    pub(crate) async fn send_to_one(&self, user: Id, dispatch: Dispatch) -> bool {
        let (taken, answer) = oneshot::channel();
        let mailbox = &self.shared.mailboxes[self.shared.owner_of(user)];
        mailbox.post(Command::SendToOne(Box::new(Errand { user, dispatch, taken })));
        // A thread that has ended drops what it is told.
        answer.await.unwrap_or(false)
    }

    /// How many live connections each application has that interactions come for, as it changes.
    pub(crate) fn attendance(&self) -> Vec<(Id, watch::Receiver<usize>)> {
        self.shared.attendance.watch()
    }

    /// Chooses how `user` shows, as a PRESENCE_UPDATE from the user's client does: stored, then shown where the user is
    /// connected.
    ///
    /// # Errors
    /// The store's; nothing was chosen then.
    pub(crate) async fn choose_presence(&self, user: Id, presence: Presence) -> Result<(), StoreError> {
        let Some(backend) = self.shared.backend.get() else {
            return Err(StoreError::Unavailable("the server is not open yet".into()));
        };
        backend.presences.choose(user, presence).await
    }

    /// Whether the node would admit another connection.
    ///
    /// # Errors
    /// Why it would not.
    pub(crate) fn room(&self) -> Result<(), NoRoom> {
        self.shared.admission.room(self.shared.now())
    }

    /// Whether the node does not know what happens on the others.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.shared.admission.is_cut_off()
    }

    /// The run under which how users show is kept among the nodes.
    pub(crate) fn presence_run(&self) -> Option<i64> {
        self.shared.backend.get().and_then(|backend| backend.presences.run())
    }

    /// The process's resident memory, if the system tells.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        memory::resident_bytes()
    }

    /// Where failures of clients and callers are counted.
    pub(crate) fn failures(&self) -> &Arc<Failures> {
        &self.shared.failures
    }

    /// How many connections there are, identified or not.
    pub(crate) fn connections(&self) -> usize {
        self.shared.admission.open()
    }

    /// Sends everyone away, each connection at a random moment of the drain window, and returns when all are gone, or when
    /// the window and the time for the last close handshakes are over. Takes no new connections from here on.
    pub(crate) async fn drain(&self) {
        self.shared.admission.shut();
        if let Some(backend) = self.shared.backend.get() {
            backend.presences.drain();
        }
        let window = self.send_away();
        if tokio::time::timeout(window + DRAIN_SLACK, self.shared.admission.emptied()).await.is_err() {
            tracing::warn!(connections = self.connections(), "connections were still open after the drain");
        }
    }

    /// Sends everyone away as a drain does, and serves nobody until [`Self::rejoin`]: what is known here may be stale.
    pub(crate) fn cut_off(&self) {
        self.shared.admission.cut_off();
        self.send_away();
    }

    /// Serves again; whoever was not sent away yet may stay.
    pub(crate) fn rejoin(&self) {
        self.shared.admission.rejoin();
        if !self.shared.admission.is_shut() {
            self.shared.mailboxes.iter().for_each(|mailbox| mailbox.post(Command::Stay));
        }
    }

    /// Has each connection end at a random moment of a window, which this says.
    fn send_away(&self) -> Duration {
        let connections = self.connections() as u64;
        let windows = connections.div_ceil(CONNECTIONS_PER_WINDOW).max(1);
        let window = self.shared.bounds.drain * u32::try_from(windows).unwrap_or(u32::MAX);
        tracing::info!(connections, window_ms = window.as_millis(), "sending everyone away");
        let until = self.shared.clock.now() + window;
        for mailbox in &self.shared.mailboxes {
            mailbox.post(Command::Drain { until });
        }
        window
    }

    /// Ends the threads; what is still connected is cut off.
    pub(crate) fn stop(&self) {
        if let Some(backend) = self.shared.backend.get() {
            backend.presences.stop();
        }
        for mailbox in &self.shared.mailboxes {
            mailbox.post(Command::Stop);
        }
        let handles = std::mem::take(&mut *self.handles());
        for handle in handles {
            if handle.join().is_err() {
                tracing::error!("a hub thread had panicked");
            }
        }
    }

    fn handles(&self) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.shared.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend {
    /// Another node, for clients that are sent away.
    fn elsewhere(&self) -> Option<String> {
        self.cluster.as_ref().and_then(Cluster::elsewhere)
    }

    /// Where a client comes back to when there is no other node: on one machine to this one. Among many, `/available` says.
    fn here(&self) -> Option<String> {
        self.cluster.is_none().then(|| self.public_url.clone())
    }
}

impl Shared {
    /// The thread that owns the connections of `user`.
    fn owner_of(&self, user: Id) -> usize {
        // Fibonacci hashing: snowflakes of one node differ in their upper bits, and the product's upper bits mix all.
        let hash = user.as_u64().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        (hash % self.mailboxes.len() as u64) as usize
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }
}

impl Bounds {
    fn new(config: &Config) -> Self {
        let limits = Limits {
            identify_timeout: Duration::from_millis(config.identify_timeout_ms),
            ping_interval: Duration::from_millis(config.ping_interval_ms),
            ping_timeout: Duration::from_millis(config.ping_timeout_ms),
            max_message_bytes: config.max_message_bytes,
            max_messages_per_minute: config.max_messages_per_minute,
            ..Limits::default()
        };
        Self {
            limits: Arc::new(limits),
            queue: QueueBounds {
                each: QueueLimits {
                    max_bytes: config.max_queue_bytes,
                    max_age: Duration::from_millis(config.max_queue_age_ms),
                    max_stall: Duration::from_millis(config.max_stall_ms),
                },
                all: i64::try_from(config.max_queued_bytes).unwrap_or(i64::MAX),
            },
            max_connections_per_user: config.max_connections_per_user,
            max_identifies_per_second: config.max_identifies_per_second,
            resume_window: Duration::from_millis(config.log_max_age_ms),
            drain: Duration::from_millis(config.drain_ms),
            presence_times: PresenceTimes {
                gather: Duration::from_millis(config.presence_gather_ms),
                grace: Duration::from_millis(config.presence_grace_ms),
            },
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("connections", &self.connections()).finish_non_exhaustive()
    }
}
