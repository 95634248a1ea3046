//! Components: what messages and modals are made of.

mod button;
mod choice;
mod label;
mod layout;
mod media;
mod place;
mod select;
mod text;

pub use self::button::{Button, ButtonStyle};
pub use self::choice::{Checkbox, CheckboxGroup, ChoiceOption, FileUpload, RadioGroup};
pub use self::label::Label;
pub use self::layout::{ActionRow, Container, Section, Separator, Spacing};
pub use self::media::{FileDisplay, GalleryItem, MediaGallery, MediaItem, Thumbnail};
pub use self::place::{Accessory, InContainer, InLabel, InMessage, InModal, Select};
pub use self::select::{
    ChannelSelect, DefaultKind, DefaultValue, MentionableSelect, RoleSelect, SelectOption, StringSelect, UserSelect,
};
pub use self::text::{TextDisplay, TextInput, TextStyle};
use super::table::{codes, tagged};

codes! {
    /// What a component is.
    pub enum ComponentKind {
        /// A row of buttons, or one select menu.
        ActionRow = 1,
        /// A button.
        Button = 2,
        /// A menu of given options.
        StringSelect = 3,
        /// A text field.
        TextInput = 4,
        /// A menu of users.
        UserSelect = 5,
        /// A menu of roles.
        RoleSelect = 6,
        /// A menu of users and roles.
        MentionableSelect = 7,
        /// A menu of channels.
        ChannelSelect = 8,
        /// Text with something beside it.
        Section = 9,
        /// Text.
        TextDisplay = 10,
        /// A small picture.
        Thumbnail = 11,
        /// Pictures and videos.
        MediaGallery = 12,
        /// An attached file.
        File = 13,
        /// A gap, with or without a line.
        Separator = 14,
        /// A box around components.
        Container = 17,
        /// A text with the input that it is for.
        Label = 18,
        /// A field for files.
        FileUpload = 19,
        /// One of several options.
        RadioGroup = 21,
        /// Some of several options.
        CheckboxGroup = 22,
        /// Yes or no.
        Checkbox = 23,
    }
}

tagged! {
    /// A component as it stands in a message or a modal (documentation: component reference).
    pub enum Component {
        /// A row of buttons, or one select menu.
        ActionRow(ActionRow) = 1,
        /// A button.
        Button(Button) = 2,
        /// A menu of given options.
        StringSelect(StringSelect) = 3,
        /// A text field.
        TextInput(TextInput) = 4,
        /// A menu of users.
        UserSelect(UserSelect) = 5,
        /// A menu of roles.
        RoleSelect(RoleSelect) = 6,
        /// A menu of users and roles.
        MentionableSelect(MentionableSelect) = 7,
        /// A menu of channels.
        ChannelSelect(ChannelSelect) = 8,
        /// Text with something beside it.
        Section(Section) = 9,
        /// Text.
        TextDisplay(TextDisplay) = 10,
        /// A small picture.
        Thumbnail(Thumbnail) = 11,
        /// Pictures and videos.
        MediaGallery(MediaGallery) = 12,
        /// An attached file.
        File(FileDisplay) = 13,
        /// A gap, with or without a line.
        Separator(Separator) = 14,
        /// A box around components.
        Container(Container) = 17,
        /// A text with the input that it is for.
        Label(Label) = 18,
        /// A field for files.
        FileUpload(FileUpload) = 19,
        /// One of several options.
        RadioGroup(RadioGroup) = 21,
        /// Some of several options.
        CheckboxGroup(CheckboxGroup) = 22,
        /// Yes or no.
        Checkbox(Checkbox) = 23,
    }
}
