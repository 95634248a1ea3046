//! Putting changes of the store into the stream: one after the other, each behind the one before it or not at all.

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
    /// Somebody else put one in meanwhile.
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

    /// Puts the change `number` into the stream, behind `last` and nothing else of its kind.
    ///
    /// # Errors
    /// A [`ChangeFault`]; after [`ChangeFault::Unavailable`] it may be in the stream, and [`Self::relayed`] knows.
    pub(crate) async fn relay(&self, number: ChangeNumber, body: &Body, last: Relayed) -> Result<Relayed, ChangeFault> {
        let message = PublishMessage::build()
            .payload(body.bytes())
            .message_id(format!("c{}", number.as_u64()))
            .expected_last_subject_sequence(last.sequence)
            .header(CHANGE, number.as_u64().to_string().as_str());
        let sent = match self.inner.context.send_publish(self.inner.settings.changes(), message).await {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        match sent {
            // One that was in the stream already is answered with its place there, which may stand before the last one's.
            Ok(ack) => Ok(Relayed { number, sequence: ack.sequence.max(last.sequence) }),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Err(ChangeFault::OutOfTurn),
            Err(error) => Err(ChangeFault::Unavailable(error.to_string())),
        }
    }
}
