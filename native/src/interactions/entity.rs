//! What listeners are given: the typed model, or a program's own types.

use std::fmt;

use sanmon_core::interaction::kind::Kind;
use sanmon_core::interaction::model::Interaction;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Makes what listeners are given out of verified interactions.
pub trait EntityFactory: Send + Sync + 'static {
    /// What a listener to interactions of kind `K` is given.
    type Entity<K: Kind>: Send + 'static;

    /// Makes one.
    ///
    /// # Errors
    /// An [`EntityError`]: the platform is answered 500.
    fn interaction<K: Kind>(&self, payload: Payload<'_>) -> Result<Self::Entity<K>, EntityError>;
}

/// Gives listeners the typed model.
#[derive(Clone, Copy, Debug, Default)]
pub struct TypedModel;

/// An interaction that was verified and is JSON.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Its text.
    Text(&'a str),
    /// What the server's JSON decoder made of the text.
    Decoded(Value),
}

/// An interaction does not fit what it is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityError(String);

impl EntityFactory for TypedModel {
    type Entity<K: Kind> = Interaction<K>;

    fn interaction<K: Kind>(&self, payload: Payload<'_>) -> Result<Interaction<K>, EntityError> {
        payload.read()
    }
}

impl Payload<'_> {
    /// Reads it as a `T`.
    ///
    /// # Errors
    /// An [`EntityError`] if it is none.
    pub fn read<T: DeserializeOwned>(self) -> Result<T, EntityError> {
        match self {
            Self::Text(text) => {
                let mut deserializer = serde_json::Deserializer::from_str(text);
                // The door has counted the levels.
                deserializer.disable_recursion_limit();
                T::deserialize(&mut deserializer)
            }
            Self::Decoded(value) => T::deserialize(value),
        }
        .map_err(EntityError::new)
    }
}

impl EntityError {
    /// An error that the log shows so.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for EntityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EntityError {}
