//! The decoder: any bytes as a message, judged by another reading of the same rules.

use bytes::Bytes;
use sanmon_core::codec::{DecodeError, Dispatch, Encoding, Message, check_json, decode, deflate};
use sanmon_core::event::Envelope;
use sanmon_core::gateway::Incoming;

use crate::json;

/// The limit of a message. Small, so that inputs on both sides of it are short.
const LIMIT: usize = 1024;

/// Takes the first bit of the input as the kind of the message, the next as the encoding, and the rest as its bytes.
pub fn run(input: &[u8]) {
    let Some((how, bytes)) = input.split_first() else { return };
    let encoding = if how & 2 == 0 { Encoding::Json } else { Encoding::Zlib };
    let bytes = Bytes::copy_from_slice(bytes);
    match how & 1 {
        0 => text(&bytes, encoding),
        _ => binary(&bytes, encoding),
    }
}

/// A message of text is exactly what the oracle says it is.
fn text(bytes: &Bytes, encoding: Encoding) {
    let decoded = decode(&Message::Text(bytes.clone()), encoding, LIMIT);
    let Ok(text) = std::str::from_utf8(bytes) else {
        let is_long = bytes.len() > LIMIT;
        let fault = if is_long { DecodeError::TooBig { limit: LIMIT } } else { DecodeError::BadUtf8 };
        return assert_eq!(decoded, Err(fault));
    };
    match decoded {
        Ok(decoded) => {
            assert_eq!(decoded, text);
            assert!(json::value(text).is_some(), "the door let pass what is no JSON");
            passes(text);
        }
        Err(DecodeError::TooBig { .. }) => assert!(text.len() > LIMIT),
        Err(DecodeError::BadJson(_)) => assert!(json::value(text).is_none(), "the door refused JSON"),
        Err(other) => panic!("a text refused for what it is not: {other}"),
    }
}

/// A binary message is taken in one encoding alone, and never inflates past the limit.
fn binary(bytes: &Bytes, encoding: Encoding) {
    let decoded = decode(&Message::Binary(bytes.clone()), encoding, LIMIT);
    if bytes.len() > LIMIT {
        return assert_eq!(decoded, Err(DecodeError::TooBig { limit: LIMIT }));
    }
    match decoded {
        Err(error) => assert_eq!(error == DecodeError::BinaryInJson, encoding == Encoding::Json),
        Ok(text) => {
            assert!(encoding == Encoding::Zlib && text.len() <= LIMIT);
            assert!(check_json(&text).is_ok());
            passes(&text);
        }
    }
}

/// What has passed the door: it travels in both encodings, and an event of it is written as it was read.
fn passes(text: &str) {
    let dispatch = Dispatch::new(text);
    for encoding in [Encoding::Json, Encoding::Zlib] {
        let limit = text.len().max(deflate(text.as_bytes()).len());
        assert_eq!(decode(&dispatch.message(encoding), encoding, limit).as_deref(), Ok(text));
    }
    let Ok(envelope) = text.parse::<Envelope>() else { return };
    let written = envelope.to_json();
    assert!(check_json(&written).is_ok(), "an event that is no JSON any more: {written}");
    let again: Envelope = written.parse().expect("what was written can be read");
    assert_eq!(again.to_json(), written);
    assert_eq!((again.t(), again.s()), (envelope.t(), envelope.s()));
    if let Ok(event) = envelope.event() {
        assert_eq!(event.name(), envelope.t().as_str());
    }
    if let Ok(incoming) = Incoming::split(envelope) {
        assert_eq!(incoming.s, incoming.payload.s());
    }
}
