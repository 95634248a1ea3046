//! What a client's message asks for, read from its text.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::super::close::{Close, Code};
use crate::codec::{DecodeError, Encoding};
use crate::event::{Presence, Seq};

/// The first message of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identify {
    pub(super) session_id: String,
    pub(super) encoding: Encoding,
    pub(super) seq: Option<Seq>,
}

/// A message of a client that has identified.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// Answer with a PONG that has the same `d`, to the letter.
    Ping(Option<Box<RawValue>>),
    /// Show the user like this.
    Presence(Box<Presence>),
}

/// The fields that any message may have. `d` keeps the difference between `null` and nothing; elsewhere there is none.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    t: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    d: Option<&'a RawValue>,
    #[serde(borrow, default)]
    session_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encoding: Option<&'a RawValue>,
    #[serde(borrow, default)]
    seq: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl Identify {
    /// Reads the first message. `text` has passed the door.
    pub(super) fn read(text: &str) -> Result<Self, Close> {
        let fields = fields(text)?;
        if fields.t.is_some() {
            return Err(Close::because(Code::NotIdentified, "identify first: a message with session_id and no t"));
        }
        let session_id = fields.session_id.and_then(string).filter(|secret| !secret.is_empty());
        let session_id = session_id.ok_or_else(|| Close::because(Code::NoSession, "session_id must be a string"))?;
        let encoding = match fields.encoding {
            None => Encoding::default(),
            Some(encoding) => serde_json::from_str(encoding.get())
                .map_err(|_| Close::because(Code::UnknownEncoding, "encoding must be json or zlib"))?,
        };
        let seq = match fields.seq {
            None => None,
            Some(seq) => Some(serde_json::from_str(seq.get()).map_err(|_| bad("seq must be a whole number"))?),
        };
        Ok(Self { session_id, encoding, seq })
    }
}

impl Request {
    /// Reads a message after the first. `text` has passed the door.
    pub(super) fn read(text: &str) -> Result<Self, Close> {
        let fields = fields(text)?;
        let t = match fields.t {
            Some(t) => string(t).ok_or_else(|| bad("t must be a string"))?,
            None if fields.session_id.is_some() => return Err(Close::new(Code::IdentifiedTwice)),
            None => return Err(bad("no t")),
        };
        match t.as_str() {
            "PING" => Ok(Self::Ping(fields.d.map(ToOwned::to_owned))),
            "PRESENCE_UPDATE" => {
                let d = fields.d.map_or("null", RawValue::get);
                if !d.starts_with('{') {
                    return Err(bad("PRESENCE_UPDATE: d must be an object"));
                }
                let presence = serde_json::from_str(d).map_err(|error| bad(&format!("PRESENCE_UPDATE: {error}")))?;
                Ok(Self::Presence(presence))
            }
            // What is no name may be anything that the client keeps to itself, and clients log why they were closed.
            _ if !t.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => {
                Err(bad("clients do not send this t"))
            }
            _ => Err(bad(&format!("clients do not send t {t}"))),
        }
    }
}

/// The close that an unreadable message earns.
pub(super) fn undecodable(error: &DecodeError) -> Close {
    match error {
        DecodeError::TooBig { .. } => Close::because(Code::TooBig, &error.to_string()),
        DecodeError::BadUtf8 => Close::new(Code::BadUtf8),
        DecodeError::BinaryInJson | DecodeError::BadZlib | DecodeError::BadJson(_) => bad(&error.to_string()),
    }
}

fn bad(detail: &str) -> Close {
    Close::because(Code::BadMessage, detail)
}

fn fields(text: &str) -> Result<Fields<'_>, Close> {
    // serde reads an array as the fields of a struct in their order; the protocol does not.
    if !text.trim_start().starts_with('{') {
        return Err(bad("not a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| bad(&error.to_string()))
}

fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identify_needs_no_more_than_its_session() {
        let identify = Identify::read(r#"{"session_id":"a\"b","later":[1]}"#).unwrap();
        assert_eq!(identify, Identify { session_id: "a\"b".into(), encoding: Encoding::Json, seq: None });
        let all = r#"{"v":1,"seq":7,"encoding":"zlib","session_id":"x","t":null}"#;
        let identify = Identify::read(all).unwrap();
        assert_eq!((identify.encoding, identify.seq), (Encoding::Zlib, Some(Seq::new(7))));
        assert!(Identify::read(r#" {"session_id":"x","encoding":null,"seq":null}"#).is_ok());
    }

    #[test]
    fn a_d_of_null_is_not_the_same_as_none() {
        let ping = |text| match Request::read(text).unwrap() {
            Request::Ping(d) => d.map(|d| d.get().to_owned()),
            Request::Presence(_) => panic!("no ping"),
        };
        assert_eq!(ping(r#"{"t":"PING"}"#), None);
        assert_eq!(ping(r#"{"t":"PING","d":null}"#).as_deref(), Some("null"));
        assert_eq!(ping(r#"{"\u0074":"PING","d":{"z":1.50, "a":[] }}"#).as_deref(), Some(r#"{"z":1.50, "a":[] }"#));
    }

    #[test]
    fn a_presence_of_the_wrong_shape_is_refused() {
        for d in
            ["", ",\"d\":null", ",\"d\":[1]", ",\"d\":{}", ",\"d\":{\"type\":5}", ",\"d\":{\"type\":1,\"emoji\":{}}"]
        {
            let close = Request::read(&format!(r#"{{"t":"PRESENCE_UPDATE"{d}}}"#)).unwrap_err();
            assert_eq!(close.code, 4001, "{d}");
        }
    }
}
