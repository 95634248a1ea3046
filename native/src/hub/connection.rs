//! What a hub thread keeps for a connection.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};

use bytes::Bytes;
use sanmon_core::codec::{Deflater, Dispatch, Encoding};
use sanmon_core::event::{Presence, Seq};
use sanmon_core::gateway::{CatchUp, Lane, Overflow, QueueLimits, SendQueue, Session};
use sanmon_core::time::Moment;

use super::admission::Ticket;
use super::stream::Stream;
use super::websocket::Inbound;
use crate::metrics::Metrics;

/// Frames that one system call takes.
const MAX_SLICES: usize = 32;

/// While too much waits for all readers together, one is too slow for whom more than this part of what may wait for it does.
const SMALL_SHARE: usize = 16;

/// How much may wait for slow readers.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueBounds {
    /// For each of them.
    pub(super) each: QueueLimits,
    /// Bytes for all of the node.
    pub(super) all: i64,
}

/// A connection of a thread: the place where it is kept, and a mark that tells it from earlier ones in that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) slot: u32,
    pub(super) mark: u32,
}

/// One connection. Tens of thousands of them are idle, so what only a busy one needs is in a box that is mostly not there.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) mark: u32,
    /// Whether the client has sent a close frame.
    pub(super) peer: PeerEnd,
    /// Whether the thread's tables know its user.
    pub(super) standing: Standing,
    pub(super) stream: Stream,
    pub(super) session: Session,
    pub(super) inbound: Inbound,
    /// What the socket did not take; there only while it would block.
    pub(super) queue: Option<Box<SendQueue>>,
    pub(super) phase: Phase,
    /// When its alarm in the timer wheel comes up.
    pub(super) armed: Moment,
    /// Its place among the connections of node and address.
    pub(super) ticket: Ticket,
}

/// An idle connection is this, its place in four tables, and nothing else outside the kernel.
const _: () = assert!(size_of::<Connection>() <= 256);

/// What the client's end of a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerEnd {
    /// It sends frames.
    Talking,
    /// It has sent a close frame.
    Closed,
    /// It has sent bytes that can't be read as frames; where the next one begins is unknown.
    Garbled,
}

/// What of a connection stands in the tables of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Stranger,
    /// It counts as a connection of its user, and its session can be revoked.
    Known,
    /// It also hears events.
    Subscribed,
}

/// Beside what the session knows, what the driver does with the connection.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing of its own.
    Open,
    /// It waits for the answer to who it is; the thread stood at this place of the log when it asked.
    Asking(Seq),
    /// It is brought up to where its thread stands.
    CatchingUp(Box<Newcomer>),
    /// The close frame is on its way, until this moment at most.
    Closing(Moment),
    /// Our direction is shut; what the client still sends is thrown away until it ends, or until this moment, so that no
    /// reset destroys the close frame before it is read.
    Lingering(Moment),
}

/// A connection that is not live yet.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub(super) catch_up: CatchUp,
    /// The presence that the user chose last, shown once the connection is live.
    pub(super) chosen: Option<Presence>,
}

impl Connection {
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_) | Phase::Lingering(_))
    }

    /// Reads all that a delivery asks of it, for nothing but having read it.
    pub(super) fn glance(&self) -> usize {
        let reads =
            [self.queue.is_some(), self.session.encoding() == Encoding::Zlib, self.stream.is_drained_by_short_reads()];
        reads.into_iter().map(usize::from).sum()
    }

    /// When its thread has to look at it next.
    pub(super) fn deadline(&self, limits: &QueueLimits) -> Option<Moment> {
        match self.phase {
            Phase::Closing(until) | Phase::Lingering(until) => Some(until),
            Phase::Open | Phase::Asking(_) | Phase::CatchingUp(_) => {
                let queue = self.queue.as_ref().and_then(|queue| queue.deadline(limits));
                self.session.deadline().into_iter().chain(queue).min()
            }
        }
    }

    /// Puts a frame, or the rest of one, behind what waits for the socket.
    pub(super) fn push(
        &mut self,
        now: Moment,
        frame: Bytes,
        lane: Lane,
        bounds: &QueueBounds,
        metrics: &Metrics,
    ) -> Result<(), Overflow> {
        let queue = self.queue.get_or_insert_default();
        let before = queue.bytes();
        let pushed = queue.push(now, frame, lane, &bounds.each);
        metrics.queued_bytes.add(queue.bytes() as i64 - before as i64);
        let is_large = queue.bytes() > bounds.each.max_bytes / SMALL_SHARE;
        if is_large && lane != Lane::CatchUp && metrics.queued_bytes.get() > bounds.all {
            return Err(Overflow);
        }
        pushed
    }

    /// Drops what waits, but for the frame at the front, some of which may be out already.
    pub(super) fn cut_queue(&mut self, now: Moment, bounds: &QueueBounds, metrics: &Metrics) {
        let Some(queue) = self.queue.take() else { return };
        metrics.queued_bytes.sub(queue.bytes() as i64);
        if let Some(front) = queue.chunks().next() {
            let front = Bytes::copy_from_slice(front);
            self.push(now, front, Lane::CatchUp, bounds, metrics).expect("what catches up does not count");
        }
    }

    /// Writes what waits; afterwards `queue` is there only if the socket would still block. How many bytes it took.
    pub(super) fn drain_queue(&mut self, now: Moment, metrics: &Metrics) -> io::Result<usize> {
        let mut all = 0;
        while let Some(queue) = &mut self.queue {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(queue.chunks()) {
                *slice = IoSlice::new(chunk);
                count += 1;
            }
            if count == 0 {
                self.queue = None;
                break;
            }
            match self.stream.write_vectored(&slices[..count]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    let before = queue.bytes();
                    queue.advance(now, written);
                    metrics.queued_bytes.sub(before as i64 - queue.bytes() as i64);
                    all += written;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        match self.stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(all),
        }
    }
}

/// The bytes of an event for a connection with this encoding.
pub(super) fn frame_of<'a>(
    dispatch: &'a Dispatch,
    encoding: Encoding,
    deflater: &RefCell<Deflater>,
    metrics: &Metrics,
) -> &'a Bytes {
    if encoding == Encoding::Zlib && !dispatch.is_compressed() && dispatch.compress(&mut deflater.borrow_mut()) {
        metrics.compressions.inc();
    }
    dispatch.frame(encoding)
}

/// Writes frames in order until the socket would block: how many bytes of them it took.
pub(super) fn write_frames<'a>(
    stream: &mut Stream,
    frames: impl Iterator<Item = &'a Bytes> + Clone,
) -> io::Result<usize> {
    let mut written = 0;
    loop {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let (mut count, mut wanted, mut skip, mut is_all) = (0, 0, written, true);
        for frame in frames.clone() {
            if skip >= frame.len() {
                skip -= frame.len();
            } else if count < MAX_SLICES {
                slices[count] = IoSlice::new(&frame[skip..]);
                wanted += frame.len() - skip;
                (count, skip) = (count + 1, 0);
            } else {
                is_all = false;
                break;
            }
        }
        let wrote = match &slices[..count] {
            [] => return Ok(written),
            [one] => stream.write(one),
            several => stream.write_vectored(several),
        };
        match wrote {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(more) => {
                written += more;
                if more == wanted && is_all {
                    return Ok(written);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(written),
            Err(error) => return Err(error),
        }
    }
}

/// Writes bytes until the socket would block: how many it took.
pub(super) fn write_bytes(stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}

/// The part of `frames` behind the first `written` bytes.
pub(super) fn unwritten<'a, T: 'a>(
    frames: impl Iterator<Item = (&'a Bytes, T)>,
    mut written: usize,
) -> impl Iterator<Item = (Bytes, T)> {
    frames.filter_map(move |(frame, kind)| {
        if written >= frame.len() {
            written -= frame.len();
            return None;
        }
        Some((frame.slice(std::mem::take(&mut written)..), kind))
    })
}
