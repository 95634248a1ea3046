//! WebSocket frames of a server, cut out of the bytes as they arrive.

use bytes::Bytes;
use sanmon_core::codec::Message;

/// What travels on a connection, whole.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Message(Message),
    Ping,
    Pong,
    Close(Option<u16>, String),
}

/// Bytes of frames that are not whole yet.
#[derive(Debug, Default)]
pub(crate) struct Frames(Vec<u8>);

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// The next whole frame.
    pub(crate) fn pop(&mut self) -> Option<Packet> {
        let [opcode, short, rest @ ..] = &self.0[..] else { return None };
        let (header, len) = match (short, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (126, _) => return None,
            (127, _) => panic!("no frame of this world is that long"),
            (len, _) => (2, usize::from(*len)),
        };
        let payload = Bytes::copy_from_slice(self.0.get(header..header + len)?);
        let opcode = *opcode;
        self.0.drain(..header + len);
        Some(match opcode {
            0x81 => Packet::Message(Message::Text(payload)),
            0x82 => Packet::Message(Message::Binary(payload)),
            0x88 => match payload[..] {
                [high, low, ref reason @ ..] => {
                    let reason = std::str::from_utf8(reason).expect("a reason is text");
                    Packet::Close(Some(u16::from_be_bytes([high, low])), reason.to_owned())
                }
                _ => Packet::Close(None, String::new()),
            },
            0x89 => Packet::Ping,
            0x8A => Packet::Pong,
            _ => panic!("a frame that begins with {opcode:#x}"),
        })
    }
}
