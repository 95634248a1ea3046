//! An event that is encoded once, whatever the number of its receivers.

use std::sync::OnceLock;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Deflater, Encoding, Message, zlib};

/// An event as the bytes that sockets take: the WebSocket frame, header included, in either encoding.
///
/// Server frames carry no mask, so one buffer serves every receiver. zlib is made when first asked for, once.
#[derive(Debug)]
pub struct Dispatch {
    json: Bytes,
    header_len: usize,
    zlib: OnceLock<Bytes>,
}

/// The kinds of WebSocket frames that this crate builds (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// A whole text message.
    Text = 1,
    /// A whole binary message.
    Binary = 2,
    /// The end of the connection, with a code and a reason.
    Close = 8,
    /// A question whether the peer is there.
    Ping = 9,
    /// The answer to a ping, with the same payload.
    Pong = 10,
}

/// Builds one whole unmasked WebSocket frame, as servers send them.
pub fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(0x80 | opcode as u8);
    match payload.len() {
        len @ 0..=125 => frame.put_u8(len as u8),
        len @ 126..=0xFFFF => {
            frame.put_u8(126);
            frame.put_u16(len as u16);
        }
        len => {
            frame.put_u8(127);
            frame.put_u64(len as u64);
        }
    }
    frame.put_slice(payload);
    frame.freeze()
}

impl Dispatch {
    /// An event whose JSON text is `json`.
    pub fn new(json: impl AsRef<str>) -> Self {
        let json = json.as_ref();
        let whole = frame(Opcode::Text, json.as_bytes());
        Self { header_len: whole.len() - json.len(), json: whole, zlib: OnceLock::new() }
    }

    /// The event's JSON text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.json[self.header_len..]).expect("made from a str")
    }

    /// The event as one whole WebSocket frame in this encoding.
    pub fn frame(&self, encoding: Encoding) -> &Bytes {
        match encoding {
            Encoding::Json => &self.json,
            Encoding::Zlib => self.zlib.get_or_init(|| frame(Opcode::Binary, &zlib::deflate(self.text().as_bytes()))),
        }
    }

    /// Makes the event's zlib, unless it is there: whether this call made it. Of several at the same time one makes it, and the
    /// others wait for that one.
    pub fn compress(&self, deflater: &mut Deflater) -> bool {
        let mut is_made = false;
        self.zlib.get_or_init(|| {
            is_made = true;
            frame(Opcode::Binary, deflater.deflate(self.text().as_bytes()))
        });
        is_made
    }

    /// Whether anyone asked for this event in zlib yet.
    pub fn is_compressed(&self) -> bool {
        self.zlib.get().is_some()
    }

    /// The event as the message that a receiver with this encoding sees.
    pub fn message(&self, encoding: Encoding) -> Message {
        match encoding {
            Encoding::Json => Message::Text(self.json.slice(self.header_len..)),
            Encoding::Zlib => {
                let whole = self.frame(encoding);
                Message::Binary(whole.slice(header_len(whole)..))
            }
        }
    }
}

/// The length of the header of an unmasked frame, which its second byte tells.
fn header_len(frame: &[u8]) -> usize {
    match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_short_as_rfc_6455_wants() {
        for (len, header) in [(0, 2), (125, 2), (126, 4), (0xFFFF, 4), (0x1_0000, 10)] {
            assert_eq!(frame(Opcode::Text, &vec![b'x'; len]).len(), len + header, "{len}");
        }
        assert_eq!(&frame(Opcode::Text, b"hi")[..], b"\x81\x02hi");
    }

    #[test]
    fn zlib_is_made_once_and_only_when_asked_for() {
        let dispatch = Dispatch::new("{\"t\":\"X\"}");
        assert!(!dispatch.is_compressed());
        let mut deflater = Deflater::default();
        assert!(dispatch.compress(&mut deflater));
        assert!(!dispatch.compress(&mut deflater) && dispatch.is_compressed());
        let first = dispatch.frame(Encoding::Zlib).as_ptr();
        assert_eq!(first, dispatch.frame(Encoding::Zlib).as_ptr());
        assert_eq!(dispatch.text(), "{\"t\":\"X\"}");
    }
}
