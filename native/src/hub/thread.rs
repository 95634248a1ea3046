//! A hub thread: its sockets, its sessions, its subscriptions, and the loop that turns them.

mod arriving;
mod catching_up;
mod closing;
mod draining;
mod errand;
mod fan_out;
mod reading;
mod tables;
mod writing;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token, Waker};
use sanmon_core::audience::Subscriptions;
use sanmon_core::codec::Deflater;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{Close, Code, Principal, SessionOutput};
use sanmon_core::time::Moment;
use slab::Slab;

use self::fan_out::{Batch, Joined};
use self::tables::Tables;
use super::Shared;
use super::connection::{Connection, Key, Phase};
use super::mailbox::{Command, Mailbox, Unanswered};
use super::timers::Timers;

/// The token of the mailbox; connections have the number of their slot.
const MAILBOX: Token = Token(usize::MAX);
/// Bytes that are read at once, into a buffer that all connections of the thread share.
const SCRATCH: usize = 64 << 10;
/// Events of the poll that are taken at once.
const EVENTS: usize = 1024;
/// The longest that the thread sleeps; nothing depends on it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Makes the mailbox of the thread that will own `poll`.
pub(super) fn mailbox(poll: &Poll) -> io::Result<Mailbox> {
    Ok(Mailbox::new(Waker::new(poll.registry(), MAILBOX)?))
}

/// A hub thread.
pub(super) struct Thread {
    index: usize,
    shared: Arc<Shared>,
    poll: Poll,
    now: Moment,
    connections: Slab<Box<Connection>>,
    next_mark: u32,
    tables: Tables,
    subscriptions: Subscriptions,
    timers: Timers,
    /// How far the ring was walked.
    cursor: u64,
    /// The place in the log up to which entries were met.
    place: Seq,
    batch: Batch,
    joined: Joined,
    /// Connections that catch up and are ahead of this thread.
    waiting: Vec<Key>,
    /// Sockets that may have more to read.
    unread: Vec<Key>,
    /// Who is sent away when, while the node drains or is cut off.
    leaving: BinaryHeap<Reverse<(Moment, Key)>>,
    /// The end of the window, while the node sends everyone away.
    drains_until: Option<Moment>,
    scratch: Vec<u8>,
    /// Compresses for whoever wants zlib, an event at a time.
    deflater: RefCell<Deflater>,
    /// Bytes written that the metrics were not told of yet.
    written: u64,
}

/// A node that has lost a hub thread to a bug would hold that thread's users without ever serving them. It ends instead,
/// and whatever watches over it starts it anew.
struct EndWithThread;

impl Drop for EndWithThread {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a hub thread panicked; the node ends");
            std::process::abort();
        }
    }
}

/// Whether the thread goes on.
enum Flow {
    On,
    Stop,
}

impl Thread {
    pub(super) fn new(index: usize, poll: Poll, shared: Arc<Shared>) -> Self {
        let now = shared.now();
        let (place, cursor) = shared.ring.end();
        Self {
            index,
            shared,
            poll,
            now,
            connections: Slab::new(),
            next_mark: 0,
            tables: Tables::default(),
            subscriptions: Subscriptions::new(),
            timers: Timers::new(now),
            cursor,
            place,
            batch: Batch::default(),
            joined: Joined::default(),
            waiting: Vec::new(),
            unread: Vec::new(),
            leaving: BinaryHeap::new(),
            drains_until: None,
            scratch: vec![0; SCRATCH],
            deflater: RefCell::default(),
            written: 0,
        }
    }

    pub(super) fn run(mut self) {
        let _guard = EndWithThread;
        let mut events = Events::with_capacity(EVENTS);
        let (mut entries, mut commands, mut due) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            if let Err(error) = self.poll.poll(&mut events, Some(self.sleep()))
                && error.kind() != io::ErrorKind::Interrupted
            {
                // As with a panic: without this thread the node would hold users whom it never serves.
                panic!("a hub thread can't poll its sockets: {error}");
            }
            self.now = self.shared.now();
            let shared = self.shared.clone();
            shared.mailboxes[self.index].begin();
            self.meet_entries(&mut entries);
            shared.mailboxes[self.index].take(&mut commands);
            for command in commands.drain(..) {
                if let Flow::Stop = self.obey(command) {
                    return;
                }
            }
            for event in &events {
                if event.token() == MAILBOX {
                    continue;
                }
                let Some(key) = self.key_of(event.token().0) else { continue };
                if event.is_writable() {
                    self.on_writable(key);
                }
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.on_readable(key, event.is_read_closed());
                }
            }
            for key in std::mem::take(&mut self.unread) {
                self.on_readable(key, true);
            }
            due.clear();
            self.timers.take_due(self.now, &mut due);
            for key in &due {
                self.on_alarm(*key);
            }
            self.send_away();
            self.tables.sweep(self.now);
            shared.metrics.bytes_written.inc_by(std::mem::take(&mut self.written));
        }
    }

    /// How long nothing has to be done.
    fn sleep(&self) -> Duration {
        if !self.unread.is_empty() || self.shared.ring.end().1 != self.cursor {
            return Duration::ZERO;
        }
        let leaving = self.leaving.peek().map(|Reverse((at, _))| *at);
        let next = self.timers.deadline().into_iter().chain(leaving).min();
        next.map_or(LONGEST_SLEEP, |next| next.since(self.shared.now()).min(LONGEST_SLEEP))
    }

    fn obey(&mut self, command: Command) -> Flow {
        match command {
            Command::Accept(upgraded) => self.accept(*upgraded),
            Command::Move(transfer) => self.take_over(*transfer),
            Command::Authenticated(key, answer) => self.on_authenticated(key, answer),
            Command::Loaded(key, answer) => self.on_loaded(key, answer),
            Command::Page(key, answer) => self.on_page(key, answer),
            Command::SendToOne(errand) => self.run_errand(*errand),
            Command::Drain { until } => self.plan_drain(until),
            Command::Stay => self.cancel_drain(),
            Command::Stop => return Flow::Stop,
        }
        Flow::On
    }

    /// Does what the session of a connection wants, until it wants nothing more.
    fn drive(&mut self, key: Key) {
        // Frames that follow one another go out in one write, be they the answers to thousands of pings.
        let mut frames = Vec::new();
        while let Some(connection) = live(&mut self.connections, key) {
            let output = connection.session.poll_output();
            if !frames.is_empty() && !matches!(output, Some(SessionOutput::Send(_))) {
                self.send(key, &mut frames);
            }
            let Some(connection) = live(&mut self.connections, key) else { return };
            let Some(output) = output.or_else(|| connection.session.poll_output()) else { break };
            match output {
                SessionOutput::Authenticate { .. } | SessionOutput::Replay { .. }
                    if self.shared.admission.is_cut_off() =>
                {
                    // What could be answered may no longer be so.
                    self.dismiss(key);
                }
                SessionOutput::Authenticate { session_id } => {
                    connection.phase = Phase::Asking(self.place);
                    let queue = self.shared.failures.queue(self.now, connection.ticket.address());
                    match self.shared.backend.get() {
                        Some(backend) => backend.loader.authenticate(self.index, key, session_id, queue),
                        None => self.fail(key),
                    }
                }
                SessionOutput::Replay { user, after } => {
                    let asked_at = match connection.phase {
                        Phase::Asking(place) => place,
                        _ => self.place,
                    };
                    connection.phase = Phase::Open;
                    let owner = self.shared.owner_of(user);
                    if owner == self.index {
                        self.arrive(key, asked_at, after);
                    } else {
                        return self.hand_over(key, owner, asked_at, after);
                    }
                }
                SessionOutput::Send(frame) => frames.push(frame),
                SessionOutput::Presence(presence) => {
                    if let (Some(user), Some(backend)) = (connection.session.user(), self.shared.backend.get()) {
                        backend.presences.chosen(user, device_of(self.index, key), *presence);
                    }
                }
                SessionOutput::Close(close) => {
                    let close = self.weigh(key, close);
                    self.begin_close(key, &close);
                }
            }
        }
        self.arm(key);
    }

    fn on_authenticated(&mut self, key: Key, answer: Result<Option<Principal>, Unanswered>) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        match answer {
            Ok(principal) => connection.session.handle_authenticated(now, principal),
            Err(unanswered) => self.give_up(key, unanswered),
        }
        self.drive(key);
    }

    /// Ends a connection whose question was not answered: one whom another node may serve is sent there.
    fn give_up(&mut self, key: Key, unanswered: Unanswered) {
        match unanswered {
            Unanswered::Failed => self.fail(key),
            Unanswered::CutOff => self.dismiss(key),
        }
    }

    /// Ends a connection that this node can't serve.
    fn fail(&mut self, key: Key) {
        self.end(key, Close::because(Code::Internal, "unavailable"));
    }

    /// Has the session end for a reason of the driver's; what it says to that comes with the next [`Self::drive`].
    fn end(&mut self, key: Key, close: Close) {
        let now = self.now;
        if let Some(connection) = self.connection(key) {
            connection.session.handle_close(now, close);
        }
    }

    /// A moment came at which something of this connection may be due.
    fn on_alarm(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = live(&mut self.connections, key) else { return };
        if connection.armed > now {
            // An alarm from before an earlier one was set.
            return;
        }
        connection.armed = Moment::from_millis(u64::MAX);
        if connection.is_closing() {
            self.on_closing_alarm(key);
        } else {
            if connection.queue.as_ref().is_some_and(|queue| queue.check(now, &self.shared.bounds.queue.each).is_err())
            {
                self.overflow(key);
            } else {
                connection.session.handle_timeout(now);
            }
        }
        self.drive(key);
    }

    /// Sees to it that an alarm comes up at the connection's deadline or before.
    fn arm(&mut self, key: Key) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        if let Some(deadline) =
            connection.deadline(&self.shared.bounds.queue.each).filter(|deadline| *deadline < connection.armed)
        {
            connection.armed = self.timers.set(deadline, key);
        }
    }

    fn connection(&mut self, key: Key) -> Option<&mut Connection> {
        live(&mut self.connections, key)
    }

    fn key_of(&self, slot: usize) -> Option<Key> {
        let connection = self.connections.get(slot)?;
        Some(Key { slot: slot as u32, mark: connection.mark })
    }
}

fn live(connections: &mut Slab<Box<Connection>>, key: Key) -> Option<&mut Connection> {
    connections.get_mut(key.slot as usize).map(|connection| &mut **connection).filter(|found| found.mark == key.mark)
}

/// What tells a connection of a user from the user's others; all of them are on one thread.
fn device_of(thread: usize, key: Key) -> u64 {
    (thread as u64) << 32 | u64::from(key.mark)
}
