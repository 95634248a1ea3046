//! One connection: the server's end of it, what travels, and what of it is broken.

use std::sync::Arc;

use bytes::Bytes;
use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{CatchUp, Lane, Overflow, Principal, QueueLimits, SendQueue, Session};
use sanmon_core::history::Replay;
use sanmon_core::time::Moment;

use crate::dice::Dice;
use crate::ear::Ear;
use crate::frames::Packet;
use crate::pipe::Pipe;
use crate::platform::{Missed, Snapshot};

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) node: usize,
    pub(crate) slot: u32,
    /// The client is still on it.
    pub(crate) attached: bool,
    /// The server's process or its kernel has ended it: what was written still arrives, then the client is told.
    pub(crate) server_gone: bool,
    /// When the client is told that it is broken, whatever arrived.
    pub(crate) client_told: Option<Moment>,
    /// When the server is told.
    pub(crate) server_told: Option<Moment>,
    pub(crate) session: Session,
    pub(crate) up: Pipe<Packet>,
    pub(crate) down: Pipe<Vec<u8>>,
    /// Bytes that may be under way to the client and unread: beyond them the socket would block.
    pub(crate) window: usize,
    /// The client has read since the server last looked: there may be room again.
    pub(crate) has_room: bool,
    pub(crate) queue: SendQueue,
    pub(crate) limits: QueueLimits,
    pub(crate) phase: Phase,
    pub(crate) standing: Standing,
    pub(crate) question: Option<Question>,
    /// The node's place in the log when it asked whose session this is.
    pub(crate) asked_at: Seq,
    /// What the user's presences know this connection as.
    pub(crate) mark: u64,
    /// Who judges what it carries, once its user is known.
    pub(crate) ear: Option<Ear>,
}

/// What the server does with a connection beside what its session knows.
#[derive(Debug)]
pub(crate) enum Phase {
    Open,
    CatchingUp(Box<CatchUp>),
    /// The close frame is on its way, until this moment at most.
    Closing(Moment),
}

/// What of a connection stands in the tables of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Stranger,
    Known,
    Subscribed,
}

/// A question to the store: read at one moment, answered at a later one.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) read_at: Moment,
    pub(crate) due: Moment,
    pub(crate) ask: Ask,
    pub(crate) answer: Option<Answer>,
}

#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Who { session: u64 },
    State { after: Option<Seq> },
    Page(Replay),
    Again { after: Seq },
}

#[derive(Debug)]
pub(crate) enum Answer {
    Who(Option<Principal>),
    Fresh(Snapshot),
    Missed(Seq, Missed),
    Page(Vec<Arc<Entry>>, Replay),
    /// The store could not say.
    Nothing,
}

impl Link {
    /// Sends one whole frame, or lets it wait.
    pub(crate) fn send(&mut self, now: Moment, dice: &mut Dice, frame: Bytes, lane: Lane) -> Result<(), Overflow> {
        self.queue.push(now, frame, lane, &self.limits)?;
        self.flush(now, dice);
        Ok(())
    }

    /// Writes of what waits as much as the socket takes, cut where it may be.
    pub(crate) fn flush(&mut self, now: Moment, dice: &mut Dice) {
        loop {
            let room = self.window.saturating_sub(self.under_way());
            let bytes: Vec<u8> = self.queue.chunks().flatten().copied().take(room.min(200)).collect();
            if bytes.is_empty() {
                break;
            }
            self.queue.advance(now, bytes.len());
            self.down.send(now, dice, bytes);
        }
        if let Some(ear) = self.ear.as_mut().filter(|_| !self.queue.is_empty()) {
            ear.was_slow = true;
        }
    }

    /// Drops what waits, but for the frame at the front, some of which may be out already.
    pub(crate) fn cut_queue(&mut self, now: Moment) {
        let front = self.queue.chunks().next().map(Bytes::copy_from_slice);
        self.queue = SendQueue::new();
        if let Some(front) = front {
            self.queue.push(now, front, Lane::CatchUp, &self.limits).expect("what catches up does not count");
        }
    }

    /// Whether the server still has a use for it.
    pub(crate) fn is_served(&self) -> bool {
        !self.server_gone && !matches!(self.phase, Phase::Closing(_))
    }

    /// Whether anything that is sent on it is lost, whoever knows.
    pub(crate) fn is_broken(&self) -> bool {
        self.server_gone || self.client_told.is_some() || self.up.is_lost() || self.down.is_lost()
    }

    fn under_way(&self) -> usize {
        self.down.on_the_way().map(Vec::len).sum()
    }

    /// When anything happens at the server's end of it.
    pub(crate) fn next(&self) -> Option<Moment> {
        if self.server_gone {
            return None;
        }
        let question = self.question.as_ref().map(|it| if it.answer.is_some() { it.due } else { it.read_at });
        let closing = if let Phase::Closing(until) = self.phase { Some(until) } else { None };
        let overdue = self.queue.deadline(&self.limits).filter(|_| closing.is_none());
        let room = self.has_room.then_some(Moment::from_millis(0));
        let times = [self.up.next(), question, closing, overdue, self.session.deadline(), self.server_told, room];
        times.into_iter().flatten().min()
    }
}
