//! How events travel: encodings, the check of what comes in, and encoding once for every receiver.

mod check;
mod dispatch;
mod zlib;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::check::{InvalidJson, MAX_DEPTH, check_json, pick_members};
pub use self::dispatch::{Dispatch, Opcode, frame};
pub use self::zlib::{Deflater, InflateError, Inflater, deflate, inflate};

/// How a connection wants its events (protocol, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Text frames of JSON.
    #[default]
    Json,
    /// Binary frames, each one complete zlib (RFC 1950) stream of the JSON text.
    Zlib,
}

/// A whole WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message. Its bytes may still be bad UTF-8: the machines check them.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
}

/// Why a message could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A binary message on a connection whose encoding is json.
    #[error("a binary message, where the encoding is json")]
    BinaryInJson,
    /// The message, or what it inflates to, is larger than the limit.
    #[error("a message of more than {limit} bytes")]
    TooBig {
        /// The limit in bytes.
        limit: usize,
    },
    /// A binary message that is not one whole zlib stream.
    #[error("not one whole zlib stream")]
    BadZlib,
    /// The text is not UTF-8.
    #[error("not UTF-8")]
    BadUtf8,
    /// The text is not JSON as the protocol has it.
    #[error(transparent)]
    BadJson(#[from] InvalidJson),
}

/// Reads one message: inflates it if it is binary, checks its UTF-8, and checks its JSON.
///
/// `limit` bounds both the message and what it inflates to, in bytes. A zlib connection may send text as well.
///
/// # Errors
/// A [`DecodeError`] that says what was wrong; nothing larger than `limit` was held.
pub fn decode(message: &Message, encoding: Encoding, limit: usize) -> Result<String, DecodeError> {
    let text = text_of(message, encoding, limit)?;
    check_json(&text)?;
    Ok(text)
}

/// Reads one message as [`decode`] does, but for the check of its JSON: for whoever parses all of it next anyway, or trusts
/// who sent it.
///
/// # Errors
/// A [`DecodeError`] that says what was wrong; nothing larger than `limit` was held.
pub fn text_of(message: &Message, encoding: Encoding, limit: usize) -> Result<String, DecodeError> {
    let bytes = match message {
        Message::Text(bytes) | Message::Binary(bytes) if bytes.len() > limit => {
            return Err(DecodeError::TooBig { limit });
        }
        Message::Text(bytes) => bytes.to_vec(),
        Message::Binary(_) if encoding == Encoding::Json => return Err(DecodeError::BinaryInJson),
        Message::Binary(bytes) => inflate(bytes, limit).map_err(|error| match error {
            InflateError::TooBig => DecodeError::TooBig { limit },
            InflateError::NotAStream => DecodeError::BadZlib,
        })?,
    };
    String::from_utf8(bytes).map_err(|_| DecodeError::BadUtf8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Message {
        Message::Text(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn zlib(text: &str) -> Message {
        Message::Binary(deflate(text.as_bytes()).into())
    }

    #[test]
    fn each_fault_has_its_own_error() {
        let json = |message: &Message| decode(message, Encoding::Json, 64);
        assert_eq!(json(&zlib("{}")), Err(DecodeError::BinaryInJson));
        assert_eq!(json(&text(&"1".repeat(65))), Err(DecodeError::TooBig { limit: 64 }));
        assert_eq!(json(&Message::Text(Bytes::from_static(b"\"\xff\""))), Err(DecodeError::BadUtf8));
        assert!(matches!(json(&text("{")), Err(DecodeError::BadJson(_))));

        let inflated = |message: &Message| decode(message, Encoding::Zlib, 4096);
        assert_eq!(inflated(&Message::Binary(Bytes::from_static(b"\x78\x9c\x01"))), Err(DecodeError::BadZlib));
        assert_eq!(inflated(&zlib("{}")).as_deref(), Ok("{}"));
        assert_eq!(inflated(&text("{}")).as_deref(), Ok("{}"));
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = deflate(&vec![b' '; 4 << 20]);
        assert!(bomb.len() < 8192);
        assert_eq!(
            decode(&Message::Binary(bomb.into()), Encoding::Zlib, 8192),
            Err(DecodeError::TooBig { limit: 8192 })
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(payload in json_text()) {
            let dispatch = Dispatch::new(payload.clone());
            for encoding in [Encoding::Json, Encoding::Zlib] {
                prop_assert_eq!(decode(&dispatch.message(encoding), encoding, 1 << 20).unwrap(), payload.clone());
            }
        }

        #[test]
        fn no_bytes_make_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), binary: bool) {
            let bytes = Bytes::from(bytes);
            let message = if binary { Message::Binary(bytes) } else { Message::Text(bytes) };
            let _ = decode(&message, Encoding::Zlib, 200);
        }
    }

    /// JSON objects with nesting, numbers, and strings of any characters.
    fn json_text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".*".prop_map(Into::into),
        ];
        let tree = leaf.prop_recursive(6, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        });
        tree.prop_map(|tree| serde_json::json!({ "t": "X", "d": tree }).to_string())
    }
}
