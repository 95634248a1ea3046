//! Ids of users, guilds, channels and sessions, and the snowflakes that Sanmon makes for them.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::time::UnixMillis;

/// The largest integer that JavaScript reads exactly, 2^53-1.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// An id from 1 to 2^63-1.
///
/// On the wire a JSON number while at most 2^53-1, else a decimal string, since JavaScript reads larger numbers wrongly;
/// both forms are accepted for every value (protocol, section 1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "types", derive(ts_rs::TS), ts(type = "number | string"))]
pub struct Id(NonZeroU64);

/// The number or text is no id: ids are 1 to 2^63-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is an integer from 1 to 9223372036854775807")]
pub struct InvalidId;

impl Id {
    /// The id with this number.
    ///
    /// # Errors
    /// [`InvalidId`] for 0 and for numbers above 2^63-1.
    pub const fn new(number: u64) -> Result<Self, InvalidId> {
        match NonZeroU64::new(number) {
            Some(number) if number.get() <= i64::MAX as u64 => Ok(Self(number)),
            _ => Err(InvalidId),
        }
    }

    /// The id as a number.
    pub const fn as_u64(self) -> u64 {
        self.0.get()
    }

    /// The id as the signed number that databases store; never negative.
    pub const fn as_i64(self) -> i64 {
        self.0.get().cast_signed()
    }
}

impl TryFrom<i64> for Id {
    type Error = InvalidId;

    fn try_from(number: i64) -> Result<Self, InvalidId> {
        u64::try_from(number).map_err(|_| InvalidId).and_then(Self::new)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // `u64::from_str` takes a leading plus sign, the wire does not.
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(InvalidId);
        }
        text.parse().map_err(|_| InvalidId).and_then(Self::new)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.as_u64() <= MAX_SAFE_INTEGER {
            serializer.serialize_u64(self.as_u64())
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id: an integer from 1 to 9223372036854775807, or the same as a string")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
                Id::new(number).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
                Id::try_from(number).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

/// Makes ids: 41 bits of milliseconds since 2020, 8 of node, 4 of sequence, so that each stays below 2^53.
#[derive(Debug)]
pub struct Snowflakes {
    node: u8,
    /// Milliseconds since 2020 and sequence of the last id, as one number without the node.
    last: u64,
}

impl Snowflakes {
    const SEQUENCE_BITS: u32 = 4;

    /// A maker for the node with this number. Two live nodes must not share a number.
    pub const fn new(node: u8) -> Self {
        Self { node, last: 0 }
    }

    /// The next id, larger than every one before it.
    ///
    /// More than 16 a millisecond, or a clock that steps back, draw on the milliseconds to come instead of failing.
    pub fn next(&mut self, now: UnixMillis) -> Id {
        let millis = now.since_2020() & ((1 << 41) - 1);
        self.last = (millis << Self::SEQUENCE_BITS).max(self.last + 1);
        let (millis, sequence) = (self.last >> Self::SEQUENCE_BITS, self.last & 0xF);
        let number = (millis << 12) | (u64::from(self.node) << Self::SEQUENCE_BITS) | sequence;
        Id::new(number.max(1)).expect("41 + 8 + 4 bits stay below 2^63")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn large_ids_travel_as_strings() {
        let safe = Id::new(MAX_SAFE_INTEGER).unwrap();
        let large = Id::new(MAX_SAFE_INTEGER + 1).unwrap();
        assert_eq!(serde_json::to_string(&safe).unwrap(), "9007199254740991");
        assert_eq!(serde_json::to_string(&large).unwrap(), "\"9007199254740992\"");
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in
            ["0", "-1", "9223372036854775808", "1.0", "1e3", "\"\"", "\"+1\"", "\" 1\"", "null", "true", "\"0\""]
        {
            assert!(serde_json::from_str::<Id>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_forms_are_accepted(number in 1..=i64::MAX as u64) {
            let id = Id::new(number).unwrap();
            prop_assert_eq!(serde_json::from_str::<Id>(&number.to_string()).unwrap(), id);
            prop_assert_eq!(serde_json::from_str::<Id>(&format!("\"{number}\"")).unwrap(), id);
            let wire = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<Id>(&wire).unwrap(), id);
        }

        #[test]
        fn snowflakes_grow_whatever_the_clock_does(times in prop::collection::vec(0u64..1 << 42, 1..200), node: u8) {
            let mut snowflakes = Snowflakes::new(node);
            let mut last = 0;
            for time in times {
                let id = snowflakes.next(UnixMillis::from_millis(time)).as_u64();
                prop_assert!(id > last && id <= MAX_SAFE_INTEGER);
                prop_assert_eq!((id >> 4) as u8, node);
                last = id;
            }
        }
    }
}
