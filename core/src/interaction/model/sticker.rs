//! Stickers.

use super::table::object;
use super::{Snowflake, User};

object! {
    /// A sticker as messages carry it (documentation: sticker resource, sticker item object).
    pub struct StickerItem {
        /// The sticker's id.
        id: Snowflake,
        /// The sticker's name.
        name: String,
        /// 1 PNG, 2 APNG, 3 Lottie, 4 GIF.
        format_type: i64,
    }
}

object! {
    /// A whole sticker (documentation: sticker resource, sticker object).
    pub struct Sticker {
        /// The sticker's id.
        id: Snowflake,
        /// The sticker's name.
        name: String,
        /// 1 PNG, 2 APNG, 3 Lottie, 4 GIF.
        format_type: i64,
    }
    optional {
        /// The pack it comes from.
        pack_id: Snowflake,
        /// What it shows.
        description: String,
        /// Words to find it by.
        tags: String,
        /// 1 for the platform's own, 2 for a guild's.
        #[serde(rename = "type")]
        kind: i64,
        /// Whether it can be used now.
        available: bool,
        /// The guild that owns it.
        guild_id: Snowflake,
        /// Who made it.
        user: User,
        /// The place in its pack.
        sort_value: i64,
    }
}
