//! An answer as it travels: JSON and files.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AttachedFile, FileSource};
use crate::codec::{InvalidJson, check_json};
use crate::interaction::model::InteractionKind;
use crate::interaction::model::table::codes;

codes! {
    /// What an answer does (documentation: interaction callback type).
    pub enum CallbackKind {
        /// Answers a ping.
        Pong = 1,
        /// Sends a message.
        Message = 4,
        /// Says that a message will come.
        DeferredMessage = 5,
        /// Says that the component's message will be changed.
        DeferredUpdate = 6,
        /// Changes the component's message.
        Update = 7,
        /// Completes an option.
        Choices = 8,
        /// Opens a modal.
        Modal = 9,
        /// Asks for a premium subscription; deprecated in favor of premium buttons.
        PremiumRequired = 10,
        /// Opens the application's activity.
        LaunchActivity = 12,
    }
}

impl CallbackKind {
    /// Whether this answers interactions of that kind. Codes to come are taken for what answers anything but pings and
    /// autocompletions.
    pub const fn answers(self, kind: InteractionKind) -> bool {
        match kind {
            InteractionKind::Ping => matches!(self, Self::Pong),
            InteractionKind::Autocomplete => matches!(self, Self::Choices),
            InteractionKind::ApplicationCommand => {
                !matches!(self, Self::Pong | Self::Choices | Self::DeferredUpdate | Self::Update)
            }
            InteractionKind::MessageComponent => !matches!(self, Self::Pong | Self::Choices),
            InteractionKind::ModalSubmit => !matches!(self, Self::Pong | Self::Choices | Self::Modal),
            InteractionKind::Other(_) => true,
        }
    }
}

/// An answer as it travels: JSON, alone or with files. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    json: Bytes,
    files: Arc<[AttachedFile]>,
    form: Option<Form>,
}

/// A body of `multipart/form-data` that someone else wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The value of its `Content-Type`.
    pub content_type: String,
    /// All of it.
    pub body: Bytes,
}

/// A text can't be an answer, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReply {
    /// The text is not JSON as the protocol has it.
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// The text is no object with an integer as `type`.
    #[error("not an object with an integer as `type`: {0}")]
    Shape(String),
    /// An answer of this type does not fit the interaction.
    #[error("an answer of type {callback} does not fit an interaction of type {interaction}", callback = callback.code(), interaction = interaction.code())]
    Misfit {
        /// The answer's type.
        callback: CallbackKind,
        /// The interaction's type.
        interaction: InteractionKind,
    },
}

impl Reply {
    /// The answer to a ping.
    pub fn pong() -> Self {
        Self { json: Bytes::from_static(br#"{"type":1}"#), files: Arc::new([]), form: None }
    }

    /// An answer that someone else wrote, as it stands, to an interaction of this kind. Its type is checked, and no more
    /// of it.
    ///
    /// # Errors
    /// [`InvalidReply`].
    pub fn from_json(kind: InteractionKind, json: String, files: Vec<AttachedFile>) -> Result<Self, InvalidReply> {
        #[derive(Deserialize)]
        struct Outline<'a> {
            r#type: CallbackKind,
            #[serde(borrow)]
            #[expect(dead_code, reason = "shows that it is at most one value")]
            data: Option<&'a RawValue>,
        }

        check_json(&json)?;
        if !json.trim_start().starts_with('{') {
            return Err(InvalidReply::Shape("not an object".to_owned()));
        }
        let outline =
            serde_json::from_str::<Outline<'_>>(&json).map_err(|error| InvalidReply::Shape(error.to_string()))?;
        if !outline.r#type.answers(kind) {
            return Err(InvalidReply::Misfit { callback: outline.r#type, interaction: kind });
        }
        Ok(Self { json: json.into(), files: files.into(), form: None })
    }

    /// An answer with files that someone else wrote, which travels as it stands. `json` is its part `payload_json`, and is
    /// checked as in [`Self::from_json`]; that the form is one has been found out by whoever took `json` from it.
    ///
    /// # Errors
    /// [`InvalidReply`].
    pub fn from_form(kind: InteractionKind, json: String, form: Form) -> Result<Self, InvalidReply> {
        Ok(Self { form: Some(form), ..Self::from_json(kind, json, Vec::new())? })
    }

    /// An answer of this type with this data and these files.
    pub(super) fn new(kind: CallbackKind, data: Option<impl Serialize>, files: Vec<AttachedFile>) -> Self {
        #[derive(Serialize)]
        struct Callback<T> {
            r#type: CallbackKind,
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<T>,
        }

        // Strings as keys and finite numbers only, both by type: there is nothing that could fail.
        let json = serde_json::to_vec(&Callback { r#type: kind, data }).expect("every answer can be written");
        Self { json: json.into(), files: files.into(), form: None }
    }

    /// The JSON text: the whole body, or with files its part `payload_json`.
    pub fn json(&self) -> &str {
        std::str::from_utf8(&self.json).expect("made from text")
    }

    /// The JSON text as bytes, shared.
    pub const fn json_bytes(&self) -> &Bytes {
        &self.json
    }

    /// The files, in the order of their parts.
    pub fn files(&self) -> &[AttachedFile] {
        &self.files
    }

    /// The form that someone else wrote, if this is one.
    pub const fn form(&self) -> Option<&Form> {
        self.form.as_ref()
    }

    /// The message of this answer, with its files, as routes for messages take it; none if it answers otherwise, and none
    /// of a form that someone else wrote, since that is not taken apart.
    pub fn message(&self) -> Option<Self> {
        #[derive(Deserialize)]
        struct Callback<'a> {
            r#type: CallbackKind,
            #[serde(borrow)]
            data: &'a RawValue,
        }

        let callback: Callback<'_> = serde_json::from_str(self.json()).ok()?;
        let is_message = matches!(callback.r#type, CallbackKind::Message | CallbackKind::Update);
        let json = callback.data.get().to_owned().into();
        (is_message && self.form.is_none()).then(|| Self { json, files: Arc::clone(&self.files), form: None })
    }

    /// About how many bytes the answer holds in memory.
    pub(in crate::interaction) fn size(&self) -> usize {
        let held = |file: &AttachedFile| match &file.source {
            FileSource::Bytes(bytes) => bytes.len(),
            FileSource::Path(_) => 0,
        };
        let form = self.form.as_ref().map_or(0, |form| form.body.len());
        self.json.len() + self.files.iter().map(held).sum::<usize>() + form
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_a_message_gives_it() {
        let reply = |json: &str| {
            Reply::from_json(InteractionKind::MessageComponent, json.to_owned(), Vec::new()).unwrap().message()
        };
        assert_eq!(reply(r#"{"type":4,"data":{"content": "a"}}"#).unwrap().json(), r#"{"content": "a"}"#);
        assert!(reply(r#"{"type":7,"data":{}}"#).is_some());
        assert_eq!(reply(r#"{"type":5,"data":{}}"#), None);
        assert_eq!(reply(r#"{"type":4}"#), None);
    }

    #[test]
    fn a_form_by_others_travels_as_it_stands() {
        let form =
            Form { content_type: "multipart/form-data; boundary=x".to_owned(), body: Bytes::from_static(b"--x--") };
        let made = |json: &str| Reply::from_form(InteractionKind::ApplicationCommand, json.to_owned(), form.clone());
        let reply = made(r#"{"type":4,"data":{}}"#).unwrap();
        assert_eq!((reply.form(), reply.message()), (Some(&form), None));
        assert!(reply.size() > form.body.len());
        assert!(matches!(made(r#"{"type":1}"#), Err(InvalidReply::Misfit { .. })));
    }

    #[test]
    fn an_answer_by_others_is_checked_for_its_type() {
        let reply = |kind, json: &str| Reply::from_json(kind, json.to_owned(), Vec::new());
        let command = InteractionKind::ApplicationCommand;
        let text = r#"{ "type": 4, "data": {"content":"a", "new": 1.0} }"#;
        assert_eq!(reply(command, text).unwrap().json(), text);
        assert!(reply(command, r#"{"type":10}"#).is_ok());
        assert!(reply(command, r#"{"type":99}"#).is_ok());
        for (kind, bad) in [
            (command, r#"{"type":1}"#),
            (command, r#"{"type":7}"#),
            (command, r#"{"type":8,"data":{"choices":[]}}"#),
            (InteractionKind::Autocomplete, r#"{"type":4}"#),
            (InteractionKind::ModalSubmit, r#"{"type":9}"#),
        ] {
            assert!(matches!(reply(kind, bad), Err(InvalidReply::Misfit { .. })), "{bad}");
        }
        for bad in ["[4]", "{}", r#"{"type":"4"}"#, r#"{"type":4.0}"#, r#"{"type":4,"type":5}"#] {
            assert!(matches!(reply(command, bad), Err(InvalidReply::Shape(_))), "{bad}");
        }
        assert!(matches!(reply(command, "{\"type\":4,\"data\":1e999}"), Err(InvalidReply::Json(_))));
    }
}
