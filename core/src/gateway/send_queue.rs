//! What waits for a socket that would block, bounded in bytes and in age (protocol, section 9).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::id::Id;
use crate::time::Moment;

/// How much may wait for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// Bytes of frames that count.
    pub max_bytes: usize,
    /// How long the oldest frame that counts may wait.
    pub max_age: Duration,
    /// How long the socket may take nothing at all of what waits, whether it counts or not.
    pub max_stall: Duration,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { max_bytes: 1 << 20, max_age: Duration::from_secs(10), max_stall: Duration::from_secs(60) }
    }
}

/// What a frame is to the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What a connection catches up on. The driver pulls it at the socket's pace, so it does not count, as long as there is one.
    CatchUp,
    /// A live event, or anything that the peer could cause at will, such as pongs.
    Live,
    /// A live event that a newer one about the same user makes worthless.
    Presence(Id),
}

/// The reader is too slow: close 4403. Resume replays what it missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader is too slow")]
pub struct Overflow;

/// Frames that wait for one socket, in order.
///
/// Past half of its bound (in bytes or in age) it keeps only the newest presence of each user; past all of it a push is an
/// [`Overflow`]. A queue in which nothing counts always admits one frame, so no frame is too big. An empty queue holds no
/// heap memory.
#[derive(Debug, Default)]
pub struct SendQueue {
    frames: VecDeque<Waiting>,
    /// How many frames were ever popped: the front's number.
    popped: u64,
    /// Bytes of the front that were written.
    written: usize,
    /// When the socket last took something, or the first frame came.
    moved: Moment,
    /// Bytes of the frames that count.
    bytes: usize,
    /// Frames that a newer presence made empty.
    emptied: usize,
    /// Past half of the bound: the number of each user's newest presence.
    newest: Option<HashMap<Id, u64>>,
}

#[derive(Debug)]
struct Waiting {
    frame: Bytes,
    since: Moment,
    lane: Lane,
}

impl SendQueue {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts one whole WebSocket frame at the end.
    ///
    /// # Errors
    /// [`Overflow`] when the bound is passed; the frame was not taken.
    pub fn push(&mut self, now: Moment, frame: Bytes, lane: Lane, limits: &QueueLimits) -> Result<(), Overflow> {
        if frame.is_empty() {
            return Ok(());
        }
        if self.frames.is_empty() {
            self.moved = now;
        }
        if lane == Lane::CatchUp {
            self.frames.push_back(Waiting { frame, since: now, lane });
            return Ok(());
        }
        if self.newest.is_none() && self.is_past_half(now, frame.len(), limits) {
            self.keep_newest_presences();
        }
        if let Lane::Presence(user) = lane {
            self.empty_older(user);
        }
        self.check(now, limits)?;
        if self.bytes > 0 && self.bytes + frame.len() > limits.max_bytes {
            return Err(Overflow);
        }
        if let (Lane::Presence(user), Some(newest)) = (lane, &mut self.newest) {
            newest.insert(user, self.popped + self.frames.len() as u64);
        }
        self.bytes += frame.len();
        self.frames.push_back(Waiting { frame, since: now, lane });
        Ok(())
    }

    /// Whether the oldest frame that counts has waited too long, or the socket has taken nothing for too long. For when nothing
    /// is pushed for a while.
    ///
    /// # Errors
    /// [`Overflow`] when it has.
    pub fn check(&self, now: Moment, limits: &QueueLimits) -> Result<(), Overflow> {
        if self.deadline(limits).is_some_and(|deadline| now >= deadline) { Err(Overflow) } else { Ok(()) }
    }

    /// When [`Self::check`] would fail first, if nothing is written until then.
    pub fn deadline(&self, limits: &QueueLimits) -> Option<Moment> {
        let stall = (!self.is_empty()).then(|| self.moved + limits.max_stall);
        let age = self.oldest().map(|since| since + limits.max_age);
        age.into_iter().chain(stall).min().map(|last| last + Duration::from_millis(1))
    }

    /// What to write next, in order, for a vectored write. None of the chunks is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let written = self.written;
        let whole = self.frames.iter().enumerate();
        whole
            .map(move |(index, waiting)| &waiting.frame[if index == 0 { written } else { 0 }..])
            .filter(|c| !c.is_empty())
    }

    /// The socket took the next `count` bytes.
    ///
    /// # Panics
    /// When there were fewer: the caller's bug.
    pub fn advance(&mut self, now: Moment, count: usize) {
        self.moved = now;
        self.written += count;
        while let Some(front) = self.frames.front() {
            if self.written < front.frame.len() {
                return;
            }
            self.written -= front.frame.len();
            self.pop();
        }
        assert_eq!(self.written, 0, "more was written than waited");
        *self = Self::default();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of the frames that count, those of the front in full.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many frames wait.
    pub fn len(&self) -> usize {
        self.frames.len() - self.emptied
    }

    fn oldest(&self) -> Option<Moment> {
        self.frames.iter().find(|waiting| waiting.counts()).map(|waiting| waiting.since)
    }

    fn is_past_half(&self, now: Moment, more: usize, limits: &QueueLimits) -> bool {
        self.bytes + more > limits.max_bytes / 2
            || self.oldest().is_some_and(|since| now.since(since) > limits.max_age / 2)
    }

    fn keep_newest_presences(&mut self) {
        let mut newest = HashMap::new();
        for index in (0..self.frames.len()).rev() {
            if let Lane::Presence(user) = self.frames[index].lane {
                match newest.entry(user) {
                    Entry::Occupied(_) => self.empty(index),
                    Entry::Vacant(vacant) => {
                        vacant.insert(self.popped + index as u64);
                    }
                }
            }
        }
        self.newest = Some(newest);
        self.compact();
    }

    fn empty_older(&mut self, user: Id) {
        let older = self.newest.as_mut().and_then(|newest| newest.remove(&user));
        if let Some(index) = older.and_then(|number| number.checked_sub(self.popped)) {
            self.empty(usize::try_from(index).expect("an index of a queue in memory"));
            self.compact();
        }
    }

    /// Takes the frame at `index` out, unless it is next to be written: it may be on its way in part, and its age is what
    /// tells a socket that takes nothing.
    fn empty(&mut self, index: usize) {
        let waiting = &mut self.frames[index];
        if index > 0 && !waiting.frame.is_empty() {
            self.bytes -= waiting.frame.len();
            self.emptied += 1;
            waiting.frame = Bytes::new();
        }
    }

    /// Drops emptied frames once they are the larger half, so that each costs a bounded number of moves.
    fn compact(&mut self) {
        if self.emptied * 2 <= self.frames.len() {
            return;
        }
        self.frames.retain(|waiting| !waiting.frame.is_empty());
        self.emptied = 0;
        if let Some(newest) = &mut self.newest {
            newest.clear();
            for (waiting, number) in self.frames.iter().zip(self.popped..) {
                if let Lane::Presence(user) = waiting.lane {
                    newest.insert(user, number);
                }
            }
        }
    }

    fn pop(&mut self) {
        let Some(front) = self.frames.pop_front() else { return };
        self.popped += 1;
        if front.frame.is_empty() {
            self.emptied -= 1;
        } else if front.lane != Lane::CatchUp {
            self.bytes -= front.frame.len();
        }
    }
}

impl Waiting {
    fn counts(&self) -> bool {
        self.lane != Lane::CatchUp && !self.frame.is_empty()
    }
}

#[cfg(test)]
mod tests;
