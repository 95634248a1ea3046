//! The events that are published.

use serde_json::{Value, json};

use crate::generator::Request;

/// An event's text on the wire, of this many bytes, with an `s` of today's length.
pub(crate) fn text(bytes: usize) -> String {
    framed(&filler(bytes - framed("").len()))
}

/// A request to publish as many events as there are audiences, each of this many bytes and for so many readers.
pub(crate) fn request(audiences: &[Value], bytes: usize, readers: usize) -> Request {
    let x = filler(bytes - framed("").len());
    let event = |to: &Value| json!({ "to": to, "t": "BENCH", "d": { "x": x } });
    let events: Vec<Value> = audiences.iter().map(event).collect();
    Request {
        events: events.len() as u64,
        deliveries: (events.len() * readers) as u64,
        body: json!({ "events": events }).to_string(),
    }
}

/// The same for a server that hands on what it is given.
pub(crate) fn raw_request(events: usize, bytes: usize, readers: usize) -> Request {
    Request { events: events as u64, deliveries: (events * readers) as u64, body: text(bytes) }
}

fn framed(filler: &str) -> String {
    json!({ "t": "BENCH", "s": 891_234_567_890_123_u64, "d": { "x": filler } }).to_string()
}

/// Something like prose: words recur, as they do in what people write, but not every few bytes.
fn filler(bytes: usize) -> String {
    let words = [
        "tea", "kettle", "and", "the", "garden", "of", "somebody", "whom", "we", "know", "went", "over", "a", "hill",
        "to", "see", "what", "he", "could", "there", "was", "another", "side", "in", "spring", "when", "rain", "falls",
    ];
    let mut text = String::new();
    let mut random = 88_172_645_463_325_252_u64;
    while text.len() < bytes {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        text.push_str(words[random as usize % words.len()]);
        text.push(' ');
    }
    text.truncate(bytes);
    text
}
