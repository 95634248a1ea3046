//! Whom a message may notify.

use super::Snowflake;
use super::table::{names, object};

names! {
    /// A kind of mention.
    pub enum MentionKind {
        /// Roles.
        Roles = "roles",
        /// Users.
        Users = "users",
        /// Everyone, and everyone here.
        Everyone = "everyone",
    }
}

object! {
    /// Whom the mentions in a message may notify (documentation: message resource, allowed mentions object).
    pub struct AllowedMentions {}
    set {
        /// The kinds that are taken from the text.
        parse: Vec<MentionKind>,
        /// At most 100 roles.
        roles: Vec<Snowflake>,
        /// At most 100 users.
        users: Vec<Snowflake>,
    }
    plain {
        /// Whether the author of the message that is replied to is notified.
        replied_user: bool,
    }
}

impl AllowedMentions {
    /// Mentions that notify nobody.
    pub fn none() -> Self {
        Self::default().parse(Vec::new())
    }
}
