//! The interaction platform's objects, typed, as its documentation has them in 2026.
//!
//! Unknown fields and unknown codes survive a round trip, and so does the difference between absent and null. The
//! fields that an object must have are few: the platform sends many objects in part.

mod attachment;
mod channel;
mod command;
mod component;
mod embed;
mod emoji;
mod entitlement;
mod field;
mod guild;
mod interaction;
mod member;
mod mentions;
mod message;
mod nesting;
mod option;
mod permissions;
mod poll;
mod resolved;
mod role;
#[cfg(test)]
mod round_trip;
mod snowflake;
mod sticker;
mod submission;
pub(in crate::interaction) mod table;
mod user;

pub use self::attachment::Attachment;
pub use self::channel::{Channel, ChannelKind, DefaultReaction, ForumTag, Overwrite, ThreadMember, ThreadMetadata};
pub use self::command::{CommandData, CommandKind};
pub use self::component::*;
pub use self::embed::{Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia, EmbedProvider};
pub use self::emoji::Emoji;
pub use self::entitlement::{Entitlement, EntitlementKind};
pub use self::field::Field;
pub use self::guild::Guild;
pub use self::interaction::{AnyInteraction, Context, Installation, Interaction, InteractionKind};
pub use self::member::Member;
pub use self::mentions::{AllowedMentions, MentionKind};
pub use self::message::{
    Call, ChannelMention, InteractionMetadata, Message, MessageFlags, MessageInteraction, MessageKind,
    MessageReference, MessageSnapshot, Reaction, ReactionCounts, RoleSubscription, SharedTheme,
};
pub use self::option::{CommandOption, Focused, OptionKind, OptionValue};
pub use self::permissions::Permissions;
pub use self::poll::{Poll, PollAnswer, PollAnswerCount, PollMedia, PollResults};
pub use self::resolved::Resolved;
pub use self::role::{Role, RoleColors, RoleTags};
pub use self::snowflake::{InvalidSnowflake, Snowflake};
pub use self::sticker::{Sticker, StickerItem};
pub use self::submission::*;
pub use self::user::{AvatarDecoration, Collectibles, Nameplate, PrimaryGuild, User};
