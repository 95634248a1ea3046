//! A channel or thread.

use super::table::{codes, object};
use super::{Member, Permissions, Snowflake, User};

codes! {
    /// What a channel is.
    pub enum ChannelKind {
        /// Text in a guild.
        GuildText = 0,
        /// Between two users.
        Dm = 1,
        /// Voice in a guild.
        GuildVoice = 2,
        /// Between several users.
        GroupDm = 3,
        /// A heading that holds channels.
        GuildCategory = 4,
        /// Messages that other guilds can follow.
        GuildAnnouncement = 5,
        /// A thread in an announcement channel.
        AnnouncementThread = 10,
        /// A thread that all see.
        PublicThread = 11,
        /// A thread of those who were invited.
        PrivateThread = 12,
        /// A stage.
        GuildStageVoice = 13,
        /// A directory of guilds.
        GuildDirectory = 14,
        /// A channel of threads only.
        GuildForum = 15,
        /// A channel of threads with media.
        GuildMedia = 16,
    }
}

object! {
    /// A channel or thread (documentation: channel resource, channel object); in interactions often in part.
    pub struct Channel {
        /// The channel's id.
        id: Snowflake,
        /// What the channel is.
        #[serde(rename = "type")]
        kind: ChannelKind,
    }
    optional {
        /// The guild it is in.
        guild_id: Snowflake,
        /// The place among the channels.
        position: i64,
        /// Who may do what here.
        permission_overwrites: Vec<Overwrite>,
        /// The name.
        name: String,
        /// What it is about.
        topic: String,
        /// Whether it is age restricted.
        nsfw: bool,
        /// The last message, or thread of a forum.
        last_message_id: Snowflake,
        /// Bits a second of a voice channel.
        bitrate: u64,
        /// How many users a voice channel takes.
        user_limit: u64,
        /// Seconds between two messages of one user.
        rate_limit_per_user: u64,
        /// The users of a direct message.
        recipients: Vec<User>,
        /// The hash of a group's icon.
        icon: String,
        /// Who made the group or thread.
        owner_id: Snowflake,
        /// The application that made the group.
        application_id: Snowflake,
        /// Whether an application manages the group.
        managed: bool,
        /// The category of a channel, or the channel of a thread.
        parent_id: Snowflake,
        /// When a message was pinned last, ISO 8601.
        last_pin_timestamp: String,
        /// The region of a voice channel.
        rtc_region: String,
        /// How good a voice channel's video is.
        video_quality_mode: i64,
        /// About how many messages a thread has.
        message_count: u64,
        /// About how many members a thread has.
        member_count: u64,
        /// What is said of a thread only.
        thread_metadata: ThreadMetadata,
        /// The current user's place in a thread.
        member: ThreadMember,
        /// Minutes of silence before a new thread is archived.
        default_auto_archive_duration: u64,
        /// What the invoking user may do here.
        permissions: Permissions,
        /// What the application may do here.
        app_permissions: Permissions,
        /// The channel's flags, as bits.
        flags: u64,
        /// How many messages a thread ever had.
        total_message_sent: u64,
        /// The tags of a forum.
        available_tags: Vec<ForumTag>,
        /// The tags of a forum's thread.
        applied_tags: Vec<Snowflake>,
        /// The emoji of a forum's reaction button.
        default_reaction_emoji: DefaultReaction,
        /// Seconds between two messages of one user in new threads.
        default_thread_rate_limit_per_user: u64,
        /// How a forum sorts.
        default_sort_order: i64,
        /// How a forum looks.
        default_forum_layout: i64,
    }
}

object! {
    /// What one role or member may and may not do in a channel.
    pub struct Overwrite {
        /// The role or user.
        id: Snowflake,
        /// 0 for a role, 1 for a member.
        #[serde(rename = "type")]
        kind: i64,
        /// What is granted.
        allow: Permissions,
        /// What is denied.
        deny: Permissions,
    }
}

object! {
    /// What is said of a thread only.
    pub struct ThreadMetadata {
        /// Whether it is archived.
        archived: bool,
    }
    optional {
        /// Minutes of silence before it is archived.
        auto_archive_duration: u64,
        /// When `archived` changed last, ISO 8601.
        archive_timestamp: String,
        /// Whether only moderators can bring it back.
        locked: bool,
        /// Whether members may add others to a private thread.
        invitable: bool,
        /// When it was made, ISO 8601.
        create_timestamp: String,
    }
}

object! {
    /// A member of a thread.
    pub struct ThreadMember {}
    optional {
        /// The thread.
        id: Snowflake,
        /// The user.
        user_id: Snowflake,
        /// When the user joined, ISO 8601.
        join_timestamp: String,
        /// What the user wants to be told of, as bits.
        flags: u64,
        /// The user in the guild.
        member: Member,
    }
}

object! {
    /// A tag of a forum.
    pub struct ForumTag {
        /// The tag's id.
        id: Snowflake,
        /// The tag's name.
        name: String,
    }
    optional {
        /// Whether only moderators set it.
        moderated: bool,
        /// A custom emoji.
        emoji_id: Snowflake,
        /// A Unicode emoji.
        emoji_name: String,
    }
}

object! {
    /// The emoji of a forum's reaction button.
    pub struct DefaultReaction {}
    optional {
        /// A custom emoji.
        emoji_id: Snowflake,
        /// A Unicode emoji.
        emoji_name: String,
    }
}
