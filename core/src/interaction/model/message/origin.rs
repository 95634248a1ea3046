//! Where a message comes from: another message, or an interaction.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::interaction::model::table::object;
use crate::interaction::model::{Installation, InteractionKind, Member, Snowflake, User, nesting};

object! {
    /// The message that a message is about.
    pub struct MessageReference {}
    optional {
        /// 0 for a reply, 1 for a forward.
        #[serde(rename = "type")]
        kind: i64,
        /// The message.
        message_id: Snowflake,
        /// Its channel.
        channel_id: Snowflake,
        /// Its guild.
        guild_id: Snowflake,
        /// Whether it is an error that the message does not exist.
        fail_if_not_exists: bool,
    }
}

object! {
    /// A message as it was when it was forwarded.
    pub struct MessageSnapshot {
        /// The message, in part, without its id.
        message: Map<String, Value>,
    }
}

object! {
    /// The interaction that a message comes from (documentation: message interaction metadata object).
    pub struct InteractionMetadata {
        /// The interaction's id.
        id: Snowflake,
        /// Its kind.
        #[serde(rename = "type")]
        kind: InteractionKind,
    }
    optional {
        /// Who invoked it.
        user: User,
        /// For whom the application is installed.
        authorizing_integration_owners: BTreeMap<Installation, Snowflake>,
        /// The first answer; in follow-ups.
        original_response_message_id: Snowflake,
        /// The user that a command was run on.
        target_user: User,
        /// The message that a command was run on.
        target_message_id: Snowflake,
        /// The message whose component was used.
        interacted_message_id: Snowflake,
        /// The interaction that opened the modal.
        #[serde(deserialize_with = "nesting::deserialize")]
        triggering_interaction_metadata: Box<InteractionMetadata>,
    }
}

object! {
    /// The interaction that a message answers (documentation: message interaction object; deprecated).
    pub struct MessageInteraction {
        /// The interaction's id.
        id: Snowflake,
        /// Its kind.
        #[serde(rename = "type")]
        kind: InteractionKind,
        /// The command's name.
        name: String,
    }
    optional {
        /// Who invoked it.
        user: User,
        /// Who invoked it, in the guild.
        member: Member,
    }
}
