//! Which component may stand where, checked by the compiler.

use super::{
    ActionRow, Button, ChannelSelect, Checkbox, CheckboxGroup, Component, Container, FileDisplay, FileUpload, Label,
    MediaGallery, MentionableSelect, RadioGroup, RoleSelect, Section, Separator, StringSelect, TextDisplay, TextInput,
    Thumbnail, UserSelect,
};

/// Makes the marker trait of a place, and says which components may stand there.
macro_rules! places {
    ($($(#[$doc:meta])* $place:ident: $($component:ident)*;)*) => {$(
        $(#[$doc])*
        pub trait $place: Into<Component> + sealed::Sealed {}
        $(impl $place for $component {})*
    )*};
}

places! {
    /// A component that may stand at the top of a message.
    InMessage: ActionRow Container FileDisplay MediaGallery Section Separator TextDisplay;
    /// A component that may stand in a container.
    InContainer: ActionRow FileDisplay MediaGallery Section Separator TextDisplay;
    /// A component that may stand at the top of a modal.
    InModal: Label TextDisplay;
    /// An input that may stand in a label of a modal.
    InLabel: ChannelSelect Checkbox CheckboxGroup FileUpload MentionableSelect RadioGroup RoleSelect StringSelect
        TextInput UserSelect;
    /// A component that may stand beside a section.
    Accessory: Button Thumbnail;
    /// A select menu.
    Select: ChannelSelect MentionableSelect RoleSelect StringSelect UserSelect;
}

mod sealed {
    use super::*;

    /// Keeps the places' lists the only ones.
    pub trait Sealed {}

    macro_rules! sealed {
        ($($component:ident)*) => {$(impl Sealed for $component {})*};
    }

    sealed! {
        ActionRow Button ChannelSelect Checkbox CheckboxGroup Container FileDisplay FileUpload Label MediaGallery
        MentionableSelect RadioGroup RoleSelect Section Separator StringSelect TextDisplay TextInput Thumbnail
        UserSelect
    }
}
