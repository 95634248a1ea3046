//! Sets of permissions.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// A set of permissions: one bit each, as a decimal string on the wire.
///
/// Twice as wide as today's platform needs, so that bits to come survive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "types", derive(ts_rs::TS), ts(type = "string"))]
pub struct Permissions(u128);

impl Permissions {
    /// May kick members.
    pub const KICK_MEMBERS: Self = Self(1 << 1);
    /// May ban members.
    pub const BAN_MEMBERS: Self = Self(1 << 2);
    /// May do everything.
    pub const ADMINISTRATOR: Self = Self(1 << 3);
    /// May change channels.
    pub const MANAGE_CHANNELS: Self = Self(1 << 4);
    /// May change the guild.
    pub const MANAGE_GUILD: Self = Self(1 << 5);
    /// May see the channel.
    pub const VIEW_CHANNEL: Self = Self(1 << 10);
    /// May send messages.
    pub const SEND_MESSAGES: Self = Self(1 << 11);
    /// May delete the messages of others.
    pub const MANAGE_MESSAGES: Self = Self(1 << 13);
    /// Links that the sender posts are unfurled.
    pub const EMBED_LINKS: Self = Self(1 << 14);
    /// May attach files.
    pub const ATTACH_FILES: Self = Self(1 << 15);
    /// May mention everyone.
    pub const MENTION_EVERYONE: Self = Self(1 << 17);
    /// May use emojis of other guilds.
    pub const USE_EXTERNAL_EMOJIS: Self = Self(1 << 18);
    /// May change roles below its own.
    pub const MANAGE_ROLES: Self = Self(1 << 28);
    /// May change webhooks.
    pub const MANAGE_WEBHOOKS: Self = Self(1 << 29);
    /// May use application commands.
    pub const USE_APPLICATION_COMMANDS: Self = Self(1 << 31);
    /// May time members out.
    pub const MODERATE_MEMBERS: Self = Self(1 << 40);
    /// May pin messages.
    pub const PIN_MESSAGES: Self = Self(1 << 51);

    /// The set with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The set's bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Whether every permission of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Permissions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PermissionsVisitor;

        impl Visitor<'_> for PermissionsVisitor {
            type Value = Permissions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a set of bits as a decimal string or a number")
            }

            fn visit_u64<E: de::Error>(self, bits: u64) -> Result<Permissions, E> {
                Ok(Permissions(bits.into()))
            }

            fn visit_str<E: de::Error>(self, bits: &str) -> Result<Permissions, E> {
                bits.parse().map(Permissions).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(PermissionsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_todays_survive() {
        let text = format!("\"{}\"", 1u128 << 100 | 1 << 3);
        let set: Permissions = serde_json::from_str(&text).unwrap();
        assert!(set.contains(Permissions::ADMINISTRATOR));
        assert!(!set.contains(Permissions::ADMINISTRATOR | Permissions::KICK_MEMBERS));
        assert_eq!(serde_json::to_string(&set).unwrap(), text);
    }
}
