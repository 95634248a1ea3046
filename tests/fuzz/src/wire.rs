//! What a server may write, read back from the bytes.

use sanmon_core::codec::{Encoding, check_json, inflate};
use sanmon_core::event::Envelope;
use sanmon_core::gateway::{CODES, Close};

/// The most that an event of the gateway itself inflates to here.
const PLENTY: usize = 1 << 16;

/// A frame of the server.
#[derive(Debug)]
pub(crate) enum ServerFrame {
    /// An event.
    Event(Envelope),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong with its payload.
    Pong(Vec<u8>),
}

impl ServerFrame {
    /// Reads one whole frame; panics if it is not what a server may send on a connection of this encoding.
    pub(crate) fn read(frame: &[u8], encoding: Encoding) -> Self {
        let (head, payload) = split(frame);
        match head {
            0x81 => Self::event(payload, encoding, Encoding::Json),
            0x82 => Self::event(&inflate(payload, PLENTY).expect("one whole stream"), encoding, Encoding::Zlib),
            0x89 => Self::Ping(control(payload)),
            0x8a => Self::Pong(control(payload)),
            other => panic!("a frame that begins with {other:x}"),
        }
    }

    fn event(text: &[u8], wanted: Encoding, found: Encoding) -> Self {
        assert_eq!(found, wanted, "an event in another encoding");
        let text = std::str::from_utf8(text).expect("UTF-8");
        check_json(text).expect("JSON as the protocol has it");
        Self::Event(text.parse().expect("an event"))
    }
}

/// Panics if a close can't travel, or says what no code says.
pub(crate) fn assert_close(close: &Close) {
    let frame = close.frame();
    let (head, payload) = split(&frame);
    assert!(head == 0x88 && payload.len() <= 125);
    assert_eq!(payload[..2], close.code.to_be_bytes());
    assert_eq!(&payload[2..], close.reason.as_bytes());
    if close.reason.is_empty() {
        assert!(matches!(close.code, 1000..=1003 | 1007..=1014 | 3000..=4999), "{}", close.code);
    } else {
        let row = CODES.iter().find(|row| row.code == close.code).expect("a code of the table");
        let reason: serde_json::Value = serde_json::from_str(&close.reason).expect("a reason of JSON");
        assert_eq!(reason["r"], row.r);
    }
}

/// The first byte and the payload of a frame without a mask, whose length is written as short as it can be.
fn split(frame: &[u8]) -> (u8, &[u8]) {
    let (head, payload, least) = match *frame {
        [head, len @ 0..=125, ..] => (head, &frame[2..2 + usize::from(len)], 0),
        [head, 126, a, b, ..] => (head, &frame[4..4 + usize::from(u16::from_be_bytes([a, b]))], 126),
        [head, 127, a, b, c, d, e, f, g, h, ..] => {
            let len = usize::try_from(u64::from_be_bytes([a, b, c, d, e, f, g, h])).expect("a length");
            (head, &frame[10..10 + len], 0x1_0000)
        }
        _ => panic!("no frame of a server: {frame:x?}"),
    };
    assert!(payload.len() >= least, "a length that is longer than it must be");
    assert!(frame.ends_with(payload) && frame.len() - payload.len() <= 10, "bytes behind the frame");
    (head, payload)
}

fn control(payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() <= 125);
    payload.to_vec()
}
