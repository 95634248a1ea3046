//! The door: what JSON must be before anything reads it.

mod pick;

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

pub use self::pick::pick_members;

/// The deepest nesting that is taken: arrays and objects inside one another.
pub const MAX_DEPTH: usize = 128;

/// The text is not JSON as the protocol has it (section 1), and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not JSON: {0}")]
pub struct InvalidJson(String);

/// Checks that `text` is one JSON value, at most [`MAX_DEPTH`] levels deep, its numbers finite, its strings without lone
/// surrogates.
///
/// A value that is skipped, or kept as text, is not checked by serde_json for any of these; so this walks all of it once,
/// at the door.
///
/// # Errors
/// [`InvalidJson`] with what was wrong and where.
pub fn check_json(text: &str) -> Result<(), InvalidJson> {
    Checked { depth: MAX_DEPTH }.check(text).map_err(|error| InvalidJson(error.to_string()))
}

/// Visits a value whole and keeps nothing of it.
#[derive(Clone, Copy)]
struct Checked {
    /// How many levels of arrays and objects may still open.
    depth: usize,
}

impl Checked {
    fn check(self, text: &str) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        // Our own count is exact and bounds the recursion; serde_json's stops one level early.
        deserializer.disable_recursion_limit();
        self.deserialize(&mut deserializer)?;
        deserializer.end()
    }

    fn inside<E: de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        depth.map(|depth| Self { depth }).ok_or_else(|| E::custom(format!("more than {MAX_DEPTH} levels of nesting")))
    }
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while seq.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while map.next_key::<Key>()?.is_some() {
            map.next_value_seed(inside)?;
        }
        Ok(())
    }
}

/// An object's key, checked as a string and not kept.
struct Key;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Checked { depth: 0 }).map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn depth_is_counted_exactly() {
        assert!(check_json(&nested(MAX_DEPTH)).is_ok());
        let error = check_json(&nested(MAX_DEPTH + 1)).unwrap_err().to_string();
        assert!(error.contains("128 levels"), "{error}");
        assert!(check_json(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn what_other_parsers_let_pass_is_refused() {
        for bad in ["1e400", "-1e400", "NaN", "\"\\ud800\"", "{\"\\udc00\":1}", "[1,]", "{}{}", "\u{feff}{}", "", "'a'"]
        {
            assert!(check_json(bad).is_err(), "{bad}");
            assert!(check_json(&format!("{{\"d\":{{\"x\":{bad}}}}}")).is_err(), "{bad} inside");
        }
    }

    #[test]
    fn what_is_json_passes() {
        for good in ["{}", "null", " [1, -2.5e3, \"\\ud83d\\ude00\", true] ", "123456789012345678901234567890"] {
            assert!(check_json(good).is_ok(), "{good}");
        }
    }
}
