//! What connections are sent beside the batches of fan-out.

use bytes::Bytes;
use sanmon_core::gateway::{Close, Code, Lane, Overflow};

use super::{Thread, live};
use crate::hub::connection::{Key, Phase, write_frames};

impl Thread {
    /// Sends a frame of the session's, in its turn.
    pub(super) fn send(&mut self, key: Key, frame: &Bytes) {
        if let Err(Overflow) = self.write_or_queue(key, frame, Lane::Live) {
            self.overflow(key);
        }
    }

    /// Sends the close frame, the last one, whatever waits before it.
    pub(super) fn send_close(&mut self, key: Key, frame: &Bytes) {
        let (Ok(()) | Err(Overflow)) = self.write_or_queue(key, frame, Lane::CatchUp);
    }

    fn write_or_queue(&mut self, key: Key, frame: &Bytes, lane: Lane) -> Result<(), Overflow> {
        let Some(connection) = live(&mut self.connections, key) else { return Ok(()) };
        let written = match &connection.queue {
            None => write_frames(&mut connection.stream, std::iter::once(frame)),
            Some(_) => Ok(0),
        };
        let Ok(written) = written else {
            self.remove(key);
            return Ok(());
        };
        self.written += written as u64;
        if written < frame.len() {
            let (bounds, metrics) = (&self.shared.bounds, &self.shared.metrics);
            connection.push(self.now, frame.slice(written..), lane, &bounds.queue, metrics)?;
        }
        Ok(())
    }

    /// What waits for a slow reader is beyond its bound.
    pub(super) fn overflow(&mut self, key: Key) {
        self.shared.metrics.queue_overflows.inc();
        self.end(key, Close::new(Code::SlowConsumer));
    }

    /// The socket takes bytes again.
    pub(super) fn on_writable(&mut self, key: Key) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        match connection.drain_queue(&self.shared.metrics) {
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
