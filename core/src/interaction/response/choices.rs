//! The completions of an option.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;

use super::check::{At, InvalidAnswer};
use super::reply::{CallbackKind, Reply};
use super::{limits, sealed};
use crate::interaction::model::Field;

/// Completes the option that the user is typing: at most 25 choices.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct Choices {
    choices: Vec<Choice>,
}

/// One completion of an option.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS), ts(optional_fields = nullable))]
#[non_exhaustive]
pub struct Choice {
    /// What the user sees, 1 to 100 characters.
    pub name: String,
    /// What the user sees in other languages.
    #[serde(skip_serializing_if = "Field::is_absent")]
    pub name_localizations: Field<BTreeMap<String, String>>,
    /// What the option becomes.
    pub value: ChoiceValue,
}

/// What an option becomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
#[serde(untagged)]
pub enum ChoiceValue {
    /// At most 100 characters, for a text option.
    Text(String),
    /// Within 2^53 either way, for a whole-number or number option.
    Number(Number),
}

impl From<&str> for ChoiceValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ChoiceValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for ChoiceValue {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<Number> for ChoiceValue {
    fn from(number: Number) -> Self {
        Self::Number(number)
    }
}

impl Choice {
    /// A choice that shows `name` and makes the option `value`.
    pub fn new(name: impl Into<String>, value: impl Into<ChoiceValue>) -> Self {
        Self { name: name.into(), name_localizations: Field::Absent, value: value.into() }
    }

    /// What users of this language see instead.
    #[must_use]
    pub fn localized(mut self, locale: impl Into<String>, name: impl Into<String>) -> Self {
        self.name_localizations.or_insert_default().insert(locale.into(), name.into());
        self
    }

    fn check(&self, at: At<'_>) -> Result<(), InvalidAnswer> {
        at.name("name").text(&self.name, limits::CHOICE_NAME)?;
        for name in self.name_localizations.value().into_iter().flat_map(BTreeMap::values) {
            at.name("name_localizations").text(name, limits::CHOICE_NAME)?;
        }
        match &self.value {
            ChoiceValue::Text(text) => at.name("value").text(text, limits::CHOICE_TEXT),
            ChoiceValue::Number(number) if number.as_f64().is_some_and(|it| it.abs() <= limits::CHOICE_NUMBER) => {
                Ok(())
            }
            ChoiceValue::Number(_) => Err(at.name("value").refuse("a number within 2^53 either way")),
        }
    }
}

impl Choices {
    /// No choices yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a choice.
    #[must_use]
    pub fn with(mut self, choice: Choice) -> Self {
        self.choices.push(choice);
        self
    }
}

impl FromIterator<Choice> for Choices {
    fn from_iter<T: IntoIterator<Item = Choice>>(choices: T) -> Self {
        Self { choices: Vec::from_iter(choices) }
    }
}

impl sealed::Sealed for Choices {
    fn into_reply(self) -> Result<Reply, InvalidAnswer> {
        let at = At::DATA.name("choices");
        at.count(self.choices.len(), limits::CHOICES)?;
        for (index, choice) in self.choices.iter().enumerate() {
            choice.check(at.index(index))?;
        }
        Ok(Reply::new(CallbackKind::Choices, Some(self), Vec::new()))
    }
}
