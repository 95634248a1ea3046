//! A user in a guild.

use super::table::object;
use super::user::{AvatarDecoration, Collectibles};
use super::{Permissions, Snowflake, User};

object! {
    /// A user in a guild, often without the user itself (documentation: guild resource, guild member object).
    pub struct Member {}
    optional {
        /// The user; absent where it stands elsewhere.
        user: User,
        /// The name in this guild.
        nick: String,
        /// The hash of the avatar in this guild.
        avatar: String,
        /// The hash of the banner in this guild.
        banner: String,
        /// The member's roles.
        roles: Vec<Snowflake>,
        /// When the user joined, ISO 8601.
        joined_at: String,
        /// Since when the user boosts the guild, ISO 8601.
        premium_since: String,
        /// Whether the member hears nothing in voice channels.
        deaf: bool,
        /// Whether the member can't be heard in voice channels.
        mute: bool,
        /// The member's flags, as bits.
        flags: u64,
        /// Whether the member has still to pass the guild's screening.
        pending: bool,
        /// The member's permissions in the channel of the interaction, overwrites included.
        permissions: Permissions,
        /// When the member's timeout ends, ISO 8601.
        communication_disabled_until: String,
        /// What frames the avatar in this guild.
        avatar_decoration_data: AvatarDecoration,
        /// What the member shows of what it collected.
        collectibles: Collectibles,
    }
}
