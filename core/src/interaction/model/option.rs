//! The options of a command.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::table::codes;
use super::{Field, Snowflake, nesting};

codes! {
    /// What an option is.
    pub enum OptionKind {
        /// A subcommand.
        Subcommand = 1,
        /// A group of subcommands.
        SubcommandGroup = 2,
        /// Text.
        String = 3,
        /// A whole number.
        Integer = 4,
        /// Yes or no.
        Boolean = 5,
        /// A user.
        User = 6,
        /// A channel.
        Channel = 7,
        /// A role.
        Role = 8,
        /// A user or a role.
        Mentionable = 9,
        /// A number.
        Number = 10,
        /// An uploaded file.
        Attachment = 11,
    }
}

/// An option of a command (documentation: application command interaction data option structure).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CommandOption {
    /// The option's name.
    pub name: String,
    /// Its value, or what it holds.
    pub value: OptionValue,
    /// Every field that this model does not know.
    pub rest: Map<String, Value>,
}

/// What an option holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// A subcommand with its options.
    Subcommand(Field<Vec<CommandOption>>),
    /// A group with its one subcommand.
    SubcommandGroup(Field<Vec<CommandOption>>),
    /// Text.
    String(String),
    /// A whole number, within 2^53 either way.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
    /// A user, to be found in the resolved data.
    User(Snowflake),
    /// A channel, to be found in the resolved data.
    Channel(Snowflake),
    /// A role, to be found in the resolved data.
    Role(Snowflake),
    /// A user or a role, to be found in the resolved data.
    Mentionable(Snowflake),
    /// A number, as it was written.
    Number(Number),
    /// An uploaded file, to be found in the resolved data.
    Attachment(Snowflake),
    /// What the user is typing, whatever it will be: a text that need not be a value yet.
    Typing {
        /// What the option is.
        kind: OptionKind,
        /// What stands there by now.
        typed: Value,
    },
    /// An option of a kind that this model does not know; its fields stand in the option's `rest`.
    Other(OptionKind),
}

/// The option that the user is typing.
#[derive(Clone, Debug, PartialEq)]
pub struct Focused<'a> {
    /// The option's name.
    pub name: &'a str,
    /// What the option is.
    pub kind: OptionKind,
    /// What stands there by now.
    pub text: Cow<'a, str>,
}

#[cfg(feature = "types")]
crate::typescript::written! {
    &[" An option that the user filled in, told apart by `type`; what is being typed may be text, whatever the type."],
    CommandOption,
    |config| {
        use OptionKind::{Attachment, Boolean, Channel, Integer, Mentionable, Role, String, Subcommand, SubcommandGroup, User};
        let [text, id] = [<std::string::String as ts_rs::TS>::name(config), <Snowflake as ts_rs::TS>::name(config)];
        let inner = <Field<Vec<Self>> as ts_rs::TS>::name(config);
        let types = |kinds: &[OptionKind]| {
            kinds.iter().map(|kind| kind.code().to_string()).collect::<Vec<_>>().join(" | ")
        };
        let numbers = types(&[Integer, OptionKind::Number]);
        [
            "{\n  /** The option's name. */\n  name: string,\n} & (".to_owned(),
            format!("\n  | {{ type: {}, options?: {inner} }}", types(&[Subcommand, SubcommandGroup])),
            format!("\n  | {{ type: {}, value: {text}, focused?: boolean | null }}", types(&[String])),
            format!("\n  | {{ type: {numbers}, value: number, focused?: false | null }}"),
            format!("\n  | {{ type: {numbers}, value: {text} | number, focused: true }}"),
            format!("\n  | {{ type: {}, value: boolean, focused?: false | null }}", types(&[Boolean])),
            format!(
                "\n  | {{ type: {}, value: {id}, focused?: false | null }}",
                types(&[User, Channel, Role, Mentionable, Attachment])
            ),
            "\n) & Rest".to_owned(),
        ]
        .concat()
    },
    Snowflake
}

impl CommandOption {
    /// An option with this value.
    pub fn new(name: impl Into<String>, value: OptionValue) -> Self {
        Self { name: name.into(), value, rest: Map::new() }
    }

    /// What the user is typing, if it is in this option.
    pub fn focused(&self) -> Option<Focused<'_>> {
        let OptionValue::Typing { kind, typed } = &self.value else { return None };
        let text = typed.as_str().map_or_else(|| typed.to_string().into(), Cow::Borrowed);
        Some(Focused { name: &self.name, kind: *kind, text })
    }
}

impl OptionValue {
    /// What the option is.
    pub const fn kind(&self) -> OptionKind {
        match self {
            Self::Subcommand(_) => OptionKind::Subcommand,
            Self::SubcommandGroup(_) => OptionKind::SubcommandGroup,
            Self::String(_) => OptionKind::String,
            Self::Integer(_) => OptionKind::Integer,
            Self::Boolean(_) => OptionKind::Boolean,
            Self::User(_) => OptionKind::User,
            Self::Channel(_) => OptionKind::Channel,
            Self::Role(_) => OptionKind::Role,
            Self::Mentionable(_) => OptionKind::Mentionable,
            Self::Number(_) => OptionKind::Number,
            Self::Attachment(_) => OptionKind::Attachment,
            Self::Typing { kind, .. } | Self::Other(kind) => *kind,
        }
    }

    /// The text of a text option.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number of a whole-number option.
    pub const fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The number of a number or whole-number option.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => number.as_f64(),
            #[expect(clippy::cast_precision_loss, reason = "the platform keeps these within 2^53")]
            Self::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The answer of a yes-or-no option.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(answer) = self { Some(*answer) } else { None }
    }

    /// The id of an option that names something.
    pub const fn as_id(&self) -> Option<Snowflake> {
        match self {
            Self::User(id) | Self::Channel(id) | Self::Role(id) | Self::Mentionable(id) | Self::Attachment(id) => {
                Some(*id)
            }
            _ => None,
        }
    }
}

/// An option as it stands on the wire.
#[derive(Serialize, Deserialize)]
struct Wire {
    name: String,
    #[serde(rename = "type")]
    kind: OptionKind,
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    value: Field<Value>,
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    options: Field<Vec<CommandOption>>,
    #[serde(default, skip_serializing_if = "Field::is_absent")]
    focused: Field<bool>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl<'de> Deserialize<'de> for CommandOption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { name, kind, value, options, focused, mut rest } = nesting::deserialize(deserializer)?;
        let is_parent = matches!(kind, OptionKind::Subcommand | OptionKind::SubcommandGroup);
        let is_leaf = !is_parent && !matches!(kind, OptionKind::Other(_));
        let is_typing = is_leaf && focused.is_true();
        if !is_leaf {
            keep(&mut rest, "value", &value)?;
        }
        if !is_parent {
            keep(&mut rest, "options", &options)?;
        }
        if !is_typing {
            keep(&mut rest, "focused", &focused)?;
        }
        let value = match kind {
            OptionKind::Subcommand => OptionValue::Subcommand(options),
            OptionKind::SubcommandGroup => OptionValue::SubcommandGroup(options),
            OptionKind::Other(_) => OptionValue::Other(kind),
            kind => {
                let value = value.into_value().ok_or_else(|| D::Error::missing_field("value"))?;
                if is_typing {
                    OptionValue::Typing { kind, typed: value }
                } else {
                    leaf(kind, value).map_err(D::Error::custom)?
                }
            }
        };
        Ok(Self { name, value, rest })
    }
}

/// Keeps what a kind of option has no place for like any other unknown field.
fn keep<T: Serialize, E: serde::de::Error>(
    rest: &mut Map<String, Value>,
    key: &str,
    field: &Field<T>,
) -> Result<(), E> {
    if !field.is_absent() {
        rest.insert(key.to_owned(), serde_json::to_value(field).map_err(E::custom)?);
    }
    Ok(())
}

/// The value of an option that is neither a subcommand nor being typed.
fn leaf(kind: OptionKind, value: Value) -> serde_json::Result<OptionValue> {
    let id = |value| serde_json::from_value::<Snowflake>(value);
    Ok(match kind {
        OptionKind::String => OptionValue::String(serde_json::from_value(value)?),
        OptionKind::Integer => OptionValue::Integer(serde_json::from_value(value)?),
        OptionKind::Boolean => OptionValue::Boolean(serde_json::from_value(value)?),
        OptionKind::User => OptionValue::User(id(value)?),
        OptionKind::Channel => OptionValue::Channel(id(value)?),
        OptionKind::Role => OptionValue::Role(id(value)?),
        OptionKind::Mentionable => OptionValue::Mentionable(id(value)?),
        OptionKind::Number => OptionValue::Number(serde_json::from_value(value)?),
        OptionKind::Attachment => OptionValue::Attachment(id(value)?),
        kind @ (OptionKind::Subcommand | OptionKind::SubcommandGroup | OptionKind::Other(_)) => {
            OptionValue::Other(kind)
        }
    })
}

impl Serialize for CommandOption {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (value, options, focused) = match &self.value {
            OptionValue::Subcommand(options) | OptionValue::SubcommandGroup(options) => {
                (Field::Absent, options.clone(), Field::Absent)
            }
            OptionValue::String(text) => (Field::Value(text.clone().into()), Field::Absent, Field::Absent),
            OptionValue::Integer(number) => (Field::Value((*number).into()), Field::Absent, Field::Absent),
            OptionValue::Boolean(answer) => (Field::Value((*answer).into()), Field::Absent, Field::Absent),
            OptionValue::User(id)
            | OptionValue::Channel(id)
            | OptionValue::Role(id)
            | OptionValue::Mentionable(id)
            | OptionValue::Attachment(id) => (Field::Value(id.to_string().into()), Field::Absent, Field::Absent),
            OptionValue::Number(number) => (Field::Value(number.clone().into()), Field::Absent, Field::Absent),
            OptionValue::Typing { typed, .. } => (Field::Value(typed.clone()), Field::Absent, Field::Value(true)),
            OptionValue::Other(_) => (Field::Absent, Field::Absent, Field::Absent),
        };
        let rest = self.rest.clone();
        Wire { name: self.name.clone(), kind: self.value.kind(), value, options, focused, rest }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_kind_has_no_place_for_is_kept() {
        for option in [
            json!({ "name": "x", "type": 1, "value": null, "options": null, "focused": true }),
            json!({ "name": "x", "type": 2, "value": "1", "focused": true }),
            json!({ "name": "x", "type": 3, "value": "a", "options": [{ "name": "y", "type": 1 }], "focused": false }),
            json!({ "name": "x", "type": 4, "value": "1", "options": null, "focused": true }),
            json!({ "name": "x", "type": 42, "value": [1], "options": [], "focused": null }),
        ] {
            let read: CommandOption = serde_json::from_value(option.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), option);
        }
    }
}
