//! How connections end: so that the close code arrives.

use std::io::ErrorKind;
use std::time::Duration;

use sanmon_core::audience::Slot;
use sanmon_core::gateway::{CODES, Close, Code};

use super::{Thread, device_of, live};
use crate::hub::connection::{Key, PeerEnd, Phase, Standing};

/// How long the close frame may take to leave and the client to answer it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a client may take to end its direction once ours is shut.
const LINGER: Duration = Duration::from_secs(2);

impl Thread {
    /// Sends the close frame and lets the client have until [`CLOSE_TIMEOUT`] to answer it. Nothing else is sent to it.
    pub(super) fn begin_close(&mut self, key: Key, close: &Close) {
        self.forget(key);
        let Some(connection) = live(&mut self.connections, key) else { return };
        connection.phase = Phase::Closing(self.now + CLOSE_TIMEOUT);
        if close.code == Code::SlowConsumer as u16 {
            // What it did not read it asks for when it comes back; the close must not wait behind that.
            connection.cut_queue(self.now, &self.shared.bounds.queue, &self.shared.metrics);
        }
        let known = CODES.iter().any(|row| row.code == close.code);
        // Codes that clients make up must not make up time series.
        let label = if known { close.code.to_string() } else { "other".to_owned() };
        self.shared.metrics.connections_closed.with_label_values(&[&label]).inc();
        self.send_close(key, close.frame());
        self.progress_close(key);
    }

    /// The close as the client is told it: an address from which too many identifies failed is to stay away instead.
    pub(super) fn weigh(&mut self, key: Key, close: Close) -> Close {
        let (now, shared) = (self.now, &self.shared);
        let Some(connection) = live(&mut self.connections, key) else { return close };
        if !close.refuses_identify() || connection.session.principal().is_some() {
            return close;
        }
        let address = connection.ticket.address();
        let counted = shared.failures.count(now, address);
        let answer = if counted.is_ok() { "refused" } else { "limited" };
        shared.metrics.credentials_refused.with_label_values(&["gateway", answer]).inc();
        let Err(limited) = counted else { return close };
        if let Some(times) = shared.tallies.failures.note(now) {
            tracing::warn!(times, ?address, "too many identifies failed; the address is told to stay away");
        }
        Close::after(Code::RateLimited, limited.wait)
    }

    /// Shuts our direction once the close frame is out and nothing more is to come from the client.
    pub(super) fn progress_close(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        let is_done = connection.queue.is_none() && connection.peer != PeerEnd::Talking;
        if !is_done || !matches!(connection.phase, Phase::Closing(_)) {
            return;
        }
        // With TLS the frame may have been taken and still wait for the socket.
        let shut = connection.stream.flush().and_then(|()| connection.stream.shutdown_write());
        match shut {
            Ok(()) => connection.phase = Phase::Lingering(now + LINGER),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.remove(key),
        }
    }

    /// The client took too long over one step of closing.
    pub(super) fn on_closing_alarm(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        match connection.phase {
            Phase::Closing(until) if until <= now => {
                connection.phase = Phase::Lingering(now + LINGER);
                if connection.stream.shutdown_write().is_err() {
                    self.remove(key);
                }
            }
            Phase::Lingering(until) if until <= now => self.remove(key),
            Phase::Closing(_) | Phase::Lingering(_) | Phase::Open | Phase::Asking(_) | Phase::CatchingUp(_) => {}
        }
    }

    /// Drops a connection, whose client is gone or has had its time.
    pub(super) fn remove(&mut self, key: Key) {
        self.forget(key);
        let Some(connection) = live(&mut self.connections, key) else { return };
        if !connection.is_closing() {
            self.shared.metrics.connections_closed.with_label_values(&["1006"]).inc();
        }
        let queued = connection.queue.as_ref().map_or(0, |queue| queue.bytes());
        self.shared.metrics.queued_bytes.sub(queued as i64);
        self.shared.metrics.connections.dec();
        self.connections.remove(key.slot as usize);
    }

    /// Takes a connection out of everything that could still reach it.
    fn forget(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connection(key) else { return };
        let standing = std::mem::replace(&mut connection.standing, Standing::Stranger);
        let Some(who) = connection.session.principal() else { return };
        if standing == Standing::Stranger {
            return;
        }
        self.tables.leave(who, key.slot, now);
        if standing == Standing::Subscribed {
            self.subscriptions.unsubscribe(Slot(key.slot), who.user);
            if self.subscriptions.connections_of(who.user).is_empty() {
                self.shared.metrics.users_connected.dec();
            }
            self.shared.attendance.went(who.user);
            if let Some(backend) = self.shared.backend.get() {
                backend.presences.disconnected(who.user, device_of(self.index, key));
            }
        }
    }
}
