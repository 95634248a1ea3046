//! What a message is, and its flags.

use crate::interaction::model::table::codes;

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
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
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
