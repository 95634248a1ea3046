//! The ids of the interaction platform.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::id::{Id, InvalidId};
use crate::time::UnixMillis;

/// 2015-01-01T00:00:00Z, where the platform's ids begin to count milliseconds.
const EPOCH_MILLIS: u64 = 1_420_070_400_000;

/// An id on the interaction platform: any 64 bit number, 0 included.
///
/// Unlike [`Id`] it is always written as a string, as the platform itself does; it is read from a string or a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "types", derive(ts_rs::TS), ts(type = "string"))]
pub struct Snowflake(u64);

/// The text is no id of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is an integer from 0 to 18446744073709551615")]
pub struct InvalidSnowflake;

impl Snowflake {
    /// The id with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The id as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// When the platform made this id.
    pub const fn created_at(self) -> UnixMillis {
        UnixMillis::from_millis((self.0 >> 22) + EPOCH_MILLIS)
    }
}

impl From<Id> for Snowflake {
    fn from(id: Id) -> Self {
        Self(id.as_u64())
    }
}

impl From<u64> for Snowflake {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl TryFrom<Snowflake> for Id {
    type Error = InvalidId;

    fn try_from(snowflake: Snowflake) -> Result<Self, InvalidId> {
        Self::new(snowflake.0)
    }
}

impl fmt::Display for Snowflake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Snowflake {
    type Err = InvalidSnowflake;

    fn from_str(text: &str) -> Result<Self, InvalidSnowflake> {
        // `u64::from_str` takes a leading plus sign, the wire does not.
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(InvalidSnowflake);
        }
        text.parse().map(Self).map_err(|_| InvalidSnowflake)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SnowflakeVisitor;

        impl Visitor<'_> for SnowflakeVisitor {
            type Value = Snowflake;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: an unsigned 64 bit integer, or the same as a string")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Snowflake, E> {
                Ok(Snowflake(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Snowflake, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(SnowflakeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_time_is_in_the_id() {
        // The example that the platform's reference works through.
        assert_eq!(Snowflake::new(175_928_847_299_117_063).created_at().as_millis(), 1_462_015_105_796);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["-1", "1.0", "1e3", "\"\"", "\"+1\"", "\" 1\"", "null", "true", "18446744073709551616"] {
            assert!(serde_json::from_str::<Snowflake>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_are_keys_too() {
        let map: BTreeMap<Snowflake, u8> = serde_json::from_str(r#"{"18446744073709551615":1,"0":2}"#).unwrap();
        assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"0":2,"18446744073709551615":1}"#);
    }

    proptest! {
        #[test]
        fn both_forms_are_read_and_strings_are_written(number: u64) {
            let id = Snowflake::new(number);
            prop_assert_eq!(serde_json::from_str::<Snowflake>(&number.to_string()).unwrap(), id);
            prop_assert_eq!(serde_json::from_str::<Snowflake>(&format!("\"{number}\"")).unwrap(), id);
            prop_assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{number}\""));
        }
    }
}
