//! An interaction.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::table::codes;
use super::{Channel, Entitlement, Field, Guild, Member, Message, Permissions, Snowflake, User};
use crate::interaction::kind::{ApplicationCommand, Autocomplete, Kind, MessageComponent, ModalSubmit};

codes! {
    /// What an interaction is.
    pub enum InteractionKind {
        /// The platform asks whether the endpoint is there.
        Ping = 1,
        /// A user ran a command.
        ApplicationCommand = 2,
        /// A user used a component of a message.
        MessageComponent = 3,
        /// A user types into an option of a command.
        Autocomplete = 4,
        /// A user submitted a modal.
        ModalSubmit = 5,
    }
}

codes! {
    /// Where an interaction comes from.
    pub enum Context {
        /// A guild.
        Guild = 0,
        /// A direct message with the application's bot.
        BotDm = 1,
        /// Another direct message or a group.
        PrivateChannel = 2,
    }
}

codes! {
    /// For whom an application is installed.
    pub enum Installation {
        /// A guild.
        Guild = 0,
        /// A user.
        User = 1,
    }
}

/// An interaction of kind `K` (documentation: receiving and responding, interaction object).
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[cfg_attr(feature = "types", ts(concrete(K = ApplicationCommand), bound = "K: Kind, K::Data: ts_rs::TS"))]
#[serde(bound = "")]
#[non_exhaustive]
pub struct Interaction<K: Kind> {
    /// The interaction's id.
    pub id: Snowflake,
    /// The application that it is for.
    pub application_id: Snowflake,
    /// What it is.
    #[serde(rename = "type")]
    kind: KindCode<K>,
    /// What the user did.
    pub data: K::Data,
    /// What answers by callback and follow-ups show, for 15 minutes.
    pub token: String,
    /// Always 1.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub version: Field<u64>,
    /// The guild, in part.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub guild: Field<Guild>,
    /// The guild's id.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub guild_id: Field<Snowflake>,
    /// The channel, in part.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub channel: Field<Channel>,
    /// The channel's id.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub channel_id: Field<Snowflake>,
    /// Who invoked it, in a guild.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub member: Field<Member>,
    /// Who invoked it, elsewhere.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub user: Field<User>,
    /// The message of the component; for modals, of the component that opened it.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub message: Field<Box<Message>>,
    /// What the application may do where it comes from.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub app_permissions: Field<Permissions>,
    /// The language of the invoking user.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub locale: Field<String>,
    /// The language of the guild.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub guild_locale: Field<String>,
    /// What the user has bought of the application.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub entitlements: Field<Vec<Entitlement>>,
    /// For whom the application is installed: a guild (0 in a direct message with the bot), a user, or both.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub authorizing_integration_owners: Field<BTreeMap<Installation, Snowflake>>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub context: Field<Context>,
    /// How many bytes a file of the answer may have.
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    pub attachment_size_limit: Field<u64>,
    /// Every field that this model does not know.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl<K: Kind> Interaction<K> {
    /// Who invoked it, in a guild or elsewhere.
    pub fn invoker(&self) -> Option<&User> {
        self.member.value().and_then(|member| member.user.value()).or(self.user.value())
    }
}

/// The constant `type` of an interaction of kind `K`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct KindCode<K>(PhantomData<K>);

#[cfg(feature = "types")]
crate::typescript::literal!([K: Kind] KindCode<K>, K::KIND.code().to_string());

impl<K: Kind> Serialize for KindCode<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        K::KIND.serialize(serializer)
    }
}

impl<'de, K: Kind> Deserialize<'de> for KindCode<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match InteractionKind::deserialize(deserializer)? {
            kind if kind == K::KIND => Ok(Self(PhantomData)),
            kind => Err(de::Error::custom(format_args!("an interaction of type {}", kind.code()))),
        }
    }
}

/// An interaction of any kind that listeners answer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum AnyInteraction {
    /// A user ran a command.
    ApplicationCommand(Box<Interaction<ApplicationCommand>>),
    /// A user used a component of a message.
    MessageComponent(Box<Interaction<MessageComponent>>),
    /// A user types into an option of a command.
    Autocomplete(Box<Interaction<Autocomplete>>),
    /// A user submitted a modal.
    ModalSubmit(Box<Interaction<ModalSubmit>>),
}

impl AnyInteraction {
    /// Reads an interaction of this kind; none for kinds that no listener answers.
    ///
    /// # Errors
    /// A field is missing or of the wrong shape.
    pub fn parse(kind: InteractionKind, text: &str) -> Option<serde_json::Result<Self>> {
        Some(match kind {
            InteractionKind::ApplicationCommand => read(text).map(Self::ApplicationCommand),
            InteractionKind::MessageComponent => read(text).map(Self::MessageComponent),
            InteractionKind::Autocomplete => read(text).map(Self::Autocomplete),
            InteractionKind::ModalSubmit => read(text).map(Self::ModalSubmit),
            InteractionKind::Ping | InteractionKind::Other(_) => return None,
        })
    }

    /// What it is.
    pub const fn kind(&self) -> InteractionKind {
        match self {
            Self::ApplicationCommand(_) => InteractionKind::ApplicationCommand,
            Self::MessageComponent(_) => InteractionKind::MessageComponent,
            Self::Autocomplete(_) => InteractionKind::Autocomplete,
            Self::ModalSubmit(_) => InteractionKind::ModalSubmit,
        }
    }

    /// The interaction's id.
    pub const fn id(&self) -> Snowflake {
        match self {
            Self::ApplicationCommand(interaction) => interaction.id,
            Self::MessageComponent(interaction) => interaction.id,
            Self::Autocomplete(interaction) => interaction.id,
            Self::ModalSubmit(interaction) => interaction.id,
        }
    }

    /// The application that it is for.
    pub const fn application_id(&self) -> Snowflake {
        match self {
            Self::ApplicationCommand(interaction) => interaction.application_id,
            Self::MessageComponent(interaction) => interaction.application_id,
            Self::Autocomplete(interaction) => interaction.application_id,
            Self::ModalSubmit(interaction) => interaction.application_id,
        }
    }

    /// What answers by callback show.
    pub fn token(&self) -> &str {
        match self {
            Self::ApplicationCommand(interaction) => &interaction.token,
            Self::MessageComponent(interaction) => &interaction.token,
            Self::Autocomplete(interaction) => &interaction.token,
            Self::ModalSubmit(interaction) => &interaction.token,
        }
    }
}

/// Reads an interaction of kind `K` from text that the door has passed.
fn read<K: Kind>(text: &str) -> serde_json::Result<Box<Interaction<K>>> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The door has counted the levels, exactly; serde_json's own limit stops one level early.
    deserializer.disable_recursion_limit();
    let interaction = Interaction::deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Box::new(interaction))
}
