//! What clients send.

use std::io::ErrorKind;

use sanmon_core::codec::Message;
use sanmon_core::gateway::Fault;

use super::{SCRATCH, Thread, live};
use crate::hub::connection::{Key, PeerEnd, Phase};
use crate::hub::websocket::{Incoming, ReadFault};

/// Reads of one socket before the others have their turn.
const READS_IN_TURN: usize = 8;

impl Thread {
    /// Reads what a socket has. Data that comes later raises a new event, so a short read ends it, unless `to_the_end`:
    /// then the socket is read until it would block or ends, as it must be where that event was already seen.
    pub(super) fn on_readable(&mut self, key: Key, to_the_end: bool) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut reads = 0;
        while let Some(connection) = self.connection(key) {
            if reads == READS_IN_TURN {
                self.unread.push(key);
                break;
            }
            reads += 1;
            let is_drained_by_short_reads = connection.stream.is_drained_by_short_reads();
            match connection.stream.read(&mut scratch) {
                Ok(0) => {
                    self.remove(key);
                    break;
                }
                Ok(len) => {
                    self.on_bytes(key, &mut scratch[..len]);
                    self.drive(key);
                    if len < SCRATCH && !to_the_end && is_drained_by_short_reads {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.remove(key);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    /// Takes frames out of what was read. What the session makes of them comes with the next [`Thread::drive`].
    pub(super) fn on_bytes(&mut self, key: Key, bytes: &mut [u8]) {
        let (now, limits) = (self.now, &self.shared.bounds.limits);
        let Some(connection) = live(&mut self.connections, key) else { return };
        let session = &mut connection.session;
        session.handle_bytes(now);
        if connection.peer != PeerEnd::Talking {
            return;
        }
        let mut reader = connection.inbound.read(bytes, limits.max_message_bytes);
        loop {
            let message = match reader.next() {
                Ok(None) => break,
                Ok(Some(Incoming::Text(bytes))) => Message::Text(bytes),
                Ok(Some(Incoming::Binary(bytes))) => Message::Binary(bytes),
                Ok(Some(Incoming::Ping(payload))) => {
                    session.handle_ping(now, &payload);
                    continue;
                }
                Ok(Some(Incoming::Pong)) => {
                    session.handle_pong(now);
                    continue;
                }
                Ok(Some(Incoming::Close(code))) => {
                    connection.peer = PeerEnd::Closed;
                    session.handle_closed_by_peer(now, code);
                    break;
                }
                Err(fault) => {
                    connection.peer = PeerEnd::Garbled;
                    session.handle_fault(now, fault_of(fault));
                    break;
                }
            };
            self.shared.metrics.messages_received.inc();
            let window = session.user().and_then(|user| self.tables.window(user));
            session.handle_message(now, &message, window);
        }
        if let Phase::Closing(_) = connection.phase {
            self.progress_close(key);
        }
    }
}

const fn fault_of(fault: ReadFault) -> Fault {
    match fault {
        ReadFault::Protocol(what) => Fault::Protocol(what),
        ReadFault::BadUtf8 => Fault::BadUtf8,
        ReadFault::TooBig => Fault::TooBig,
    }
}
