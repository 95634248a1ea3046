//! Answers that say no more than what will happen.

use serde_json::{Value, json};

use super::check::InvalidAnswer;
use super::reply::{CallbackKind, Reply};
use super::sealed;
use crate::interaction::model::MessageFlags;

/// Says that a message will come, by a follow-up within 15 minutes; the user sees that something is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeferredMessage {
    flags: MessageFlags,
}

impl DeferredMessage {
    /// A message for all to see.
    pub fn new() -> Self {
        Self::default()
    }

    /// A message for the invoking user alone.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.flags = MessageFlags::EPHEMERAL;
        self
    }
}

impl sealed::Sealed for DeferredMessage {
    fn into_reply(self) -> Result<Reply, InvalidAnswer> {
        let data = (self.flags != MessageFlags::default()).then(|| json!({ "flags": self.flags }));
        Ok(Reply::new(CallbackKind::DeferredMessage, data, Vec::new()))
    }
}

/// Says that the component's message will be changed, or that nothing will happen; the user sees nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeferredUpdate;

impl sealed::Sealed for DeferredUpdate {
    fn into_reply(self) -> Result<Reply, InvalidAnswer> {
        Ok(Reply::new(CallbackKind::DeferredUpdate, None::<Value>, Vec::new()))
    }
}

/// Opens the application's activity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaunchActivity;

impl sealed::Sealed for LaunchActivity {
    fn into_reply(self) -> Result<Reply, InvalidAnswer> {
        Ok(Reply::new(CallbackKind::LaunchActivity, None::<Value>, Vec::new()))
    }
}
