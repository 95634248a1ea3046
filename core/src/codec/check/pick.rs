//! Checking a text and picking some members of its outermost object, in one walk.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Checked, InvalidJson, MAX_DEPTH};

/// Checks `text` as [`check_json`](super::check_json) does, and keeps the members of the outermost object that have these
/// names, as text, so that a null one is told from an absent one. None if the text is no object.
///
/// # Errors
/// [`InvalidJson`] as there, and if one of the names comes twice.
pub fn pick_members<'de, const N: usize>(
    text: &'de str,
    names: [&str; N],
) -> Result<Option<[Option<&'de RawValue>; N]>, InvalidJson> {
    if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
        return super::check_json(text).map(|()| None);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    deserializer
        .deserialize_map(Picked { names })
        .and_then(|members| deserializer.end().map(|()| Some(members)))
        .map_err(|error| InvalidJson(error.to_string()))
}

/// Visits an object whole and keeps the members of these names.
struct Picked<'n, const N: usize> {
    names: [&'n str; N],
}

impl<'de, const N: usize> Visitor<'de> for Picked<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let inside = Checked { depth: MAX_DEPTH - 1 };
        let mut members = [None; N];
        while let Some(place) = map.next_key_seed(Place { names: &self.names })? {
            let Some(place) = place else {
                map.next_value_seed(inside)?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?;
            // serde_json keeps a value as text without looking into it.
            inside.check(raw.get()).map_err(de::Error::custom)?;
            if members[place].replace(raw).is_some() {
                return Err(de::Error::custom(format_args!("`{}` comes twice", self.names[place])));
            }
        }
        Ok(members)
    }
}

/// Which of the names an object's key is.
struct Place<'n> {
    names: &'n [&'n str],
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check_json;
    use super::*;

    fn pick(text: &str) -> Result<Option<[Option<&str>; 2]>, InvalidJson> {
        Ok(pick_members(text, ["a", "b"])?.map(|members| members.map(|member| member.map(RawValue::get))))
    }

    #[test]
    fn members_are_kept_as_they_are_written() {
        assert_eq!(pick(r#" {"c":[1],"\u0061": "x" ,"a2":{"a":1}}"#), Ok(Some([Some(r#""x""#), None])));
        assert_eq!(pick(r#"{"b":null,"a":{"a":1.0}}"#), Ok(Some([Some(r#"{"a":1.0}"#), Some("null")])));
        assert_eq!(pick("{}"), Ok(Some([None, None])));
        for other in ["[]", "null", " 1", "\"{}\""] {
            assert_eq!(pick(other), Ok(None), "{other}");
        }
        assert!(pick(r#"{"a":1,"a":1}"#).unwrap_err().to_string().contains("`a` comes twice"));
    }

    #[test]
    fn it_takes_what_the_check_takes() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let values = ["1e400", "NaN", "\"\\ud800\"", "[1,]", "", "1 2", "\u{feff}1", "{\"\\udc00\":1}", "-2.5e3", "{}"];
        let values = values.map(str::to_owned).into_iter();
        for value in values.chain([deep(MAX_DEPTH - 2), deep(MAX_DEPTH - 1), deep(MAX_DEPTH), deep(100_000)]) {
            for text in
                [value.clone(), format!("{{\"a\":{value}}}"), format!("{{\"c\":{value}}}"), format!("{value}{{}}")]
            {
                let shown = text.get(..40).unwrap_or(&text);
                assert_eq!(pick(&text).is_ok(), check_json(&text).is_ok(), "{shown}");
            }
        }
    }
}
