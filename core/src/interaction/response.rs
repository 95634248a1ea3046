//! Answers: builders that take only what fits the interaction's kind, checked against the platform's limits.

mod attachment;
mod check;
mod choices;
mod deferral;
mod limits;
mod message;
mod modal;
mod multipart;
mod reply;

use std::marker::PhantomData;

use super::kind::{ApplicationCommand, Autocomplete, Kind, MessageComponent, ModalSubmit};

pub use self::attachment::{AttachedFile, FileSource};
pub use self::check::InvalidAnswer;
pub use self::choices::{Choice, ChoiceValue, Choices};
pub use self::deferral::{DeferredMessage, DeferredUpdate, LaunchActivity};
#[cfg(feature = "types")]
pub(super) use self::message::MessageFields;
pub use self::message::{MessageAnswer, MessageUpdate};
pub use self::modal::Modal;
pub use self::multipart::{Boundary, Chunk, Multipart};
pub use self::reply::{CallbackKind, Form, InvalidReply, Reply};

/// An answer to an interaction of kind `K`, within the platform's limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Response<K> {
    reply: Reply,
    kind: PhantomData<K>,
}

/// What answers interactions of kind `K`.
pub trait Answers<K: Kind>: sealed::Sealed {}

/// Says which answers fit which kinds.
macro_rules! answers {
    ($($kind:ident: $($answer:ident)*;)*) => {$($(impl Answers<$kind> for $answer {})*)*};
}

answers! {
    ApplicationCommand: MessageAnswer DeferredMessage Modal LaunchActivity;
    // `MessageUpdate` and `DeferredUpdate` fit a modal that a component opened: it has a `message`.
    MessageComponent: MessageAnswer DeferredMessage MessageUpdate DeferredUpdate Modal LaunchActivity;
    ModalSubmit: MessageAnswer DeferredMessage MessageUpdate DeferredUpdate LaunchActivity;
    Autocomplete: Choices;
}

impl<K: Kind> Response<K> {
    /// This answer, if it is within the platform's limits.
    ///
    /// # Errors
    /// [`InvalidAnswer`] with the field that is beyond its limit.
    ///
    /// ```
    /// use sanmon_core::interaction::kind::ApplicationCommand;
    /// use sanmon_core::interaction::response::{MessageAnswer, Response};
    ///
    /// let response = Response::<ApplicationCommand>::new(MessageAnswer::new().content("Pong!").ephemeral())?;
    /// assert_eq!(response.reply().json(), r#"{"type":4,"data":{"content":"Pong!","flags":64}}"#);
    /// # Ok::<(), sanmon_core::interaction::response::InvalidAnswer>(())
    /// ```
    ///
    /// What does not fit the kind does not compile:
    ///
    /// ```compile_fail,E0277
    /// use sanmon_core::interaction::kind::Autocomplete;
    /// use sanmon_core::interaction::response::{MessageAnswer, Response};
    ///
    /// let response = Response::<Autocomplete>::new(MessageAnswer::new().content("Pong!"));
    /// ```
    pub fn new(answer: impl Answers<K>) -> Result<Self, InvalidAnswer> {
        Ok(Self { reply: answer.into_reply()?, kind: PhantomData })
    }

    /// An answer that was written by other means, as it stands. Its type is checked, and no more of it.
    ///
    /// # Errors
    /// [`InvalidReply`] if it is not JSON, or of a type that does not fit the kind.
    pub fn from_json(json: String, files: Vec<AttachedFile>) -> Result<Self, InvalidReply> {
        Ok(Self { reply: Reply::from_json(K::KIND, json, files)?, kind: PhantomData })
    }

    /// The answer as it travels.
    pub const fn reply(&self) -> &Reply {
        &self.reply
    }

    /// The answer as it travels.
    pub fn into_reply(self) -> Reply {
        self.reply
    }
}

mod sealed {
    use super::*;

    /// Keeps the list of answers the only one.
    pub trait Sealed {
        /// Checks the answer and writes it down.
        fn into_reply(self) -> Result<Reply, InvalidAnswer>;
    }
}

#[cfg(test)]
mod tests;
