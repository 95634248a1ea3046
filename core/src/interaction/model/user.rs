//! A user of the platform.

use super::Snowflake;
use super::table::object;

object! {
    /// A user (documentation: user resource, user object).
    pub struct User {
        /// The user's id.
        id: Snowflake,
        /// The user's name, unique unless there is a discriminator.
        username: String,
    }
    optional {
        /// The four digits after the name; "0" for users without.
        discriminator: String,
        /// The display name.
        global_name: String,
        /// The hash of the avatar.
        avatar: String,
        /// Whether the user belongs to an application.
        bot: bool,
        /// Whether the user is the platform itself.
        system: bool,
        /// Whether the account has two factors.
        mfa_enabled: bool,
        /// The hash of the banner.
        banner: String,
        /// The banner's color.
        accent_color: u32,
        /// The chosen language.
        locale: String,
        /// Whether the email was verified.
        verified: bool,
        /// The email.
        email: String,
        /// The account's flags, as bits.
        flags: u64,
        /// The kind of premium subscription.
        premium_type: i64,
        /// The flags that all may see, as bits.
        public_flags: u64,
        /// What frames the avatar.
        avatar_decoration_data: AvatarDecoration,
        /// What the user collected.
        collectibles: Collectibles,
        /// The guild whose tag the user wears.
        primary_guild: PrimaryGuild,
    }
}

object! {
    /// What frames an avatar.
    pub struct AvatarDecoration {
        /// The hash of the picture.
        asset: String,
    }
    optional {
        /// What was bought to get it.
        sku_id: Snowflake,
    }
}

object! {
    /// What a user collected.
    pub struct Collectibles {}
    optional {
        /// What stands behind the name in lists.
        nameplate: Nameplate,
    }
}

object! {
    /// What stands behind a name in lists.
    pub struct Nameplate {
        /// What was bought to get it.
        sku_id: Snowflake,
        /// The path of the picture.
        asset: String,
    }
    optional {
        /// A label for those who can't see it.
        label: String,
        /// The name of its colors.
        palette: String,
    }
}

object! {
    /// The guild whose tag a user wears.
    pub struct PrimaryGuild {}
    optional {
        /// The guild.
        identity_guild_id: Snowflake,
        /// Whether the tag is shown.
        identity_enabled: bool,
        /// The tag, at most four characters.
        tag: String,
        /// The hash of the badge.
        badge: String,
    }
}

impl User {
    /// The name that others see: the display name, or else the user name.
    pub fn display_name(&self) -> &str {
        self.global_name.text().unwrap_or(&self.username)
    }
}
