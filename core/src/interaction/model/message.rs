//! A message.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::table::{codes, object};
use super::{
    Attachment, Channel, ChannelKind, Component, Embed, Emoji, Installation, InteractionKind, Member, Poll, Resolved,
    Snowflake, Sticker, StickerItem, User,
};

codes! {
    /// What a message is.
    pub enum MessageKind {
        /// What somebody wrote.
        Default = 0,
        /// A user was added to a group.
        RecipientAdd = 1,
        /// A user left a group.
        RecipientRemove = 2,
        /// A call.
        Call = 3,
        /// A group has a new name.
        ChannelNameChange = 4,
        /// A group has a new icon.
        ChannelIconChange = 5,
        /// A message was pinned.
        ChannelPinnedMessage = 6,
        /// A user joined the guild.
        UserJoin = 7,
        /// The guild was boosted.
        GuildBoost = 8,
        /// The guild reached its first tier.
        GuildBoostTier1 = 9,
        /// The guild reached its second tier.
        GuildBoostTier2 = 10,
        /// The guild reached its third tier.
        GuildBoostTier3 = 11,
        /// An announcement channel is followed.
        ChannelFollowAdd = 12,
        /// A thread was made.
        ThreadCreated = 18,
        /// A reply.
        Reply = 19,
        /// The answer to a slash command.
        ChatInputCommand = 20,
        /// The first message of a thread.
        ThreadStarterMessage = 21,
        /// The answer to a user or message command.
        ContextMenuCommand = 23,
        /// What the automatic moderation did.
        AutoModerationAction = 24,
        /// A role was bought.
        RoleSubscriptionPurchase = 25,
        /// Something was bought of an application.
        PurchaseNotification = 44,
        /// A poll's result.
        PollResult = 46,
    }
}

/// The flags of a message, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct MessageFlags(u64);

impl MessageFlags {
    /// Links are not unfurled.
    pub const SUPPRESS_EMBEDS: Self = Self(1 << 2);
    /// Only the invoking user sees it.
    pub const EPHEMERAL: Self = Self(1 << 6);
    /// A deferred answer that is still to come.
    pub const LOADING: Self = Self(1 << 7);
    /// It makes no sound.
    pub const SUPPRESS_NOTIFICATIONS: Self = Self(1 << 12);
    /// It is a voice message.
    pub const IS_VOICE_MESSAGE: Self = Self(1 << 13);
    /// It is made of components alone.
    pub const IS_COMPONENTS_V2: Self = Self(1 << 15);

    /// The flags with these bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The flags' bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether every one of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for MessageFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

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
        author: User,
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
        referenced_message: Box<Message>,
        /// The interaction that it comes from.
        interaction_metadata: InteractionMetadata,
        /// The interaction that it answers; deprecated.
        interaction: MessageInteraction,
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
        resolved: Box<Resolved>,
        /// The poll.
        poll: Poll,
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
