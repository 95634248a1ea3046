//! What the ids in an interaction's data stand for.

use std::collections::BTreeMap;

use super::table::object;
use super::{Attachment, Channel, Member, Message, Role, Snowflake, User};

object! {
    /// What the ids in an interaction's data stand for (documentation: resolved data structure).
    pub struct Resolved {}
    optional {
        /// The users.
        users: BTreeMap<Snowflake, User>,
        /// The members, each without its user, which stands in `users`.
        members: BTreeMap<Snowflake, Member>,
        /// The roles.
        roles: BTreeMap<Snowflake, Role>,
        /// The channels, in part.
        channels: BTreeMap<Snowflake, Channel>,
        /// The messages, in part.
        messages: BTreeMap<Snowflake, Message>,
        /// The attachments.
        attachments: BTreeMap<Snowflake, Attachment>,
    }
}

impl Resolved {
    /// The user with this id.
    pub fn user(&self, id: Snowflake) -> Option<&User> {
        self.users.value()?.get(&id)
    }

    /// The member with this id.
    pub fn member(&self, id: Snowflake) -> Option<&Member> {
        self.members.value()?.get(&id)
    }

    /// The role with this id.
    pub fn role(&self, id: Snowflake) -> Option<&Role> {
        self.roles.value()?.get(&id)
    }

    /// The channel with this id.
    pub fn channel(&self, id: Snowflake) -> Option<&Channel> {
        self.channels.value()?.get(&id)
    }

    /// The message with this id.
    pub fn message(&self, id: Snowflake) -> Option<&Message> {
        self.messages.value()?.get(&id)
    }

    /// The attachment with this id.
    pub fn attachment(&self, id: Snowflake) -> Option<&Attachment> {
        self.attachments.value()?.get(&id)
    }
}
