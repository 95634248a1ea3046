//! Components that arrange others.

use super::place::{Accessory, InContainer, Select};
use super::{Button, Component, TextDisplay};
use crate::interaction::model::table::{codes, object};

object! {
    /// A row of up to five buttons, or one select menu.
    pub struct ActionRow = 1 {
        /// The buttons or the menu.
        components: Vec<Component>,
    }
    plain {
        /// The component's number in its message.
        id: i64,
    }
}

impl ActionRow {
    /// A row of buttons.
    pub fn buttons(buttons: impl IntoIterator<Item = Button>) -> Self {
        Self::from_parts(buttons.into_iter().map(Component::from).collect::<Vec<_>>())
    }

    /// A row with a select menu.
    pub fn select(select: impl Select) -> Self {
        Self::from_parts([select.into()])
    }
}

object! {
    /// One to three texts with something beside them.
    pub struct Section = 9 {
        /// The texts.
        components: Vec<Component>,
        /// A button or thumbnail.
        accessory: Box<Component>,
    }
    plain {
        /// The component's number in its message.
        id: i64,
    }
}

impl Section {
    /// These texts with this beside them.
    pub fn new(texts: impl IntoIterator<Item = TextDisplay>, accessory: impl Accessory) -> Self {
        Self::from_parts(texts.into_iter().map(Component::from).collect::<Vec<_>>(), accessory.into())
    }
}

codes! {
    /// How large a gap is.
    pub enum Spacing {
        /// Small.
        Small = 1,
        /// Large.
        Large = 2,
    }
}

object! {
    /// A gap between components.
    pub struct Separator = 14 {}
    set {
        /// How large it is; small unless told otherwise.
        spacing: Spacing,
    }
    plain {
        /// The component's number in its message.
        id: i64,
        /// Whether there is a line; there is unless this is false.
        divider: bool,
    }
}

impl Separator {
    /// A small gap with a line.
    pub fn new() -> Self {
        Self::default()
    }
}

object! {
    /// A box around components.
    pub struct Container = 17 {
        /// The components.
        components: Vec<Component>,
    }
    plain {
        /// The component's number in its message.
        id: i64,
        /// The color of the edge.
        accent_color: u32,
        /// Whether it is hidden until clicked.
        spoiler: bool,
    }
}

impl Container {
    /// An empty box, to fill by [`Container::with`].
    pub fn new() -> Self {
        Self::from_parts([])
    }

    /// Adds a component.
    #[must_use]
    pub fn with(mut self, component: impl InContainer) -> Self {
        self.components.push(component.into());
        self
    }
}

impl Default for Container {
    fn default() -> Self {
        Self::new()
    }
}
