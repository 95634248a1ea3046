//! Buttons of messages.

use crate::interaction::model::table::{codes, object};
use crate::interaction::model::{Emoji, Snowflake};

codes! {
    /// How a button looks and what it does.
    pub enum ButtonStyle {
        /// The main action.
        Primary = 1,
        /// Another action.
        Secondary = 2,
        /// An action that completes something.
        Success = 3,
        /// An action that can't be taken back.
        Danger = 4,
        /// Opens an address; makes no interaction.
        Link = 5,
        /// Buys something; makes no interaction.
        Premium = 6,
    }
}

object! {
    /// A button, in an action row or beside a section.
    pub struct Button = 2 {
        /// How it looks and what it does.
        style: ButtonStyle,
    }
    optional {
        /// What the interaction tells it by, 1 to 100 characters; not on link and premium buttons.
        custom_id: String,
        /// What a premium button sells.
        sku_id: Snowflake,
        /// Where a link button leads, at most 512 characters.
        url: String,
    }
    set {
        /// The text, at most 80 characters; not on premium buttons.
        label: String,
        /// The emoji; not on premium buttons.
        emoji: Emoji,
    }
    plain {
        /// The component's number in its message.
        id: i64,
        /// Whether it can't be pressed.
        disabled: bool,
    }
}

impl Button {
    /// A button for the main action.
    pub fn primary(custom_id: impl Into<String>) -> Self {
        Self::styled(ButtonStyle::Primary, custom_id)
    }

    /// A button for another action.
    pub fn secondary(custom_id: impl Into<String>) -> Self {
        Self::styled(ButtonStyle::Secondary, custom_id)
    }

    /// A button that completes something.
    pub fn success(custom_id: impl Into<String>) -> Self {
        Self::styled(ButtonStyle::Success, custom_id)
    }

    /// A button for what can't be taken back.
    pub fn danger(custom_id: impl Into<String>) -> Self {
        Self::styled(ButtonStyle::Danger, custom_id)
    }

    /// A button that opens an address.
    pub fn link(url: impl Into<String>) -> Self {
        let mut button = Self::from_parts(ButtonStyle::Link);
        button.url = url.into().into();
        button
    }

    /// A button that sells something.
    pub fn premium(sku_id: impl Into<Snowflake>) -> Self {
        let mut button = Self::from_parts(ButtonStyle::Premium);
        button.sku_id = sku_id.into().into();
        button
    }

    fn styled(style: ButtonStyle, custom_id: impl Into<String>) -> Self {
        let mut button = Self::from_parts(style);
        button.custom_id = custom_id.into().into();
        button
    }
}
