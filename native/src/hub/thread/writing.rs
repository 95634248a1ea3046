//! What connections are sent beside the batches of fan-out.

use bytes::Bytes;
use sanmon_core::gateway::{Close, Code, Lane, Overflow};

use super::{Thread, live};
use crate::hub::connection::{Key, Phase, unwritten, write_frames};

impl Thread {
    /// Sends frames of the session's, in their turn; takes them out of `frames`.
    pub(super) fn send(&mut self, key: Key, frames: &mut Vec<Bytes>) {
        if let Err(Overflow) = self.write_or_queue(key, frames, Lane::Live) {
            self.overflow(key);
        }
        frames.clear();
    }

    /// Sends the close frame, the last one, whatever waits before it.
    pub(super) fn send_close(&mut self, key: Key, frame: Bytes) {
        // What catches up does not count, so this can't be too much.
        let (Ok(()) | Err(Overflow)) = self.write_or_queue(key, &[frame], Lane::CatchUp);
    }

    pub(super) fn write_or_queue(&mut self, key: Key, frames: &[Bytes], lane: Lane) -> Result<(), Overflow> {
        let Some(connection) = live(&mut self.connections, key) else { return Ok(()) };
        let written = match &connection.queue {
            None => write_frames(&mut connection.stream, frames.iter()),
            Some(_) => Ok(0),
        };
        let Ok(written) = written else {
            self.remove(key);
            return Ok(());
        };
        self.written += written as u64;
        for (frame, ()) in unwritten(frames.iter().map(|frame| (frame, ())), written) {
            let (bounds, metrics) = (&self.shared.bounds, &self.shared.metrics);
            connection.push(self.now, frame, lane, &bounds.queue, metrics)?;
        }
        Ok(())
    }

    /// What waits for a slow reader is beyond its bound.
    pub(super) fn overflow(&mut self, key: Key) {
        if self.connection(key).is_some_and(|connection| !connection.session.is_closed()) {
            self.shared.metrics.queue_overflows.inc();
        }
        self.end(key, Close::new(Code::SlowConsumer));
    }

    /// The socket takes bytes again.
    pub(super) fn on_writable(&mut self, key: Key) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        match connection.drain_queue(self.now, &self.shared.metrics) {
            Ok(written) => self.written += written as u64,
            Err(_) => return self.remove(key),
        }
        match connection.phase {
            Phase::CatchingUp(_) => self.pull(key),
            Phase::Closing(_) => {
                self.progress_close(key);
                self.arm(key);
            }
            Phase::Open | Phase::Asking(_) | Phase::Lingering(_) => {}
        }
    }
}
