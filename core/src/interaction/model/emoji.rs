//! An emoji.

use super::table::object;
use super::{Snowflake, User};

object! {
    /// An emoji, often only `id`, `name` and `animated` (documentation: emoji resource, emoji object).
    pub struct Emoji {}
    optional {
        /// The roles that may use it.
        roles: Vec<Snowflake>,
        /// Who made it.
        user: Box<User>,
        /// Whether it must stand between colons.
        require_colons: bool,
        /// Whether an integration manages it.
        managed: bool,
        /// Whether it can be used now.
        available: bool,
    }
    set {
        /// The id of a custom emoji; null for a Unicode one.
        id: Snowflake,
        /// The name, or the Unicode emoji itself.
        name: String,
    }
    plain {
        /// Whether it moves.
        animated: bool,
    }
}

impl Emoji {
    /// A Unicode emoji.
    pub fn unicode(emoji: impl Into<String>) -> Self {
        Self::default().name(emoji)
    }

    /// A custom emoji.
    pub fn custom(id: impl Into<Snowflake>, name: impl Into<String>) -> Self {
        Self::default().id(id).name(name)
    }
}
