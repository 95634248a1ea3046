//! How everyone else talks to a hub thread.
//!
//! Commands need no bound of their own: a connection has at most one of them under way (it arrives, it moves, an answer to
//! its one question comes), so admission bounds them; errands are bounded by who sends them. Entries of the log don't travel here but through the ring.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use mio::Waker;
use sanmon_core::codec::Dispatch;
use sanmon_core::event::Seq;
use sanmon_core::gateway::Principal;
use sanmon_core::id::Id;
use sanmon_core::time::Moment;
use tokio::sync::oneshot;

use super::Upgraded;
use super::connection::{Connection, Key};
use super::loader::{Loaded, Page};

/// What a hub thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// A connection was upgraded.
    Accept(Box<Upgraded>),
    /// A connection whose user this thread owns comes over from the thread that identified it.
    Move(Box<Transfer>),
    /// The answer to a session's first question; the error says that the store could not tell.
    Authenticated(Key, Result<Option<Principal>, Unanswered>),
    /// The answer to a session's second question.
    Loaded(Key, Result<Box<Loaded>, Unanswered>),
    /// The next page of what a connection missed.
    Page(Key, Result<Page, Unanswered>),
    /// Sends a control frame to one of a user's connections.
    SendToOne(Box<Errand>),
    /// Ends every connection at its moment up to this one.
    Drain {
        /// The end of the drain window.
        until: Moment,
    },
    /// Who was to be ended and still is there may stay.
    Stay,
    /// Drops everything and ends the thread.
    Stop,
}

/// Why a question was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// The store could not tell, or not in time.
    Failed,
    /// The node was cut off from the others meanwhile: another one may tell.
    CutOff,
}

/// A control frame for one of a user's live connections, whichever's turn it is.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) user: Id,
    pub(super) dispatch: Dispatch,
    /// Told whether a connection took it.
    pub(super) taken: oneshot::Sender<bool>,
}

/// A connection on its way to the thread of its user.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) connection: Connection,
    /// The place in the log that the old thread had reached when it asked who this is. Whether the session was revoked
    /// after that is for the new thread to see.
    pub(super) asked_at: Seq,
    /// The position from which the client wants to resume.
    pub(super) after: Option<Seq>,
}

/// A thread's commands, and the waker of its poll.
#[derive(Debug)]
pub(super) struct Mailbox {
    commands: Mutex<Vec<Command>>,
    woken: AtomicBool,
    waker: Waker,
}

impl Mailbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { commands: Mutex::default(), woken: AtomicBool::new(false), waker }
    }

    pub(super) fn post(&self, command: Command) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(command);
        self.wake();
    }

    /// Has the thread look at its commands and at the ring, once however often this is called before it does.
    pub(super) fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel)
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "a hub thread could not be woken");
        }
    }

    /// The thread looks from here on: whoever posts later wakes it anew.
    pub(super) fn begin(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }

    /// Takes all commands, in order; `commands` is empty before.
    pub(super) fn take(&self, commands: &mut Vec<Command>) {
        std::mem::swap(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner), commands);
    }
}
