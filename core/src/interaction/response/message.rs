//! Answers that are messages, and answers that change one.

pub(super) mod components;
mod embeds;
mod mentions;
mod poll;

use serde::Serialize;
use serde_json::{Value, json};

use self::components::{Place, Seen};
use super::check::{At, InvalidAnswer};
use super::reply::{CallbackKind, Reply};
use super::{AttachedFile, limits, sealed};
use crate::interaction::model::{AllowedMentions, Component, Embed, Field, InMessage, MessageFlags, Poll, Snowflake};

/// The fields that new messages and changes of messages share.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(in crate::interaction) struct MessageFields {
    #[serde(skip_serializing_if = "Field::is_absent")]
    tts: Field<bool>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    content: Field<String>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    embeds: Field<Vec<Embed>>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    allowed_mentions: Field<AllowedMentions>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    flags: Field<MessageFlags>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    components: Field<Vec<Component>>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    // Described ones by their index, kept ones by their id.
    #[cfg_attr(
        feature = "types",
        ts(optional = nullable, type = "Array<{ id: number | string, filename?: string, description?: string } & Rest> | null")
    )]
    attachments: Field<Vec<Value>>,
    #[serde(skip_serializing_if = "Field::is_absent")]
    poll: Field<Poll>,
    #[serde(skip)]
    files: Vec<AttachedFile>,
}

/// Sends a message.
///
/// A message with other components than action rows is made of components alone: it has no content, embeds or poll, and
/// the flag that says so is set by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageAnswer(MessageFields);

/// Changes the message whose component was used, or whose component opened the modal. What it does not name stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageUpdate(MessageFields);

/// Makes the setters that both have.
macro_rules! setters {
    ($($name:ident)*) => {$(impl $name {
        /// Nothing yet.
        pub fn new() -> Self {
            Self::default()
        }

        /// Sets the text, at most 2,000 characters.
        #[must_use]
        pub fn content(mut self, content: impl Into<String>) -> Self {
            self.0.content = content.into().into();
            self
        }

        /// Adds an embed; there are at most 10.
        #[must_use]
        pub fn embed(mut self, embed: Embed) -> Self {
            self.0.embeds.or_insert_default().push(embed);
            self
        }

        /// Adds a component.
        #[must_use]
        pub fn component(mut self, component: impl InMessage) -> Self {
            self.0.components.or_insert_default().push(component.into());
            self
        }

        /// Adds a file; there are at most 10.
        #[must_use]
        pub fn file(mut self, file: AttachedFile) -> Self {
            self.0.files.push(file);
            self
        }

        /// Says whom the message may notify.
        #[must_use]
        pub fn allowed_mentions(mut self, mentions: AllowedMentions) -> Self {
            self.0.allowed_mentions = mentions.into();
            self
        }

        /// Does not unfurl links.
        #[must_use]
        pub fn suppress_embeds(self) -> Self {
            self.flag(MessageFlags::SUPPRESS_EMBEDS)
        }

        /// Makes the message of components alone, even if all of them are action rows.
        #[must_use]
        pub fn components_only(self) -> Self {
            self.flag(MessageFlags::IS_COMPONENTS_V2)
        }

        fn flag(mut self, flag: MessageFlags) -> Self {
            let flags = self.0.flags.or_insert_default();
            *flags = *flags | flag;
            self
        }
    })*};
}

setters!(MessageAnswer MessageUpdate);

impl MessageAnswer {
    /// Shows the message to the invoking user alone.
    #[must_use]
    pub fn ephemeral(self) -> Self {
        self.flag(MessageFlags::EPHEMERAL)
    }

    /// Sends the message without a sound.
    #[must_use]
    pub fn silent(self) -> Self {
        self.flag(MessageFlags::SUPPRESS_NOTIFICATIONS)
    }

    /// Has the message read aloud.
    #[must_use]
    pub fn tts(mut self) -> Self {
        self.0.tts = true.into();
        self
    }

    /// Adds a poll.
    #[must_use]
    pub fn poll(mut self, poll: Poll) -> Self {
        self.0.poll = poll.into();
        self
    }
}

impl MessageUpdate {
    /// Takes the text away.
    #[must_use]
    pub fn clear_content(mut self) -> Self {
        self.0.content = Field::Null;
        self
    }

    /// Takes the embeds away; those that are added stay.
    #[must_use]
    pub fn clear_embeds(mut self) -> Self {
        self.0.embeds.or_insert_default();
        self
    }

    /// Takes the components away; those that are added stay.
    #[must_use]
    pub fn clear_components(mut self) -> Self {
        self.0.components.or_insert_default();
        self
    }

    /// Takes the attachments away, except those that are kept or added.
    #[must_use]
    pub fn clear_attachments(mut self) -> Self {
        self.0.attachments.or_insert_default();
        self
    }

    /// Keeps this attachment, where files are added or attachments taken away: those that are not named go.
    #[must_use]
    pub fn keep_attachment(mut self, id: impl Into<Snowflake>) -> Self {
        self.0.attachments.or_insert_default().push(json!({ "id": id.into() }));
        self
    }
}

impl sealed::Sealed for MessageAnswer {
    fn into_reply(mut self) -> Result<Reply, InvalidAnswer> {
        if self.0.files.iter().any(|file| file.voice.is_some()) {
            self = self.flag(MessageFlags::IS_VOICE_MESSAGE);
        }
        self.0.check()?;
        if self.0.is_empty() {
            return Err(At::DATA.refuse("neither content nor embeds, components, files or a poll"));
        }
        self.0.check_references()?;
        self.0.into_reply(CallbackKind::Message)
    }
}

impl sealed::Sealed for MessageUpdate {
    fn into_reply(self) -> Result<Reply, InvalidAnswer> {
        self.0.check()?;
        self.0.into_reply(CallbackKind::Update)
    }
}

impl MessageFields {
    fn check(&self) -> Result<(), InvalidAnswer> {
        if let Some(content) = self.content.text() {
            At::DATA.name("content").text(content, limits::CONTENT)?;
        }
        embeds::check(At::DATA.name("embeds"), self.embeds.items())?;
        if let Some(mentions) = self.allowed_mentions.value() {
            mentions::check(At::DATA.name("allowed_mentions"), mentions)?;
        }
        if let Some(poll) = self.poll.value() {
            poll::check(At::DATA.name("poll"), poll)?;
        }
        let at = At::DATA.name("attachments");
        at.count(self.files.len() + self.attachments.items().len(), limits::FILES)?;
        for (index, file) in self.files.iter().enumerate() {
            file.check(at.index(index))?;
        }
        self.check_components(At::DATA.name("components"))
    }

    fn check_components(&self, at: At<'_>) -> Result<(), InvalidAnswer> {
        let is_alone = self.is_components_only();
        if !is_alone {
            at.count(self.components.items().len(), limits::ROWS)?;
        }
        let mut seen = Seen::default();
        for (index, component) in self.components.items().iter().enumerate() {
            seen.check(at.index(index), component, Place::Message)?;
        }
        if is_alone {
            seen.check_totals(at)?;
            let others = [
                ("content", self.content.text().is_some_and(|content| !content.is_empty())),
                ("embeds", !self.embeds.items().is_empty()),
                ("poll", self.poll.value().is_some()),
            ];
            if let Some((name, _)) = others.into_iter().find(|(_, is_there)| *is_there) {
                return Err(At::DATA.name(name).refuse("not in a message that is made of components alone"));
            }
        }
        Ok(())
    }

    /// Whether the message is made of components alone: it says so, or has one that no other message may have.
    fn is_components_only(&self) -> bool {
        self.flags.value().is_some_and(|flags| flags.contains(MessageFlags::IS_COMPONENTS_V2))
            || self.components.items().iter().any(|component| !matches!(component, Component::ActionRow(_)))
    }

    /// Whether every `attachment://name` of a new message names one of its files.
    fn check_references(&self) -> Result<(), InvalidAnswer> {
        let mut references = Vec::new();
        embeds::references(At::DATA.name("embeds"), self.embeds.items(), &mut references);
        for (index, component) in self.components.items().iter().enumerate() {
            components::references(At::DATA.name("components").index(index), component, &mut references);
        }
        for (field, name) in references {
            if !self.files.iter().any(|file| file.name == name) {
                return Err(InvalidAnswer { field, fault: format!("no file of the answer is named {name}") });
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.content.text().is_none_or(str::is_empty)
            && self.embeds.items().is_empty()
            && self.components.items().is_empty()
            && self.poll.value().is_none()
            && self.files.is_empty()
    }

    fn into_reply(mut self, kind: CallbackKind) -> Result<Reply, InvalidAnswer> {
        if self.is_components_only() {
            let flags = self.flags.or_insert_default();
            *flags = *flags | MessageFlags::IS_COMPONENTS_V2;
        }
        if !self.files.is_empty() {
            let described = self.files.iter().enumerate().map(|(index, file)| file.described(index));
            self.attachments.or_insert_default().extend(described);
        }
        let files = std::mem::take(&mut self.files);
        Ok(Reply::new(kind, Some(self), files))
    }
}
