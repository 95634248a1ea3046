//! A control frame for one of a user's connections, in turn.

use sanmon_core::gateway::{Lane, Overflow};

use super::Thread;
use crate::hub::connection::frame_of;
use crate::hub::mailbox::Errand;

impl Thread {
    /// Sends the frame to the connection whose turn it is, or the next one that takes it.
    pub(super) fn run_errand(&mut self, errand: Errand) {
        let Errand { user, dispatch, taken } = errand;
        let slots = self.subscriptions.connections_of(user).to_vec();
        let turn = self.tables.next_turn(user);
        let in_turn = (0..slots.len()).map(|step| slots[(turn + step) % slots.len()]);
        let is_taken =
            in_turn.filter_map(|slot| self.key_of(slot.0 as usize)).collect::<Vec<_>>().into_iter().any(|key| {
                let Some(connection) = self.connection(key).filter(|connection| !connection.is_closing()) else {
                    return false;
                };
                let encoding = connection.session.encoding();
                let frame = frame_of(&dispatch, encoding, &self.deflater, &self.shared.metrics).clone();
                if let Err(Overflow) = self.write_or_queue(key, &[frame], Lane::Live) {
                    self.overflow(key);
                    self.drive(key);
                    return false;
                }
                self.arm(key);
                // A broken socket shows when it is written to.
                self.connection(key).is_some()
            });
        let _ = taken.send(is_taken);
    }
}
