//! What is queued for the writer.

use std::any::Any;

use futures_util::future::BoxFuture;
use sanmon_core::entry::Draft;
use sanmon_core::event::Seq;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::store::error::StoreError;
use crate::store::idempotency::IdempotencyKey;
use crate::store::tx::Tx;

/// What is queued for the writer.
pub(crate) enum Job {
    /// Something to store.
    Work(Work),
    /// Store what is queued, then stop.
    Close(oneshot::Sender<()>),
}

/// Something to store.
pub(crate) enum Work {
    /// Events of the platform's own.
    Publish(Publish),
    /// A change of what is stored, and its events.
    Change(Change),
}

/// Which room of a disk that is nearly full something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// What is left beside the reserve: for what makes the data grow.
    Common,
    /// The reserve as well: for what ends something or makes room, and for what the node keeps up by itself.
    Reserve,
}

/// A change of what is stored, and who waits for its result.
pub(crate) struct Change {
    #[expect(clippy::type_complexity, reason = "it is named here alone, and each of its parts says something")]
    pub(crate) run: Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<Value, StoreError>> + Send>,
    pub(crate) answer: oneshot::Sender<Result<Value, StoreError>>,
    pub(crate) room: Room,
}

/// The result of a change, whatever type it has.
pub(crate) struct Value(pub(crate) Box<dyn Any + Send>);

/// Events of the platform's own, and who waits for their places.
pub(crate) struct Publish {
    pub(crate) drafts: Vec<Draft>,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) answer: oneshot::Sender<Result<Vec<Seq>, StoreError>>,
    /// The part of the queue's memory that this takes, until it is stored.
    pub(crate) _room: OwnedSemaphorePermit,
}

/// How one job went, until it is known whether the transaction is committed.
pub(crate) struct Outcome(Box<dyn FnOnce(Result<(), StoreError>) + Send>);

impl Work {
    /// How many events it has, as far as that is known before.
    pub(crate) fn events(&self) -> usize {
        match self {
            Self::Publish(publish) => publish.drafts.len(),
            Self::Change(_) => 1,
        }
    }

    /// Which room of the disk it may take.
    pub(crate) const fn room(&self) -> Room {
        match self {
            Self::Publish(_) => Room::Common,
            Self::Change(change) => change.room,
        }
    }

    /// Whether entries of the log are all that it stores, so that it reads nothing and can't fail alone.
    pub(crate) fn only_places(&self) -> bool {
        matches!(self, Self::Publish(publish) if publish.key.is_none())
    }

    /// Answers that nothing was stored. Who no longer waits does not need to know.
    pub(crate) fn fail(self, error: StoreError) {
        match self {
            Self::Publish(publish) => drop(publish.answer.send(Err(error))),
            Self::Change(change) => drop(change.answer.send(Err(error))),
        }
    }
}

impl Outcome {
    /// This result, for the one who waits for it.
    pub(crate) fn of<T: Send + 'static>(
        result: Result<T, StoreError>,
        waiting: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self(Box::new(move |committed| {
            let _ = waiting.send(committed.and(result));
        }))
    }

    /// Tells it. A result, even a refusal, that rests on a transaction which was not committed is worth nothing.
    pub(crate) fn tell(self, committed: Result<(), StoreError>) {
        (self.0)(committed);
    }
}
