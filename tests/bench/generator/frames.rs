//! Counting a server's WebSocket frames by their headers, wherever reads happen to cut them.

/// The last of the opcodes that carry messages.
const LAST_OF_DATA: u8 = 7;
/// The opcode of a ping.
const PING: u8 = 9;
/// The opcode of a close.
const CLOSE: u8 = 8;

/// Reads headers and skips payloads. Servers mask nothing.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; 10],
    head_len: usize,
    opcode: u8,
    payload_left: u64,
    is_in_payload: bool,
    /// Whole messages: data frames that are the last of theirs.
    pub(super) messages: u64,
    /// Bytes of data frames' payloads.
    pub(super) payload: u64,
    /// Payloads of pings that nobody has answered yet; one at a time is usual.
    ping: Vec<u8>,
    pub(super) pings: Vec<Vec<u8>>,
    pub(super) is_closed: bool,
}

impl Frames {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.is_in_payload {
                let take = (bytes.len() as u64).min(self.payload_left) as usize;
                self.skip(&bytes[..take]);
                bytes = &bytes[take..];
                continue;
            }
            self.head[self.head_len] = bytes[0];
            self.head_len += 1;
            bytes = &bytes[1..];
            let Some(length) = self.length() else { continue };
            self.opcode = self.head[0] & 15;
            self.head_len = 0;
            self.payload_left = length;
            self.is_in_payload = true;
            // What has no payload ends here, and no byte of it will come.
            self.skip(&[]);
        }
    }

    /// The payload's length, once the header is whole.
    fn length(&self) -> Option<u64> {
        match self.head[..self.head_len] {
            [_, length @ 0..126] => Some(length.into()),
            [_, 126, high, low] => Some(u16::from_be_bytes([high, low]).into()),
            [_, 127, a, b, c, d, e, f, g, h] => Some(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            _ => None,
        }
    }

    fn skip(&mut self, part: &[u8]) {
        self.payload_left -= part.len() as u64;
        match self.opcode {
            0..=LAST_OF_DATA => self.payload += part.len() as u64,
            PING => self.ping.extend_from_slice(part),
            _ => {}
        }
        if self.payload_left > 0 {
            return;
        }
        self.is_in_payload = false;
        match self.opcode {
            0..=LAST_OF_DATA => self.messages += u64::from(self.head[0] & 0x80 != 0),
            PING => self.pings.push(std::mem::take(&mut self.ping)),
            CLOSE => self.is_closed = true,
            _ => {}
        }
    }
}
