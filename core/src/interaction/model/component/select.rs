//! Select menus.

use crate::interaction::model::table::{names, object};
use crate::interaction::model::{ChannelKind, Emoji, Snowflake};

object! {
    /// A menu of given options.
    pub struct StringSelect = 3 {
        /// What the interaction tells it by, 1 to 100 characters.
        custom_id: String,
    }
    optional {
        /// 1 to 25 options.
        options: Vec<SelectOption>,
    }
    set {
        /// What it shows while nothing is chosen, at most 150 characters.
        placeholder: String,
    }
    plain {
        /// The component's number in its message or modal.
        id: i64,
        /// The fewest options that must be chosen, at most 25; 1 unless told otherwise.
        min_values: u32,
        /// The most options that can be chosen, 1 to 25; 1 unless told otherwise.
        max_values: u32,
        /// Whether something must be chosen, in a modal; it must unless this is false.
        required: bool,
        /// Whether nothing can be chosen, in a message.
        disabled: bool,
    }
}

impl StringSelect {
    /// A menu of these options.
    pub fn new(custom_id: impl Into<String>, options: impl IntoIterator<Item = SelectOption>) -> Self {
        let mut select = Self::from_parts(custom_id);
        select.options = Vec::from_iter(options).into();
        select
    }
}

object! {
    /// An option of a menu.
    pub struct SelectOption {
        /// What the user sees, at most 100 characters.
        label: String,
        /// What the interaction tells it by, at most 100 characters.
        value: String,
    }
    set {
        /// What the user sees below, at most 100 characters.
        description: String,
        /// The emoji before it.
        emoji: Emoji,
    }
    plain {
        /// Whether it is chosen to begin with.
        default: bool,
    }
}

impl SelectOption {
    /// An option that shows `label` and means `value`.
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self::from_parts(label, value)
    }
}

names! {
    /// What a default value of a menu is.
    pub enum DefaultKind {
        /// A user.
        User = "user",
        /// A role.
        Role = "role",
        /// A channel.
        Channel = "channel",
    }
}

object! {
    /// Something that is chosen to begin with.
    pub struct DefaultValue {
        /// The user, role or channel.
        id: Snowflake,
        /// Which of these it is.
        #[serde(rename = "type")]
        kind: DefaultKind,
    }
}

impl DefaultValue {
    /// A user.
    pub fn user(id: impl Into<Snowflake>) -> Self {
        Self::from_parts(id, DefaultKind::User)
    }

    /// A role.
    pub fn role(id: impl Into<Snowflake>) -> Self {
        Self::from_parts(id, DefaultKind::Role)
    }

    /// A channel.
    pub fn channel(id: impl Into<Snowflake>) -> Self {
        Self::from_parts(id, DefaultKind::Channel)
    }
}

/// Makes the menus that the platform fills by itself: they differ in their type and in what they hold.
macro_rules! filled_by_the_platform {
    ($($(#[$doc:meta])* $name:ident = $code:literal $({ $(#[doc = $own_doc:literal])* $own:ident: $own_type:ty })?;)*) => {$(
        object! {
            $(#[$doc])*
            pub struct $name = $code {
                /// What the interaction tells it by, 1 to 100 characters.
                custom_id: String,
            }
            set {
                $($(#[doc = $own_doc])* $own: $own_type,)?
                /// What it shows while nothing is chosen, at most 150 characters.
                placeholder: String,
                /// What is chosen to begin with.
                default_values: Vec<DefaultValue>,
            }
            plain {
                /// The component's number in its message or modal.
                id: i64,
                /// The fewest that must be chosen, at most 25; 1 unless told otherwise.
                min_values: u32,
                /// The most that can be chosen, 1 to 25; 1 unless told otherwise.
                max_values: u32,
                /// Whether something must be chosen, in a modal; it must unless this is false.
                required: bool,
                /// Whether nothing can be chosen, in a message.
                disabled: bool,
            }
        }

        impl $name {
            /// A menu that the interaction tells by this.
            pub fn new(custom_id: impl Into<String>) -> Self {
                Self::from_parts(custom_id)
            }
        }
    )*};
}

filled_by_the_platform! {
    /// A menu of users.
    UserSelect = 5;
    /// A menu of roles.
    RoleSelect = 6;
    /// A menu of users and roles.
    MentionableSelect = 7;
    /// A menu of channels.
    ChannelSelect = 8 {
        /// The kinds of channels to offer.
        channel_types: Vec<ChannelKind>
    };
}
