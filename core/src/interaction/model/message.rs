//! A message.

mod kind;
mod origin;

use serde_json::{Map, Value};

pub use self::kind::{MessageFlags, MessageKind};
pub use self::origin::{InteractionMetadata, MessageInteraction, MessageReference, MessageSnapshot};
use super::table::object;
use super::{
    Attachment, Channel, ChannelKind, Component, Embed, Emoji, Poll, Resolved, Snowflake, Sticker, StickerItem, User,
    nesting,
};

object! {
    /// A message, in interactions sometimes in part (documentation: message resource, message object).
    pub struct Message {
        /// The message's id.
        id: Snowflake,
    }
    optional {
        /// The channel it is in.
        channel_id: Snowflake,
        /// Who wrote it.
        author: Box<User>,
        /// The text.
        content: String,
        /// When it was sent, ISO 8601.
        timestamp: String,
        /// When it was changed last, ISO 8601.
        edited_timestamp: String,
        /// Whether it is to be read aloud.
        tts: bool,
        /// Whether it mentions everyone.
        mention_everyone: bool,
        /// The users that it mentions.
        mentions: Vec<User>,
        /// The roles that it mentions.
        mention_roles: Vec<Snowflake>,
        /// The channels that it mentions.
        mention_channels: Vec<ChannelMention>,
        /// The attached files.
        attachments: Vec<Attachment>,
        /// The embeds.
        embeds: Vec<Embed>,
        /// The reactions.
        reactions: Vec<Reaction>,
        /// What the sender marked it with: a string or a number.
        nonce: Value,
        /// Whether it is pinned.
        pinned: bool,
        /// The webhook that sent it.
        webhook_id: Snowflake,
        /// What it is.
        #[serde(rename = "type")]
        kind: MessageKind,
        /// What it invites to do together.
        activity: Map<String, Value>,
        /// The application of `activity`.
        application: Map<String, Value>,
        /// The application whose interaction it answers.
        application_id: Snowflake,
        /// The flags.
        flags: MessageFlags,
        /// The message that it is about.
        message_reference: MessageReference,
        /// What was forwarded.
        message_snapshots: Vec<MessageSnapshot>,
        /// The message that it replies to; null if that was deleted.
        #[serde(deserialize_with = "nesting::deserialize")]
        referenced_message: Box<Message>,
        /// The interaction that it comes from.
        interaction_metadata: Box<InteractionMetadata>,
        /// The interaction that it answers; deprecated.
        interaction: Box<MessageInteraction>,
        /// The thread that starts here.
        thread: Box<Channel>,
        /// The components.
        components: Vec<Component>,
        /// The stickers.
        sticker_items: Vec<StickerItem>,
        /// The whole stickers; deprecated.
        stickers: Vec<Sticker>,
        /// About where it stands in its thread.
        position: i64,
        /// The role that was bought.
        role_subscription_data: RoleSubscription,
        /// What the ids in its select menus stand for.
        #[serde(deserialize_with = "nesting::deserialize")]
        resolved: Box<Resolved>,
        /// The poll.
        poll: Box<Poll>,
        /// The call.
        call: Call,
        /// The theme that it shares.
        shared_client_theme: SharedTheme,
    }
}

object! {
    /// A channel that a message mentions.
    pub struct ChannelMention {
        /// The channel.
        id: Snowflake,
        /// Its guild.
        guild_id: Snowflake,
        /// What it is.
        #[serde(rename = "type")]
        kind: ChannelKind,
        /// Its name.
        name: String,
    }
}

object! {
    /// A reaction and how many there are.
    pub struct Reaction {
        /// The emoji.
        emoji: Emoji,
    }
    optional {
        /// How many, bursts included.
        count: u64,
        /// How many of each sort.
        count_details: ReactionCounts,
        /// Whether the current user reacted.
        me: bool,
        /// Whether the current user reacted with a burst.
        me_burst: bool,
        /// The colors of bursts.
        burst_colors: Vec<String>,
    }
}

object! {
    /// How many reactions there are of each sort.
    pub struct ReactionCounts {
        /// Bursts.
        burst: u64,
        /// Others.
        normal: u64,
    }
}

object! {
    /// The role that was bought.
    pub struct RoleSubscription {
        /// What was subscribed to.
        role_subscription_listing_id: Snowflake,
    }
    optional {
        /// The tier's name.
        tier_name: String,
        /// For how many months by now.
        total_months_subscribed: u64,
        /// Whether it goes on or is new.
        is_renewal: bool,
    }
}

object! {
    /// A call.
    pub struct Call {
        /// Who took part.
        participants: Vec<Snowflake>,
    }
    optional {
        /// When it ended, ISO 8601.
        ended_timestamp: String,
    }
}

object! {
    /// A theme that a message shares.
    pub struct SharedTheme {
        /// At most five colors, hexadecimal.
        colors: Vec<String>,
    }
    optional {
        /// The direction of the colors, in degrees.
        gradient_angle: i64,
        /// How strong they are, in percent.
        base_mix: i64,
        /// What they lie on.
        base_theme: i64,
    }
}
