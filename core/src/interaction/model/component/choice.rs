//! Inputs of a modal that choose: radio buttons, checkboxes, and files to upload.

use crate::interaction::model::table::object;

object! {
    /// Exactly one of several options.
    pub struct RadioGroup = 21 {
        /// What the interaction tells it by, 1 to 100 characters.
        custom_id: String,
        /// 2 to 10 options.
        options: Vec<ChoiceOption>,
    }
    plain {
        /// The component's number in its modal.
        id: i64,
        /// Whether one must be chosen; it must unless this is false.
        required: bool,
    }
}

impl RadioGroup {
    /// One of these options.
    pub fn new(custom_id: impl Into<String>, options: impl IntoIterator<Item = ChoiceOption>) -> Self {
        Self::from_parts(custom_id, Vec::from_iter(options))
    }
}

object! {
    /// Some of several options.
    pub struct CheckboxGroup = 22 {
        /// What the interaction tells it by, 1 to 100 characters.
        custom_id: String,
        /// 1 to 10 options.
        options: Vec<ChoiceOption>,
    }
    plain {
        /// The component's number in its modal.
        id: i64,
        /// The fewest that must be chosen, at most 10; 1 unless told otherwise.
        min_values: u32,
        /// The most that can be chosen, 1 to 10; all of them unless told otherwise.
        max_values: u32,
        /// Whether something must be chosen; it must unless this is false.
        required: bool,
    }
}

impl CheckboxGroup {
    /// Some of these options.
    pub fn new(custom_id: impl Into<String>, options: impl IntoIterator<Item = ChoiceOption>) -> Self {
        Self::from_parts(custom_id, Vec::from_iter(options))
    }
}

object! {
    /// An option of a radio or checkbox group.
    pub struct ChoiceOption {
        /// What the interaction tells it by, at most 100 characters.
        value: String,
        /// What the user sees, at most 100 characters.
        label: String,
    }
    set {
        /// What the user sees below, at most 100 characters.
        description: String,
    }
    plain {
        /// Whether it is chosen to begin with.
        default: bool,
    }
}

impl ChoiceOption {
    /// An option that shows `label` and means `value`.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self::from_parts(value, label)
    }
}

object! {
    /// Yes or no.
    pub struct Checkbox = 23 {
        /// What the interaction tells it by, 1 to 100 characters.
        custom_id: String,
    }
    plain {
        /// The component's number in its modal.
        id: i64,
        /// Whether it is checked to begin with.
        default: bool,
    }
}

impl Checkbox {
    /// A checkbox that the interaction tells by this.
    pub fn new(custom_id: impl Into<String>) -> Self {
        Self::from_parts(custom_id)
    }
}

object! {
    /// A field for files.
    pub struct FileUpload = 19 {
        /// What the interaction tells it by, 1 to 100 characters.
        custom_id: String,
    }
    plain {
        /// The component's number in its modal.
        id: i64,
        /// The fewest files, at most 10; 1 unless told otherwise.
        min_values: u32,
        /// The most files, 1 to 10; 1 unless told otherwise.
        max_values: u32,
        /// Whether there must be files; there must unless this is false.
        required: bool,
    }
}

impl FileUpload {
    /// A field that the interaction tells by this.
    pub fn new(custom_id: impl Into<String>) -> Self {
        Self::from_parts(custom_id)
    }
}
