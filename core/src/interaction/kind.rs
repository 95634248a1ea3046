//! The kinds of interactions that listeners answer, as types: what fits one kind does not compile for another.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::model::{CommandData, ComponentData, InteractionKind, ModalData};

/// A kind of interaction, told apart by the compiler.
pub trait Kind: sealed::Sealed + Clone + Copy + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// What interactions of this kind bring.
    type Data: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The kind on the wire.
    const KIND: InteractionKind;
}

/// Makes the kinds.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident($data:ty);)*) => {
        /// Says every kind to whoever writes types.
        #[cfg(feature = "types")]
        pub(super) fn describe(description: &mut super::types::Description) {
            $(description.interaction::<$name>(concat!(stringify!($name), "Interaction"), &[$($doc),*]);)*
        }
        $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Kind for $name {
            type Data = $data;

            const KIND: InteractionKind = InteractionKind::$name;
        }
    )*};
}

kinds! {
    /// A user ran a command.
    ApplicationCommand(CommandData);
    /// A user used a component of a message.
    MessageComponent(ComponentData);
    /// A user types into an option of a command.
    Autocomplete(CommandData);
    /// A user submitted a modal.
    ModalSubmit(ModalData);
}

mod sealed {
    /// Keeps the list of kinds the only one.
    pub trait Sealed {}
}
