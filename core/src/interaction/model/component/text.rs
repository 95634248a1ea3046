//! Text: shown, and asked for.

use crate::interaction::model::table::{codes, object};

object! {
    /// Text with markdown, in a message, a container, a section or a modal.
    pub struct TextDisplay = 10 {
        /// The text.
        content: String,
    }
    plain {
        /// The component's number in its message.
        id: i64,
    }
}

impl TextDisplay {
    /// This text.
    pub fn new(content: impl Into<String>) -> Self {
        Self::from_parts(content)
    }
}

codes! {
    /// How large a text field is.
    pub enum TextStyle {
        /// One line.
        Short = 1,
        /// Several lines.
        Paragraph = 2,
    }
}

object! {
    /// A text field, in a label of a modal.
    pub struct TextInput = 4 {
        /// What the interaction tells it by, 1 to 100 characters.
        custom_id: String,
        /// How large it is.
        style: TextStyle,
    }
    optional {
        /// The text beside it; deprecated in favor of the label around it.
        label: String,
    }
    set {
        /// What stands in it to begin with, at most 4,000 characters.
        value: String,
        /// What it shows while it is empty, at most 100 characters.
        placeholder: String,
    }
    plain {
        /// The component's number in its modal.
        id: i64,
        /// The fewest characters that it takes, at most 4,000.
        min_length: u32,
        /// The most characters that it takes, 1 to 4,000.
        max_length: u32,
        /// Whether something must be written; it must unless this is false.
        required: bool,
    }
}

impl TextInput {
    /// A field of one line.
    pub fn short(custom_id: impl Into<String>) -> Self {
        Self::from_parts(custom_id, TextStyle::Short)
    }

    /// A field of several lines.
    pub fn paragraph(custom_id: impl Into<String>) -> Self {
        Self::from_parts(custom_id, TextStyle::Paragraph)
    }
}
