//! A text with the input that it is for.

use super::Component;
use super::place::InLabel;
use crate::interaction::model::table::object;

object! {
    /// A text with the input that it is for, in a modal.
    pub struct Label = 18 {
        /// The text, at most 45 characters.
        label: String,
        /// The input.
        component: Box<Component>,
    }
    set {
        /// A smaller text, at most 100 characters.
        description: String,
    }
    plain {
        /// The component's number in its modal.
        id: i64,
    }
}

impl Label {
    /// This text around this input.
    pub fn new(label: impl Into<String>, input: impl InLabel) -> Self {
        Self::from_parts(label, input.into())
    }
}
