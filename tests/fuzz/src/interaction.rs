//! The interactions' door: any body, signed by a key that may sign, by one that may not, or tampered with.

use std::time::Duration;

use sanmon_core::codec::check_json;
use sanmon_core::id::Id;
use sanmon_core::interaction::model::{AnyInteraction, InteractionKind};
use sanmon_core::interaction::{
    Accepted, Answer, ApplicationKey, Config, Head, Keypair, Rejection, Request, Server, SignatureFault,
};
use sanmon_core::time::UnixMillis;
use serde_json::Value;

use crate::json;

/// The application of the vectors, so that mutations of them get past the check of whose they are.
const APPLICATION: u64 = 1_180_000_000_000_000_001;
/// The limit of a body. Small, so that inputs on both sides of it are short.
const LIMIT: usize = 8192;
/// When the requests come, in seconds.
const NOW: u64 = 1_700_000_000;

/// What is wrong with a request beside its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgery {
    /// Nothing.
    None,
    /// Another key made the signature.
    OtherKey,
    /// A bit of the signature is another.
    Signature,
    /// A bit of the body was changed after it was signed.
    Body,
    /// The timestamp was changed after it was signed.
    Timestamp,
    /// Its first digit moved to the front of the body: the bytes that are signed stay the same.
    Moved,
    /// It was signed long ago.
    Old,
}

/// Takes the first byte as what is wrong beside the body, the second as where, and the rest as the body.
pub fn run(input: &[u8]) {
    let [how, place, body @ ..] = input else { return };
    let forgery = match how & 7 {
        1 => Forgery::OtherKey,
        2 => Forgery::Signature,
        3 => Forgery::Body,
        4 => Forgery::Timestamp,
        5 => Forgery::Moved,
        6 => Forgery::Old,
        _ => Forgery::None,
    };
    let pair = |seed| Keypair::from_seed([seed; 32]).expect("a seed that is not zero");
    let id = Id::new(APPLICATION).expect("an id");
    let key = ApplicationKey::new(id, pair(7).public_key()).expect("a key");
    let server = Server::new(Config { keys: vec![key], max_body_bytes: LIMIT, max_age: Some(Duration::from_secs(60)) });

    let seconds = if forgery == Forgery::Old { NOW - 61 } else { NOW }.to_string();
    let signer = if forgery == Forgery::OtherKey { pair(9) } else { pair(7) };
    let mut signature = signer.sign(seconds.as_bytes(), body);
    let (mut timestamp, mut body) = (seconds.into_bytes(), body.to_vec());
    let place = usize::from(*place);
    match forgery {
        Forgery::Signature => signature[place % 64] ^= 1 << (how >> 5),
        Forgery::Body if body.is_empty() => body.push(*how),
        Forgery::Body => {
            let place = place % body.len();
            body[place] ^= 1 << (how >> 5);
        }
        Forgery::Timestamp => {
            let place = place % timestamp.len();
            timestamp[place] = b'0' + (timestamp[place] - b'0' + 1) % 10;
        }
        Forgery::Moved => body.insert(0, timestamp.pop().expect("a digit")),
        Forgery::None | Forgery::OtherKey | Forgery::Old => {}
    }
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let head = Head {
        method: "POST",
        application: (how & 8 == 0).then_some(id),
        content_type: Some(b"application/json"),
        signature: Some(hex.as_bytes()),
        timestamp: Some(&timestamp),
    };
    let now = UnixMillis::from_millis(NOW * 1000);
    let request = Request { head, body: &body };
    let outcome = server.accept(now, request);
    match (forgery, body.len()) {
        (_, len) if len > LIMIT => assert_eq!(outcome, Err(Rejection::TooLarge { limit: LIMIT })),
        (_, 0) => assert_eq!(outcome, Err(Rejection::Empty)),
        (Forgery::None, _) => verified(&server, now, request, outcome),
        (Forgery::Old, _) => assert_eq!(outcome, Err(Rejection::Signature(SignatureFault::Stale))),
        // The body may be anything at all, and nobody has looked at it. A moved digit makes another time, too, but the
        // same bytes under the signature: that it holds is seen before that it is old.
        (Forgery::Moved, _) => assert_eq!(outcome, Err(Rejection::Signature(SignatureFault::Stale))),
        _ => assert_eq!(outcome, Err(Rejection::Signature(SignatureFault::Wrong))),
    }
}

/// A body whose signature holds: what becomes of it follows from what it is.
fn verified(server: &Server, now: UnixMillis, request: Request<'_>, outcome: Result<Accepted, Rejection>) {
    let json = std::str::from_utf8(request.body).ok().and_then(json::value);
    match (&outcome, &json) {
        (Err(Rejection::Json(_)), None) => {}
        (other, None) => panic!("{other:?} for what is no JSON"),
        (Err(Rejection::Json(_)), Some(value)) => {
            // An integer that fits no type of the model's is told by its text, so 1.0 is none.
            assert!(!value["type"].is_i64() || repeats_a_name(request.body));
        }
        (Err(Rejection::NoType), Some(value)) => assert!(value.get("type").is_none()),
        (Err(Rejection::UnknownType(_)), Some(value)) => {
            assert!(value["type"].as_i64().is_none_or(|kind| !(1..=5).contains(&kind)));
        }
        (Err(Rejection::Signature(SignatureFault::OtherApplication)), Some(value)) => {
            assert!(value.get("application_id").is_some_and(|id| !is_id(id, APPLICATION)));
        }
        (Err(Rejection::Shape(why)), Some(value)) => {
            assert!(!why.is_empty() && value["type"].as_i64().is_some_and(|kind| (2..=5).contains(&kind)));
        }
        (Ok(Accepted::Answered(answer)), Some(value)) => {
            assert_eq!((answer.status(), &value["type"]), (200, &Value::from(1)));
        }
        (Ok(Accepted::Asked(_, interaction)), Some(value)) => {
            asked(interaction, value, request.body);
            return duplicates(server, now, request, &outcome);
        }
        (other, Some(_)) => panic!("{other:?} for the first of its id"),
    }
    // The signature has served, whatever became of the body.
    let again = server.accept(now, request);
    assert_eq!(again, Err(Rejection::Signature(SignatureFault::Seen)));
}

/// An interaction that was read says all that the body says.
fn asked(interaction: &AnyInteraction, value: &Value, body: &[u8]) {
    assert_eq!(value["type"].as_i64(), Some(interaction.kind().code()));
    assert!(is_id(&value["application_id"], APPLICATION));
    let text = serde_json::to_string(interaction).expect("an interaction has a JSON form");
    check_json(&text).expect("JSON as the protocol has it");
    let written = json::value(&text).expect("JSON");
    assert!(same(value, &written), "{} became {text}", String::from_utf8_lossy(body));
    let kind = InteractionKind::from(interaction.kind().code());
    let again = AnyInteraction::parse(kind, &text).expect("a kind that listeners answer");
    assert_eq!(&again.expect("what was written can be read"), interaction);
}

/// The same interaction under another signature waits for the first one's answer, then gets it.
fn duplicates(server: &Server, now: UnixMillis, request: Request<'_>, first: &Result<Accepted, Rejection>) {
    let Ok(Accepted::Asked(ticket, _)) = first else { return };
    let timestamp = (NOW + 1).to_string();
    let pair = Keypair::from_seed([7; 32]).expect("a seed that is not zero");
    let signature = pair.sign_hex(timestamp.as_bytes(), request.body);
    let head = Head { signature: Some(signature.as_bytes()), timestamp: Some(timestamp.as_bytes()), ..request.head };
    assert_eq!(server.accept(now, Request { head, ..request }), Ok(Accepted::Waiting(*ticket)));
    server.handle_answered(now, *ticket, Answer::ByCallback);
    assert_eq!(server.answer(*ticket), Some(Answer::ByCallback));
}

/// Whether what was written says what was read. Ids come as numbers or strings and go as strings; a set of bits goes
/// without leading zeros. All else, what the model does not know above all, goes as it came.
fn same(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            read.len() == written.len()
                && read.iter().all(|(name, read)| written.get(name).is_some_and(|written| same(read, written)))
        }
        (Value::Array(read), Value::Array(written)) => {
            read.len() == written.len() && read.iter().zip(written).all(|(read, written)| same(read, written))
        }
        (Value::Number(read), Value::String(written)) => read.to_string() == *written,
        (Value::String(read), Value::String(written)) if read != written => {
            let digits = |text: &str| text.strip_prefix('+').unwrap_or(text).trim_start_matches('0').to_owned();
            digits(read) == digits(written) || (digits(read).is_empty() && written == "0")
        }
        (read, written) => read == written,
    }
}

fn is_id(value: &Value, id: u64) -> bool {
    value.as_u64() == Some(id) || value.as_str().is_some_and(|text| text.parse() == Ok(id))
}

/// Whether an object has a field twice; the first that the door looks at decides, and a value keeps the last.
fn repeats_a_name(body: &[u8]) -> bool {
    let text = std::str::from_utf8(body).unwrap_or_default();
    json::Fields::read(text).is_some_and(|fields| fields.0.iter().any(|(name, _)| fields.count(name) > 1))
}
