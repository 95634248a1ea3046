//! Identify: any bytes as the first message of a connection, judged by another reading of section 3.

use std::sync::Arc;

use bytes::Bytes;
use sanmon_core::codec::{Encoding, Message};
use sanmon_core::gateway::{Limits, Session, SessionOutput};
use sanmon_core::time::Moment;

use crate::json::{self, Fields};
use crate::wire;

/// When the message comes.
const NOW: Moment = Moment::from_millis(1000);

/// What becomes of a first message.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The driver is asked who this is; events will travel like this.
    Asked(String, Encoding),
    /// The connection is closed with this code.
    Closed(u16),
}

/// Takes the first bit of the input as the kind of the message and the rest as its bytes.
pub fn run(input: &[u8]) {
    let Some((how, bytes)) = input.split_first() else { return };
    let limits = Arc::new(Limits::default());
    let bytes = Bytes::copy_from_slice(bytes);
    let is_text = how & 1 == 0;
    let expected = if is_text { fate_of(&bytes, limits.max_message_bytes) } else { fate_of_binary(&bytes, &limits) };
    let message = if is_text { Message::Text(bytes) } else { Message::Binary(bytes) };

    let mut session = Session::new(NOW, limits, 7);
    session.handle_bytes(NOW);
    session.handle_message(NOW, &message, None);
    let outputs: Vec<SessionOutput> = std::iter::from_fn(|| session.poll_output()).collect();
    let fate = match &outputs[..] {
        [SessionOutput::Authenticate { session_id }] => Fate::Asked(session_id.clone(), session.encoding()),
        [SessionOutput::Close(close)] => {
            wire::assert_close(close);
            assert!(session.is_closed() && session.deadline().is_none());
            Fate::Closed(close.code)
        }
        other => panic!("one answer to one message: {other:?}"),
    };
    assert_eq!(fate, expected);
    assert!(session.user().is_none(), "known before anyone said who it is");
}

/// Nothing says yet that the connection's encoding is zlib.
fn fate_of_binary(bytes: &[u8], limits: &Limits) -> Fate {
    Fate::Closed(if bytes.len() > limits.max_message_bytes { 1009 } else { 4001 })
}

fn fate_of(bytes: &[u8], limit: usize) -> Fate {
    if bytes.len() > limit {
        return Fate::Closed(1009);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Fate::Closed(1007) };
    if json::value(text).is_none() {
        return Fate::Closed(4001);
    }
    let Some(fields) = Fields::read(text) else { return Fate::Closed(4001) };
    let names = ["t", "d", "session_id", "encoding", "seq"];
    if names.iter().any(|name| fields.count(name) > 1) {
        return Fate::Closed(4001);
    }
    if fields.value("t").is_some() {
        return Fate::Closed(4005);
    }
    let session_id = match fields.value("session_id") {
        Some(serde_json::Value::String(secret)) if !secret.is_empty() => secret,
        _ => return Fate::Closed(4002),
    };
    let encoding = match fields.value("encoding") {
        None => Encoding::Json,
        Some(encoding) if encoding == "json" => Encoding::Json,
        Some(encoding) if encoding == "zlib" => Encoding::Zlib,
        Some(_) => return Fate::Closed(4004),
    };
    match fields.value("seq") {
        None => Fate::Asked(session_id, encoding),
        Some(seq) if seq.is_u64() => Fate::Asked(session_id, encoding),
        Some(_) => Fate::Closed(4001),
    }
}
