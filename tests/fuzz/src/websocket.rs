//! The server's reading of WebSocket frames: any bytes, cut anywhere, judged by tungstenite.

use std::io::{self, Cursor, Read, Write};

use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use crate::hub::websocket::{Inbound, Incoming, ReadFault};

/// The limit of a message. Small, so that inputs on both sides of it are short.
const LIMIT: usize = 300;
/// The most bytes of a run.
const LONGEST: usize = 8192;

/// What became of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    messages: Vec<Incoming>,
    /// What ended it, if its own end did not.
    fault: Option<ReadFault>,
}

/// Takes the first byte as how the rest is cut, the second as whether it is masked here, and the rest as a client's bytes.
pub fn run(input: &[u8]) {
    let [cut, how, stream @ ..] = input else { return };
    if stream.len() > LONGEST {
        return;
    }
    let whole = read(stream, stream.len().max(1));
    let octets = read(stream, 1);
    let pieces = read(stream, usize::from(*cut).max(1));
    assert_eq!(whole, pieces, "cut every {cut} bytes");
    assert_eq!(whole, octets, "cut into octets");
    judge(stream, &whole);
    if how & 1 == 1 {
        // Most bytes are no UTF-8 once they are unmasked: the same stream, as if no mask had been laid on it.
        let plain = unmasked(stream);
        judge(&plain, &read(&plain, 7));
    }
}

/// Reads a stream that arrives in pieces of `size` bytes.
fn read(stream: &[u8], size: usize) -> Outcome {
    let (mut inbound, mut messages) = (Inbound::default(), Vec::new());
    for piece in stream.chunks(size) {
        let mut piece = piece.to_vec();
        let mut reader = inbound.read(&mut piece, LIMIT);
        loop {
            match reader.next() {
                Ok(Some(Incoming::Close(code))) => {
                    messages.push(Incoming::Close(code));
                    return Outcome { messages, fault: None };
                }
                Ok(Some(incoming)) => messages.push(incoming),
                Ok(None) => break,
                Err(fault) => return Outcome { messages, fault: Some(fault) },
            }
        }
    }
    Outcome { messages, fault: None }
}

/// Holds an outcome against what another implementation makes of the same bytes.
fn judge(stream: &[u8], Outcome { messages, fault }: &Outcome) {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let mut other = WebSocket::from_raw_socket(OneWay(Cursor::new(stream)), Role::Server, Some(config));
    for ours in messages {
        match (ours, other.read()) {
            (Incoming::Text(ours), Ok(Message::Text(theirs))) => assert_eq!(ours, theirs.as_bytes()),
            // It looks at a text's UTF-8 here, we do where its JSON is read.
            (Incoming::Text(ours), Err(Error::Utf8(_))) => {
                assert!(std::str::from_utf8(ours).is_err());
                return;
            }
            (Incoming::Binary(ours), Ok(Message::Binary(theirs))) => assert_eq!(ours, &theirs),
            (Incoming::Ping(ours), Ok(Message::Ping(theirs))) => assert_eq!(ours, &theirs),
            (Incoming::Pong, Ok(Message::Pong(_))) => {}
            (Incoming::Close(ours), Ok(Message::Close(theirs))) => {
                let theirs = theirs.map(|close| close.code);
                // It answers codes that it does not know by 1002 itself, and does not know 1014.
                assert!(theirs == ours.map(CloseCode::from) || theirs == Some(CloseCode::Protocol));
                return;
            }
            (ours, theirs) => panic!("{ours:?} where tungstenite has {theirs:?}"),
        }
    }
    let theirs = other.read();
    match fault {
        Some(ReadFault::Protocol("a length in more octets than it needs")) => {}
        // It goes by the length alone, and lets a short one pass however many octets say it.
        Some(ReadFault::Protocol("a control frame of more than 125 bytes")) => assert!(
            matches!(theirs, Err(_) | Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))),
            "a long control frame where tungstenite has {theirs:?}"
        ),
        Some(ReadFault::Protocol("a close code that may not be sent")) => {
            // Or it is the reason that it minds, which it reads first.
            assert!(
                theirs.is_err()
                    || matches!(theirs, Ok(Message::Close(Some(close))) if close.code == CloseCode::Protocol)
            );
        }
        // A frame that ends before its end is a fault to us as soon as its head is one.
        Some(_) => assert!(theirs.is_err(), "{fault:?} where tungstenite has {theirs:?}"),
        None => assert!(theirs.is_err(), "the end where tungstenite has {theirs:?}"),
    }
}

/// The stream with every mask set to zeros and every payload as it was.
fn unmasked(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    let mut at = 0;
    while let Some([_, second]) = stream.get(at..at + 2) {
        let (len, wide) = match second & 0x7f {
            126 => (stream.get(at + 2..at + 4).map(|len| u64::from(u16::from_be_bytes([len[0], len[1]]))), 2),
            127 => (None, 8),
            len => (Some(u64::from(len)), 0),
        };
        let (Some(len), true) = (len, second & 0x80 != 0) else { break };
        let mask = at + 2 + wide;
        let Some(found) = stream.get_mut(mask..mask + 4) else { break };
        found.fill(0);
        at = mask + 4 + usize::try_from(len).unwrap_or(LONGEST);
    }
    stream
}

/// A stream that is read, and whose other direction leads nowhere.
struct OneWay<'a>(Cursor<&'a [u8]>);

impl Read for OneWay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for OneWay<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
