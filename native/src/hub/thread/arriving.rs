//! How connections come to a thread: from an upgrade, or from the thread that identified them.

use mio::Token;
use sanmon_core::event::Seq;
use sanmon_core::gateway::Session;
use sanmon_core::time::Moment;

use super::Thread;
use crate::hub::Upgraded;
use crate::hub::connection::{Connection, Key, PeerEnd, Phase, Standing};
use crate::hub::mailbox::{Command, Transfer};
use crate::hub::websocket::Inbound;

impl Thread {
    pub(super) fn accept(&mut self, upgraded: Upgraded) {
        let Upgraded { stream, leftover, ticket, refused } = upgraded;
        let seed = getrandom::u64().unwrap_or_default();
        let connection = Connection {
            mark: 0,
            peer: PeerEnd::Talking,
            standing: Standing::Stranger,
            stream,
            session: Session::new(self.now, self.shared.bounds.limits.clone(), seed),
            inbound: Inbound::default(),
            queue: None,
            phase: Phase::Open,
            armed: Moment::from_millis(u64::MAX),
            ticket,
        };
        let metrics = &self.shared.metrics;
        metrics.connections.inc();
        metrics.connections_opened.inc();
        let Some(key) = self.insert(connection) else { return };
        if let Some(close) = refused {
            self.connections[key.slot as usize].session.handle_close(self.now, close);
        } else if !leftover.is_empty() {
            self.on_bytes(key, &mut leftover.to_vec());
        }
        self.drive(key);
        self.on_readable(key, true);
    }

    /// Takes a connection from the thread that identified it.
    pub(super) fn take_over(&mut self, transfer: Transfer) {
        let Transfer { connection, asked_at, after } = transfer;
        let Some(key) = self.insert(connection) else { return };
        self.arrive(key, asked_at, after);
        self.drive(key);
        self.on_readable(key, true);
    }

    /// Keeps a connection and has its socket watched.
    fn insert(&mut self, mut connection: Connection) -> Option<Key> {
        let entry = self.connections.vacant_entry();
        self.next_mark = self.next_mark.wrapping_add(1);
        let key = Key { slot: u32::try_from(entry.key()).expect("admission bounds the slots"), mark: self.next_mark };
        connection.mark = key.mark;
        connection.armed = Moment::from_millis(u64::MAX);
        if let Err(error) = connection.stream.register(self.poll.registry(), Token(entry.key())) {
            tracing::warn!(%error, "a socket can't be watched");
            self.shared.metrics.connections.dec();
            return None;
        }
        entry.insert(Box::new(connection));
        if let Some(until) = self.drains_until {
            // It was on its way from the upgrade or from another thread when the drain began.
            self.plan_leave(key, until);
        }
        Some(key)
    }

    /// Gives a connection to the thread that owns its user.
    pub(super) fn hand_over(&mut self, key: Key, owner: usize, asked_at: Seq, after: Option<Seq>) {
        let mut connection = *self.connections.remove(key.slot as usize);
        if let Err(error) = connection.stream.deregister(self.poll.registry()) {
            tracing::warn!(%error, "a socket can't be moved");
            self.shared.metrics.connections.dec();
            return;
        }
        let transfer = Transfer { connection, asked_at, after };
        self.shared.mailboxes[owner].post(Command::Move(Box::new(transfer)));
    }
}
