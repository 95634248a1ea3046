//! What users do with components: the data of component interactions and of modal submits.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::table::{object, tagged};
use super::{ComponentKind, Resolved, Snowflake};

object! {
    /// The data of a component interaction (documentation: message component data structure).
    pub struct ComponentData {
        /// What the component is told by.
        custom_id: String,
        /// What the component is.
        component_type: ComponentKind,
    }
    optional {
        /// The component's number in its message.
        id: i64,
        /// What was chosen; always there for select menus.
        values: Vec<SelectValue>,
        /// What the ids among the values stand for.
        resolved: Resolved,
    }
}

/// What was chosen in a menu: an option's value, or the id of a user, role or channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct SelectValue(String);

impl SelectValue {
    /// The value, or the id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id, if the value is one.
    pub fn id(&self) -> Option<Snowflake> {
        self.0.parse().ok()
    }
}

impl From<String> for SelectValue {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl Serialize for SelectValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SelectValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SelectValueVisitor;

        impl Visitor<'_> for SelectValueVisitor {
            type Value = SelectValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the value of an option, or an id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SelectValue, E> {
                Ok(SelectValue(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<SelectValue, E> {
                Ok(SelectValue(id.to_string()))
            }
        }

        deserializer.deserialize_any(SelectValueVisitor)
    }
}

object! {
    /// The data of a modal submit (documentation: modal submit data structure).
    pub struct ModalData {
        /// What the modal is told by.
        custom_id: String,
        /// What was filled in.
        components: Vec<Submitted>,
    }
    optional {
        /// What the ids among the values stand for.
        resolved: Resolved,
    }
}

impl ModalData {
    /// The input with this `custom_id`.
    pub fn input(&self, custom_id: &str) -> Option<&Submitted> {
        self.components.iter().find_map(|component| component.input(custom_id))
    }

    /// The text of the text field, or the option of the radio group, with this `custom_id`.
    pub fn text(&self, custom_id: &str) -> Option<&str> {
        match self.input(custom_id)? {
            Submitted::TextInput(input) => Some(&input.value),
            Submitted::RadioGroup(group) => group.value.text(),
            _ => None,
        }
    }

    /// What was chosen in the string menu or checkbox group with this `custom_id`.
    pub fn choices(&self, custom_id: &str) -> Option<&[String]> {
        match self.input(custom_id)? {
            Submitted::StringSelect(select) => Some(&select.values),
            Submitted::CheckboxGroup(group) => Some(&group.values),
            _ => None,
        }
    }

    /// The ids that were chosen or uploaded in the input with this `custom_id`.
    pub fn ids(&self, custom_id: &str) -> Option<&[Snowflake]> {
        match self.input(custom_id)? {
            Submitted::UserSelect(SubmittedUserSelect { values, .. })
            | Submitted::RoleSelect(SubmittedRoleSelect { values, .. })
            | Submitted::MentionableSelect(SubmittedMentionableSelect { values, .. })
            | Submitted::ChannelSelect(SubmittedChannelSelect { values, .. })
            | Submitted::FileUpload(SubmittedFileUpload { values, .. }) => Some(values),
            _ => None,
        }
    }

    /// Whether the checkbox with this `custom_id` is checked.
    pub fn is_checked(&self, custom_id: &str) -> Option<bool> {
        if let Submitted::Checkbox(checkbox) = self.input(custom_id)? { Some(checkbox.value) } else { None }
    }
}

tagged! {
    /// A component of a submitted modal (documentation: component interaction response structures).
    pub enum Submitted {
        /// A row with a text field; deprecated.
        ActionRow(SubmittedRow) = 1,
        /// A menu of given options.
        StringSelect(SubmittedStringSelect) = 3,
        /// A text field.
        TextInput(SubmittedText) = 4,
        /// A menu of users.
        UserSelect(SubmittedUserSelect) = 5,
        /// A menu of roles.
        RoleSelect(SubmittedRoleSelect) = 6,
        /// A menu of users and roles.
        MentionableSelect(SubmittedMentionableSelect) = 7,
        /// A menu of channels.
        ChannelSelect(SubmittedChannelSelect) = 8,
        /// Text.
        TextDisplay(SubmittedDisplay) = 10,
        /// A text with the input that it is for.
        Label(SubmittedLabel) = 18,
        /// A field for files.
        FileUpload(SubmittedFileUpload) = 19,
        /// One of several options.
        RadioGroup(SubmittedRadioGroup) = 21,
        /// Some of several options.
        CheckboxGroup(SubmittedCheckboxGroup) = 22,
        /// Yes or no.
        Checkbox(SubmittedCheckbox) = 23,
    }
}

impl Submitted {
    /// This input or one in it, if it has this `custom_id`.
    fn input(&self, wanted: &str) -> Option<&Self> {
        let custom_id = match self {
            Self::ActionRow(row) => return row.components.iter().find_map(|inner| inner.input(wanted)),
            Self::Label(label) => return label.component.input(wanted),
            Self::TextDisplay(_) => return None,
            Self::StringSelect(input) => &input.custom_id,
            Self::TextInput(input) => &input.custom_id,
            Self::UserSelect(input) => &input.custom_id,
            Self::RoleSelect(input) => &input.custom_id,
            Self::MentionableSelect(input) => &input.custom_id,
            Self::ChannelSelect(input) => &input.custom_id,
            Self::FileUpload(input) => &input.custom_id,
            Self::RadioGroup(input) => &input.custom_id,
            Self::CheckboxGroup(input) => &input.custom_id,
            Self::Checkbox(input) => &input.custom_id,
            Self::Other(fields) => fields.get("custom_id")?.as_str()?,
        };
        (custom_id == wanted).then_some(self)
    }
}

object! {
    /// A submitted row; deprecated.
    pub struct SubmittedRow = 1 {
        /// The text field in it.
        components: Vec<Submitted>,
    }
    optional {
        /// The component's number in its modal.
        id: i64,
    }
}

object! {
    /// A text of a submitted modal.
    pub struct SubmittedDisplay = 10 {}
    optional {
        /// The component's number in its modal.
        id: i64,
    }
}

object! {
    /// A submitted label.
    pub struct SubmittedLabel = 18 {
        /// The input in it.
        component: Box<Submitted>,
    }
    optional {
        /// The component's number in its modal.
        id: i64,
    }
}

object! {
    /// A submitted radio group.
    pub struct SubmittedRadioGroup = 21 {
        /// What the input is told by.
        custom_id: String,
    }
    optional {
        /// The component's number in its modal.
        id: i64,
        /// The chosen option; null if there is none.
        value: String,
    }
}

/// Makes the inputs of a submitted modal: they differ in their type and in what they bring.
macro_rules! inputs {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $(#[$value_doc:meta])* $value:ident: $value_type:ty;)*) => {$(
        object! {
            $(#[$doc])*
            pub struct $name = $code {
                /// What the input is told by.
                custom_id: String,
                $(#[$value_doc])*
                $value: $value_type,
            }
            optional {
                /// The component's number in its modal.
                id: i64,
            }
        }
    )*};
}

inputs! {
    /// A submitted menu of given options.
    SubmittedStringSelect = 3,
    /// The values of the chosen options.
    values: Vec<String>;
    /// A submitted text field.
    SubmittedText = 4,
    /// What was written.
    value: String;
    /// A submitted menu of users.
    SubmittedUserSelect = 5,
    /// The chosen users.
    values: Vec<Snowflake>;
    /// A submitted menu of roles.
    SubmittedRoleSelect = 6,
    /// The chosen roles.
    values: Vec<Snowflake>;
    /// A submitted menu of users and roles.
    SubmittedMentionableSelect = 7,
    /// The chosen users and roles.
    values: Vec<Snowflake>;
    /// A submitted menu of channels.
    SubmittedChannelSelect = 8,
    /// The chosen channels.
    values: Vec<Snowflake>;
    /// A submitted field for files.
    SubmittedFileUpload = 19,
    /// The uploaded files.
    values: Vec<Snowflake>;
    /// A submitted checkbox group.
    SubmittedCheckboxGroup = 22,
    /// The values of the chosen options.
    values: Vec<String>;
    /// A submitted checkbox.
    SubmittedCheckbox = 23,
    /// Whether it is checked.
    value: bool;
}
