//! A role of a guild.

use serde_json::Value;

use super::table::object;
use super::{Permissions, Snowflake};

object! {
    /// A role of a guild (documentation: permissions, role object).
    pub struct Role {
        /// The role's id.
        id: Snowflake,
        /// The role's name.
        name: String,
    }
    optional {
        /// The color, the first of `colors`.
        color: u32,
        /// The colors.
        colors: RoleColors,
        /// Whether its members stand apart in the list of members.
        hoist: bool,
        /// The hash of the icon.
        icon: String,
        /// The emoji that serves as icon.
        unicode_emoji: String,
        /// What the role is for.
        description: String,
        /// The place among the roles; roles of one place sort by id.
        position: i64,
        /// What its members may do.
        permissions: Permissions,
        /// Whether an integration manages it.
        managed: bool,
        /// Whether it may be mentioned.
        mentionable: bool,
        /// What the role belongs to.
        tags: RoleTags,
        /// The role's flags, as bits.
        flags: u64,
    }
}

object! {
    /// The colors of a role.
    pub struct RoleColors {
        /// The first color.
        primary_color: u32,
    }
    optional {
        /// The second color of a gradient.
        secondary_color: u32,
        /// The third color of a gradient.
        tertiary_color: u32,
    }
}

object! {
    /// What a role belongs to. The platform writes "true" as null and "false" as absent here.
    pub struct RoleTags {}
    optional {
        /// The bot that the role belongs to.
        bot_id: Snowflake,
        /// The integration that the role belongs to.
        integration_id: Snowflake,
        /// Null when the role is that of the guild's boosters.
        premium_subscriber: Value,
        /// What is subscribed to for this role.
        subscription_listing_id: Snowflake,
        /// Null when the role can be bought.
        available_for_purchase: Value,
        /// Null when the role comes with a linked account.
        guild_connections: Value,
    }
}
