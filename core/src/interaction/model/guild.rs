//! The guild of an interaction.

use super::Snowflake;
use super::table::object;

object! {
    /// A guild, in part (documentation: guild resource, guild object); everything else of it stands in `rest`.
    pub struct Guild {
        /// The guild's id.
        id: Snowflake,
    }
    optional {
        /// The guild's name.
        name: String,
        /// The hash of the icon.
        icon: String,
        /// The guild's language, under the name that interactions give it.
        locale: String,
        /// The guild's language, under the name that guild objects give it.
        preferred_locale: String,
        /// The features that the guild has.
        features: Vec<String>,
        /// The user who owns the guild.
        owner_id: Snowflake,
    }
}
