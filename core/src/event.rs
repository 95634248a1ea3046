//! The table of events: one line per event, and the typed view of an envelope that follows from it.

mod channel;
mod envelope;
mod guild;
mod invite;
mod name;
mod notification;
mod presence;
mod ready;
#[cfg(feature = "types")]
mod types;
mod user;

use serde_json::value::RawValue;

pub use self::channel::Channel;
pub use self::envelope::{Envelope, Seq};
pub use self::guild::{Guild, GuildDelete, GuildInit, GuildMember};
pub use self::invite::Invite;
pub use self::name::{EventName, InvalidName};
pub use self::notification::{Notification, NotificationKind};
pub use self::presence::{Embed, EmbedText, Presence, PresenceKind, PresenceUpdate};
pub use self::ready::{Ready, Reconnect, Resumed};
#[cfg(feature = "types")]
pub use self::types::typescript;
pub use self::user::User;

/// Makes [`Event`], its names and its decoder from the table below, so that an event is one line here and one struct.
macro_rules! events {
    ($($(#[doc = $doc:literal])* $variant:ident($payload:ty) = $name:literal, $class:ident, from $source:ident;)*) => {
        /// A typed view of an [`Envelope`].
        ///
        /// Fields that the table does not know are kept in each struct's `rest`; the exact text stays in the envelope.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[doc = $doc])* $variant($payload),)*
            /// An event of another name, carried verbatim.
            Other {
                /// The event's name.
                t: EventName,
                /// The text of its `d`, if it has one.
                d: Option<Box<RawValue>>,
            },
        }

        /// Every name that the protocol gives a meaning, in the table's order, with its class.
        pub const KNOWN: &[(&str, Class)] = &[$(($name, Class::$class),)*];

        /// Where the payload of the event with this name stands in its envelope.
        pub fn source_of(name: &str) -> Source {
            match name {
                $($name => events!(@source $source),)*
                _ => Source::D,
            }
        }

        #[cfg(feature = "types")]
        fn describe(description: &mut types::Description) {
            $(description.event::<$payload>($name, Class::$class, events!(@source $source), &[$($doc),*]);)*
        }

        impl Event {
            /// The event's name on the wire.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Other { t, .. } => t.as_str(),
                }
            }
        }

        impl Envelope {
            /// The typed view of this event.
            ///
            /// # Errors
            /// The payload of a known event lacks a field or has one of the wrong type. The envelope itself is
            /// still whole and readable.
            pub fn event(&self) -> Result<Event, serde_json::Error> {
                match self.t().as_str() {
                    $($name => Ok(Event::$variant(events!(@read self, $source)?)),)*
                    _ => Ok(Event::Other { t: self.t().clone(), d: self.d().map(ToOwned::to_owned) }),
                }
            }
        }
    };
    (@read $envelope:ident, d) => {
        serde_json::from_str($envelope.d().map_or("null", RawValue::get))
    };
    (@source d) => { Source::D };
    (@source top) => { Source::Top };
    (@read $envelope:ident, top) => {
        serde_json::from_str($envelope.fields_json().as_str())
    };
}

/// What part an event plays, and so who may send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// In the log, with an `s`; a publisher may send it.
    Logged,
    /// A control frame: never in the log, never published, no `s` of its own (protocol, section 4).
    Control,
}

/// Where an event's payload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In `d`.
    D,
    /// Beside `t` and `s`.
    Top,
}

impl Source {
    /// Whether the payload stands beside `t` and `s`.
    pub const fn is_top(self) -> bool {
        matches!(self, Self::Top)
    }
}

events! {
    /// The first frame after a successful identify.
    Ready(Ready) = "READY", Control, from d;
    /// One guild of the user, after READY, with `channels` and `presences`.
    GuildInit(GuildInit) = "GUILD_INIT", Control, from d;
    /// The answer to an identify with a position that the log still holds.
    Resumed(Resumed) = "RESUMED", Control, from d;
    /// The node drains: connect to the given address after the given delay.
    Reconnect(Reconnect) = "RECONNECT", Control, from d;
    /// The answer to a client's PING, with the same `d`.
    Pong(serde_json::Value) = "PONG", Control, from d;
    /// An interaction that waits for an answer by callback.
    InteractionCreate(serde_json::Value) = "INTERACTION_CREATE", Control, from d;
    /// The user created a guild.
    GuildCreate(Guild) = "GUILD_CREATE", Logged, from d;
    /// The user joined a guild.
    GuildJoin(Guild) = "GUILD_JOIN", Logged, from d;
    /// A guild changed.
    GuildUpdate(Guild) = "GUILD_UPDATE", Logged, from d;
    /// A guild is gone, or the user is no longer in it.
    GuildDelete(GuildDelete) = "GUILD_DELETE", Logged, from d;
    /// A user joined the guild.
    GuildMemberAdd(GuildMember) = "GUILD_MEMBER_ADD", Logged, from d;
    /// A user left the guild.
    GuildMemberRemove(GuildMember) = "GUILD_MEMBER_REMOVE", Logged, from d;
    /// An invite was made.
    InviteCreate(Invite) = "INVITE_CREATE", Logged, from d;
    /// An invite is gone.
    InviteDelete(Invite) = "INVITE_DELETE", Logged, from d;
    /// A channel was made.
    ChannelCreate(Channel) = "CHANNEL_CREATE", Logged, from d;
    /// A channel changed.
    ChannelUpdate(Channel) = "CHANNEL_UPDATE", Logged, from d;
    /// A channel is gone.
    ChannelDelete(Channel) = "CHANNEL_DELETE", Logged, from d;
    /// A user changed.
    UserUpdate(User) = "USER_UPDATE", Logged, from d;
    /// A user's presence changed. Its `id` stands beside `d`.
    PresenceUpdate(PresenceUpdate) = "PRESENCE_UPDATE", Logged, from top;
    /// A notification. It has no `d`: its `type` and `excerpt` stand at the top level.
    Notification(Notification) = "NOTIFICATION", Logged, from top;
}

/// The class of the event with this name; a name that the table lacks is an event of the platform's own.
pub fn class_of(name: &EventName) -> Class {
    KNOWN.iter().find(|(known, _)| *known == name.as_str()).map_or(Class::Logged, |(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event {
        json.parse::<Envelope>().unwrap().event().unwrap()
    }

    #[test]
    fn every_name_of_the_table_is_valid_and_stands_once() {
        for (index, (name, _)) in KNOWN.iter().enumerate() {
            name.parse::<EventName>().unwrap();
            assert!(KNOWN[..index].iter().all(|(other, _)| other != name), "{name} stands twice");
        }
    }

    #[test]
    fn the_seeds_presence_is_read_with_its_id_beside_d() {
        let Event::PresenceUpdate(update) = event(
            r#"{"t":"PRESENCE_UPDATE","id":123456,"d":{"type":3,"description":"string","emoji":77,
                "embed":{"name":"string","description":"string","banner_url":"string","text":{"top":"a","bottom":"b"}}}}"#,
        ) else {
            panic!("another event")
        };
        assert_eq!(update.id.as_u64(), 123_456);
        assert_eq!(update.d.kind, PresenceKind::DoNotDisturb);
        assert_eq!(update.d.embed.unwrap().text.unwrap().bottom.as_deref(), Some("b"));
    }

    #[test]
    fn the_seeds_notification_is_read_without_a_d() {
        let Event::Notification(notification) = event(r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{"a":1}}"#) else {
            panic!("another event")
        };
        assert_eq!(notification.kind, NotificationKind::Here);
        assert_eq!(notification.excerpt["a"], 1);
    }

    #[test]
    fn an_unknown_event_is_carried_verbatim() {
        let Event::Other { t, d } = event(r#"{"t":"RAID_STARTED","d":{"z":1.0,"a":123456789012345678901234567890}}"#)
        else {
            panic!("another event")
        };
        assert_eq!(t.as_str(), "RAID_STARTED");
        assert_eq!(d.unwrap().get(), r#"{"z":1.0,"a":123456789012345678901234567890}"#);
    }

    #[test]
    fn a_known_event_of_the_wrong_shape_is_an_error_and_no_panic() {
        for json in [r#"{"t":"GUILD_CREATE"}"#, r#"{"t":"GUILD_DELETE","d":[]}"#, r#"{"t":"NOTIFICATION","d":{}}"#] {
            assert!(json.parse::<Envelope>().unwrap().event().is_err(), "{json}");
        }
    }
}
