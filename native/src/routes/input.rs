//! What a request says, field by field, each fault named by its field.

use std::fmt::Display;
use std::time::Duration;

use sanmon_core::id::Id;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::Error;
use crate::fields::Fields;

/// The fields of an object that came in. Each is taken out as it is read; what is left at the end is a mistake.
#[derive(Debug)]
pub(super) struct Input {
    /// Where the object stands in the body, such as `events[3].`.
    at: String,
    fields: Fields,
}

impl Input {
    /// The body's own fields.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let fields = Fields::parse(text).map_err(|error| Error::invalid(format!("the body: {}", plain(&error))))?;
        Ok(Self { at: String::new(), fields })
    }

    /// The fields of the object `raw`, which stands at `at` in the body.
    pub(super) fn of(raw: &RawValue, at: String) -> Result<Self, Error> {
        match Fields::parse(raw.get()) {
            Ok(fields) => Ok(Self { at: format!("{at}."), fields }),
            Err(error) => Err(Error::invalid(format!("`{at}`: {}", plain(&error)))),
        }
    }

    /// The text of a field, if it is there and not null.
    pub(super) fn raw(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.fields.take(name).filter(|value| value.get() != "null")
    }

    /// What a field holds, if it is there and not null.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(value.get()).map(Some).map_err(|error| self.fault(name, plain(&error)))
    }

    /// How long what is made is to last, as the field `expires_in_s` says: a second to `longest` of them.
    pub(super) fn lifetime(&mut self, longest: u64) -> Result<Option<Duration>, Error> {
        match self.optional("expires_in_s")? {
            Some(seconds) if !(1..=longest).contains(&seconds) => {
                Err(self.fault("expires_in_s", format!("this is 1 to {longest}")))
            }
            seconds => Ok(seconds.map(Duration::from_secs)),
        }
    }

    /// What a field holds.
    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        self.optional(name)?.ok_or_else(|| self.fault(name, "this field is missing"))
    }

    /// The text of a field that holds a `T`, to the letter.
    pub(super) fn checked<T: DeserializeOwned>(&mut self, name: &str) -> Result<Box<RawValue>, Error> {
        let value = self.raw(name).ok_or_else(|| self.fault(name, "this field is missing"))?;
        match serde_json::from_str::<T>(value.get()) {
            Ok(_) => Ok(value),
            Err(error) => Err(self.fault(name, plain(&error))),
        }
    }

    /// The text of a field that holds an object, to the letter.
    pub(super) fn verbatim(&mut self, name: &str) -> Result<Box<RawValue>, Error> {
        let value = self.raw(name).ok_or_else(|| self.fault(name, "this field is missing"))?;
        // The text is JSON already, so its first character tells.
        if value.get().starts_with('{') { Ok(value) } else { Err(self.fault(name, "this is not an object")) }
    }

    /// The object in a field.
    pub(super) fn object(&mut self, name: &str) -> Result<Self, Error> {
        let value = self.raw(name).ok_or_else(|| self.fault(name, "this field is missing"))?;
        self.inside(name, &value)
    }

    /// The object `raw`, which the field `name` held.
    pub(super) fn inside(&self, name: &str, raw: &RawValue) -> Result<Self, Error> {
        Self::of(raw, format!("{}{name}", self.at))
    }

    /// A fault in the field `name`.
    pub(super) fn fault(&self, name: &str, fault: impl Display) -> Error {
        Error::invalid(format!("`{}{name}`: {fault}", self.at))
    }

    /// Says that every field was read.
    pub(super) fn end(self) -> Result<(), Error> {
        match self.fields.names().next() {
            Some(name) => Err(self.fault(name, "there is no such field")),
            None => Ok(()),
        }
    }

    /// Every field that was not read.
    pub(super) fn rest(self) -> Fields {
        self.fields
    }
}

/// Who a path or a query means: an id.
pub(super) fn id(text: &str, name: &str) -> Result<Id, Error> {
    text.parse().map_err(|error| Error::invalid(format!("`{name}`: {error}")))
}

/// What serde says, without the line and column of a text that the caller never saw.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: Error) -> String {
        format!("{error:?}")
    }

    #[test]
    fn every_fault_names_its_field() {
        let mut input = Input::parse(r#"{"a":{"n":5,"more":1},"b":"x"}"#).unwrap();
        assert!(message(input.required::<u8>("c").unwrap_err()).contains("`c`: this field is missing"));
        let fault = message(input.required::<u8>("b").unwrap_err());
        assert!(fault.contains("`b`: invalid type: string") && !fault.contains("line"), "{fault}");
        let mut inner = input.object("a").unwrap();
        assert!(message(inner.required::<String>("n").unwrap_err()).contains("`a.n`: invalid type: integer"));
        assert!(message(inner.end().unwrap_err()).contains("`a.more`: there is no such field"));
        assert!(message(Input::parse("[]").unwrap_err()).contains("expected an object"));
    }
}
