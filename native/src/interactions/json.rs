//! A program's own JSON encoder and decoder.

use std::fmt;
use std::sync::Arc;

use sanmon_core::interaction::model::InteractionKind;
use sanmon_core::interaction::response::Reply;
use serde_json::Value;

use super::entity::{EntityError, Payload};

/// How JSON is read and written; serde_json where nothing is set.
#[derive(Clone, Default)]
pub(super) struct Json {
    pub(super) decode: Option<Arc<Decode>>,
    pub(super) encode: Option<Arc<Encode>>,
}

pub(super) type Decode = dyn Fn(&str) -> Result<Value, EntityError> + Send + Sync;
pub(super) type Encode = dyn Fn(&Value) -> Result<String, EntityError> + Send + Sync;

impl Json {
    /// What the entity factory is given.
    pub(super) fn payload<'a>(&self, text: &'a str) -> Result<Payload<'a>, EntityError> {
        match &self.decode {
            None => Ok(Payload::Text(text)),
            Some(decode) => decode(text).map(Payload::Decoded),
        }
    }

    /// The answer as the encoder writes it.
    pub(super) fn reply(&self, kind: InteractionKind, reply: Reply) -> Result<Reply, EntityError> {
        let Some(encode) = &self.encode else { return Ok(reply) };
        let value: Value = serde_json::from_str(reply.json()).map_err(EntityError::new)?;
        Reply::from_json(kind, encode(&value)?, reply.files().to_vec()).map_err(EntityError::new)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").field("decode", &self.decode.is_some()).field("encode", &self.encode.is_some()).finish()
    }
}
