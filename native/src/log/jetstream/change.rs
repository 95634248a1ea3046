//! Putting changes of the store into the stream: some at once, each behind the one before it or not at all.
//!
//! The first of them expects the last change that is known, whatever was published since. Each other one expects the one before
//! it as the very last of the whole stream, by its id: its place is not known yet. So when one is not stored, because something was
//! published in between or because it got lost, none behind it is either, and no hole and no other order can come about.

use std::collections::VecDeque;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;

use super::message::{CHANGE, change_number};
use super::{Body, JetStream};
use crate::log::ChangeNumber;

/// Up to where the changes are in the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Relayed {
    /// The last change; 0 if the stream holds none.
    pub(crate) number: ChangeNumber,
    /// Its number in the stream; 0 if the stream holds none.
    sequence: u64,
}

/// Why a change is not known to be in the stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeFault {
    /// Something else is in its place: another change, or what was published meanwhile.
    #[error("another node puts changes into the log")]
    OutOfTurn,
    /// JetStream can't be asked, or did not say what came of it.
    #[error("JetStream does not store changes now: {0}")]
    Unavailable(String),
}

impl JetStream {
    /// Up to where the changes are in the stream, as far as it still holds them.
    ///
    /// # Errors
    /// [`ChangeFault::Unavailable`].
    pub(crate) async fn relayed(&self) -> Result<Relayed, ChangeFault> {
        let unavailable = |error: String| ChangeFault::Unavailable(error);
        let stream = self.stream().await.map_err(|error| unavailable(error.to_string()))?;
        // Asked of the one that orders the stream, never of a copy that may lag.
        match stream.get_last_raw_message_by_subject(self.inner.settings.changes()).await {
            Ok(last) => match change_number(Some(&last.headers)) {
                Some(number) => Ok(Relayed { number, sequence: last.sequence }),
                None => Err(unavailable("the last change in the stream tells no number".into())),
            },
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(Relayed::default()),
            Err(error) => Err(unavailable(error.to_string())),
        }
    }

    /// Puts changes into the stream, in this order, behind `last` and nothing else of their kind. `last` becomes the last one
    /// that is known to be in there, also when this fails.
    ///
    /// # Errors
    /// A [`ChangeFault`]; after [`ChangeFault::Unavailable`] more may be in the stream, and [`Self::relayed`] knows.
    pub(crate) async fn relay(&self, changes: &[(ChangeNumber, Body)], last: &mut Relayed) -> Result<(), ChangeFault> {
        let mut waiting = VecDeque::with_capacity(changes.len());
        // A server in a cluster remembers the ids of messages that it refuses in the end: those are not used again.
        let attempt = self.nats().client().new_inbox();
        let mut before: Option<String> = None;
        for (number, body) in changes {
            let message = PublishMessage::build().payload(body.bytes());
            let message = message.header(CHANGE, number.as_u64().to_string().as_str());
            let (message, id) = match before {
                None => (message.expected_last_subject_sequence(last.sequence), format!("c{}", number.as_u64())),
                Some(before) => (message.expected_last_message_id(before), format!("c{}.{attempt}", number.as_u64())),
            };
            let sent = self.inner.context.send_publish(self.inner.settings.changes(), message.message_id(&id)).await;
            waiting.push_back((*number, sent));
            before = Some(id);
        }
        for (number, sent) in waiting {
            let stored = match sent {
                Ok(sent) => sent.await,
                Err(error) => Err(error),
            };
            match stored {
                // One that was in the stream already is answered with its place there, which may stand before the last one's.
                Ok(ack) => *last = Relayed { number, sequence: ack.sequence.max(last.sequence) },
                Err(error) => {
                    return Err(match error.kind() {
                        PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => {
                            ChangeFault::OutOfTurn
                        }
                        _ => ChangeFault::Unavailable(error.to_string()),
                    });
                }
            }
        }
        Ok(())
    }
}
