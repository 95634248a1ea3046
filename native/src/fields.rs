//! The fields of a JSON object, in their order and each to the letter, so that what a platform stores comes back as it was.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An object's fields. Numbers keep their digits, strings their escapes, and fields their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(IndexMap<String, Box<RawValue>>);

impl Fields {
    /// The fields of the object that `text` is.
    ///
    /// # Errors
    /// `text` is not a JSON object, or names a field twice.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The fields of the object that `value` is as JSON.
    ///
    /// # Errors
    /// `value` is no object.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        Self::parse(serde_json::value::to_raw_value(value)?.get())
    }

    /// The text of a field, if the object has it.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(|value| &**value)
    }

    /// What a field holds; `None` when it is absent or null.
    ///
    /// # Errors
    /// The field holds something else than a `T`.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        self.get(name).map_or(Ok(None), |value| serde_json::from_str(value.get()))
    }

    /// Adds a field, or replaces it where it stands.
    ///
    /// # Panics
    /// When `value` has no JSON form (a map whose keys are no strings): the caller's bug.
    pub(crate) fn set(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let value = serde_json::value::to_raw_value(value).expect("stored values have a JSON form");
        self.0.insert(name.to_owned(), value);
    }

    /// Adds a field before all others, or replaces it where it stands.
    ///
    /// # Panics
    /// As [`Self::set`].
    pub(crate) fn set_first(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let is_new = !self.0.contains_key(name);
        self.set(name, value);
        if is_new {
            self.0.move_index(self.0.len() - 1, 0);
        }
    }

    /// Takes a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.0.shift_remove(name)
    }

    /// Lays `patch` over these fields: each of its fields is added or replaces the one of its name; null removes it.
    pub(crate) fn merge(&mut self, patch: Self) {
        self.0.extend(patch.0);
        self.drop_nulls();
    }

    /// Removes the fields that are null.
    pub(crate) fn drop_nulls(&mut self) {
        self.0.retain(|_, value| value.get() != "null");
    }

    /// The fields' names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The object as text.
    pub(crate) fn to_raw(&self) -> Box<RawValue> {
        serde_json::value::to_raw_value(self).expect("fields have a JSON form")
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = IndexMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.contains_key(&name) {
                        return Err(de::Error::custom(format!("the field `{name}` stands twice")));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_goes_out_to_the_letter() {
        let text = r#"{"b":1e2,"a":[1.50,{"c":123456789012345678901234567890}],"later":"\u00e9"}"#;
        assert_eq!(Fields::parse(text).unwrap().to_raw().get(), text);
    }

    #[test]
    fn a_patch_adds_replaces_and_removes() {
        let mut fields = Fields::parse(r#"{"a":1,"b":2,"c":3}"#).unwrap();
        fields.merge(Fields::parse(r#"{"c":null,"a":{"x":1.0},"d":4,"e":null}"#).unwrap());
        assert_eq!(fields.to_raw().get(), r#"{"a":{"x":1.0},"b":2,"d":4}"#);
        fields.set_first("id", &7);
        fields.set_first("b", &8);
        assert_eq!(fields.to_raw().get(), r#"{"id":7,"a":{"x":1.0},"b":8,"d":4}"#);
    }

    #[test]
    fn what_is_no_plain_object_is_refused() {
        for text in ["[]", "1", "null", "\"a\"", r#"{"a":1,"b":2,"a":3}"#] {
            assert!(Fields::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_absent_field_and_a_null_read_alike() {
        let fields = Fields::parse(r#"{"a":null,"b":5}"#).unwrap();
        assert_eq!(fields.read::<u8>("a").unwrap(), None);
        assert_eq!(fields.read::<u8>("x").unwrap(), None);
        assert_eq!(fields.read::<u8>("b").unwrap(), Some(5));
        assert!(fields.read::<String>("b").is_err());
    }
}
