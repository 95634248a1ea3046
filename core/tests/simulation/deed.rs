//! What may happen on the simulated platform, in plain words: the platform and the oracle each read them on their own.

/// One entry of the log.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// A publisher says something.
    News(To),
    /// A notification for who is connected now.
    Here(To),
    /// A user comes into a guild: the user is told.
    Join { guild: u64, user: u64 },
    /// The guild is told of it.
    MemberAdd { guild: u64, user: u64 },
    /// A user is no longer in a guild: the user is told.
    Leave { guild: u64, user: u64 },
    /// The guild is told of it.
    MemberRemove { guild: u64, user: u64 },
    /// A guild is deleted: the guild is told.
    GuildGone { guild: u64 },
    /// How a user shows has changed: 1 to 4.
    Shows { user: u64, kind: u8 },
    /// A session is no longer valid.
    SessionRevoked { session: u64 },
    /// No session of the user is valid any longer.
    UserRevoked { user: u64 },
}

/// Whom a publisher names.
#[derive(Clone, Debug)]
pub(crate) enum To {
    Everyone,
    User(u64),
    Users(Vec<u64>),
    Guild(u64),
}
