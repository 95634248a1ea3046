//! The server's end of RFC 6455: what came in as bytes goes on as whole messages.
//!
//! There is no read buffer per connection. A thread reads into its own scratch buffer and frames are parsed where they
//! lie; only what is still incomplete at its end is kept with the connection.

use std::io::Cursor;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

/// The longest payload of a control frame (RFC 6455, section 5.5).
const MAX_CONTROL_BYTES: u64 = 125;

/// What a client sent, whole and unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// A text message; its UTF-8 is not checked yet.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping with its payload.
    Ping(Bytes),
    /// A pong; nothing needs its payload.
    Pong,
    /// The client ends the connection, with this code if it gave one.
    Close(Option<u16>),
}

/// Why a client's bytes can't be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadFault {
    /// They break RFC 6455.
    #[error("{0}")]
    Protocol(&'static str),
    /// The reason of a close is not UTF-8.
    #[error("a close reason that is not UTF-8")]
    BadUtf8,
    /// A message is larger than the limit.
    #[error("a message that is too big")]
    TooBig,
}

/// What a connection keeps of incomplete input: nothing, mostly.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    rest: Option<Box<Rest>>,
}

#[derive(Debug, Default)]
struct Rest {
    /// The bytes of a frame that is not whole yet: less than one header and one message of the largest size.
    frame: Vec<u8>,
    /// The fragments so far of a message that is not whole yet.
    message: Option<Fragments>,
}

#[derive(Debug)]
struct Fragments {
    kind: Data,
    bytes: Vec<u8>,
}

impl Inbound {
    /// Starts to read `input`, which follows what was given before. `limit` bounds a message in bytes.
    ///
    /// The reader must be read until it answers `None` or a fault; after a fault nothing more can be read.
    pub(super) fn read<'a>(&'a mut self, input: &'a mut [u8], limit: usize) -> Reader<'a> {
        let mut message = None;
        let mut kept = None;
        if let Some(rest) = self.rest.take() {
            message = rest.message;
            if !rest.frame.is_empty() {
                let mut frame = rest.frame;
                frame.extend_from_slice(input);
                kept = Some(frame);
            }
        }
        Reader { inbound: self, input, kept, at: 0, message, limit }
    }
}

/// Takes messages out of input, one by one.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    inbound: &'a mut Inbound,
    input: &'a mut [u8],
    /// An incomplete frame of before with the input behind it, read instead of the input.
    kept: Option<Vec<u8>>,
    at: usize,
    message: Option<Fragments>,
    limit: usize,
}

impl Reader<'_> {
    /// The next whole message; `None` when the input is used up, and what is incomplete is kept.
    pub(super) fn next(&mut self) -> Result<Option<Incoming>, ReadFault> {
        loop {
            let unread = match &mut self.kept {
                Some(kept) => &mut kept[self.at..],
                None => &mut self.input[self.at..],
            };
            let mut cursor = Cursor::new(&*unread);
            let header = FrameHeader::parse(&mut cursor).map_err(|_| ReadFault::Protocol("an unknown opcode"))?;
            let Some((header, len)) = header else {
                self.keep();
                return Ok(None);
            };
            let gathered = self.message.as_ref().map_or(0, |message| message.bytes.len());
            let mask = check(&header, len, self.message.is_some(), self.limit - gathered)?;
            let start = usize::try_from(cursor.position()).expect("a header is short");
            let end = start + usize::try_from(len).expect("checked against the limit");
            if unread.len() < end {
                self.keep();
                return Ok(None);
            }
            let payload = &mut unread[start..end];
            unmask(payload, mask);
            self.at += end;
            let whole = match header.opcode {
                OpCode::Control(control) => Some(read_control(control, payload)?),
                OpCode::Data(kind) => gather(&mut self.message, kind, header.is_final, payload),
            };
            if whole.is_some() {
                return Ok(whole);
            }
        }
    }

    /// Hands what is incomplete back to the connection.
    fn keep(&mut self) {
        let frame = match self.kept.take() {
            Some(mut kept) => {
                kept.drain(..self.at);
                kept
            }
            None => self.input[self.at..].to_vec(),
        };
        self.at = self.input.len();
        let message = self.message.take();
        if !frame.is_empty() || message.is_some() {
            self.inbound.rest = Some(Box::new(Rest { frame, message }));
        }
    }
}

/// Checks a frame by its header alone, so that nothing is kept of a frame that will not be taken: its mask.
fn check(header: &FrameHeader, len: u64, inside_message: bool, room: usize) -> Result<[u8; 4], ReadFault> {
    let Some(mask) = header.mask else { return Err(ReadFault::Protocol("a frame without a mask")) };
    if header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(ReadFault::Protocol("a reserved bit is set"));
    }
    match header.opcode {
        OpCode::Control(_) if !header.is_final => Err(ReadFault::Protocol("a fragmented control frame")),
        OpCode::Control(_) if len > MAX_CONTROL_BYTES => {
            Err(ReadFault::Protocol("a control frame of more than 125 bytes"))
        }
        OpCode::Control(_) => Ok(mask),
        OpCode::Data(kind) if (kind == Data::Continue) != inside_message => {
            Err(ReadFault::Protocol("a message inside another, or a fragment of none"))
        }
        OpCode::Data(_) if len > room as u64 => Err(ReadFault::TooBig),
        OpCode::Data(_) => Ok(mask),
    }
}

fn read_control(control: Control, payload: &[u8]) -> Result<Incoming, ReadFault> {
    match control {
        Control::Ping => Ok(Incoming::Ping(Bytes::copy_from_slice(payload))),
        Control::Pong => Ok(Incoming::Pong),
        Control::Close => match payload {
            [] => Ok(Incoming::Close(None)),
            [_] => Err(ReadFault::Protocol("half a close code")),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !CloseCode::from(code).is_allowed() {
                    return Err(ReadFault::Protocol("a close code that may not be sent"));
                }
                std::str::from_utf8(reason).map_err(|_| ReadFault::BadUtf8)?;
                Ok(Incoming::Close(Some(code)))
            }
        },
        Control::Reserved(_) => Err(ReadFault::Protocol("an unknown opcode")),
    }
}

/// Adds a data frame to its message: the message, if this frame ends it.
fn gather(message: &mut Option<Fragments>, kind: Data, is_final: bool, payload: &[u8]) -> Option<Incoming> {
    let (kind, bytes) = match message.take() {
        None if is_final => (kind, Bytes::copy_from_slice(payload)),
        None => {
            *message = Some(Fragments { kind, bytes: payload.to_vec() });
            return None;
        }
        Some(mut fragments) => {
            fragments.bytes.extend_from_slice(payload);
            if !is_final {
                *message = Some(fragments);
                return None;
            }
            (fragments.kind, fragments.bytes.into())
        }
    };
    Some(if kind == Data::Text { Incoming::Text(bytes) } else { Incoming::Binary(bytes) })
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let (words, rest) = payload.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 300;

    /// A client's frame: first byte, payload, mask.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What comes of a stream that arrives in pieces, and the most that was kept in between.
    fn read(pieces: &[&[u8]]) -> (Vec<Incoming>, Option<ReadFault>, usize) {
        let (mut inbound, mut all, mut most) = (Inbound::default(), Vec::new(), 0);
        for piece in pieces {
            let mut piece = piece.to_vec();
            let mut reader = inbound.read(&mut piece, LIMIT);
            loop {
                match reader.next() {
                    Ok(Some(incoming)) => all.push(incoming),
                    Ok(None) => break,
                    Err(fault) => return (all, Some(fault), most),
                }
            }
            let kept = inbound.rest.as_ref();
            most = most.max(kept.map_or(0, |rest| rest.frame.len()));
        }
        (all, None, most)
    }

    fn fault_of(bytes: &[u8]) -> Option<ReadFault> {
        read(&[bytes]).1
    }

    #[test]
    fn control_frames_stand_between_fragments() {
        let stream = [frame(0x01, b"he"), frame(0x89, b"?"), frame(0x00, b"l"), frame(0x80, b"lo")].concat();
        let (all, fault, _) = read(&[&stream]);
        assert_eq!(all, [Incoming::Ping("?".into()), Incoming::Text("hello".into())]);
        assert_eq!(fault, None);
    }

    #[test]
    fn what_rfc_6455_forbids_is_a_fault() {
        let unmasked = [0x81, 0x02, b'h', b'i'];
        let cases: [&[u8]; 10] = [
            &unmasked,
            &frame(0xc1, b"rsv1"),
            &frame(0xa1, b"rsv2"),
            &frame(0x91, b"rsv3"),
            &frame(0x83, b"opcode 3"),
            &frame(0x8b, b"opcode 11"),
            &frame(0x09, b"a fragment of a ping"),
            &frame(0x89, &[b'x'; 126]),
            &frame(0x80, b"continues nothing"),
            &[frame(0x01, b"a"), frame(0x81, b"b")].concat(),
        ];
        for case in cases {
            assert!(matches!(fault_of(case), Some(ReadFault::Protocol(_))), "{case:x?}");
        }
    }

    #[test]
    fn closes_are_read_and_checked() {
        let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes()[..], reason].concat());
        assert_eq!(read(&[&frame(0x88, b"")]).0, [Incoming::Close(None)]);
        assert_eq!(read(&[&close(1000, "grüß".as_bytes())]).0, [Incoming::Close(Some(1000))]);
        assert_eq!(read(&[&close(4999, b"")]).0, [Incoming::Close(Some(4999))]);
        assert_eq!(fault_of(&close(1000, b"\xff")), Some(ReadFault::BadUtf8));
        assert!(matches!(fault_of(&frame(0x88, b"x")), Some(ReadFault::Protocol(_))));
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            assert!(matches!(fault_of(&close(code, b"")), Some(ReadFault::Protocol(_))), "{code}");
        }
    }

    #[test]
    fn the_limit_is_exact_and_seen_from_the_header() {
        assert_eq!(read(&[&frame(0x81, &[b'x'; LIMIT])]).0.len(), 1);
        let header = &frame(0x81, &[b'x'; LIMIT + 1])[..8];
        assert_eq!(fault_of(header), Some(ReadFault::TooBig));
        let fragments = [frame(0x01, &[b'x'; LIMIT]), frame(0x80, b"x")].concat();
        assert_eq!(fault_of(&fragments), Some(ReadFault::TooBig));
        let longest = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
        assert_eq!(fault_of(&longest), Some(ReadFault::TooBig));
    }

    /// Messages as a client may send them, with the frames that carry them.
    fn messages() -> impl Strategy<Value = Vec<(Incoming, Vec<u8>)>> {
        let payload = prop::collection::vec(any::<u8>(), 0..LIMIT);
        let data =
            (payload, any::<bool>(), prop::collection::vec(0..LIMIT, 0..4)).prop_map(|(payload, text, mut cuts)| {
                cuts.retain(|cut| *cut < payload.len());
                cuts.sort_unstable();
                let (mut frames, mut start) = (Vec::new(), 0);
                let opcode = if text { 1 } else { 2 };
                for cut in cuts {
                    frames
                        .extend(frame(if start == 0 && frames.is_empty() { opcode } else { 0 }, &payload[start..cut]));
                    start = cut;
                }
                frames.extend(frame(0x80 | if frames.is_empty() { opcode } else { 0 }, &payload[start..]));
                let bytes = Bytes::from(payload);
                (if text { Incoming::Text(bytes) } else { Incoming::Binary(bytes) }, frames)
            });
        let ping = prop::collection::vec(any::<u8>(), 0..126)
            .prop_map(|payload| (Incoming::Ping(payload.clone().into()), frame(0x89, &payload)));
        prop::collection::vec(prop_oneof![data, ping], 0..6)
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(messages in messages(), cuts in prop::collection::vec(1..600usize, 0..40)) {
            let stream: Vec<u8> = messages.iter().flat_map(|(_, frames)| frames).copied().collect();
            let (mut pieces, mut rest) = (Vec::new(), &stream[..]);
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            pieces.push(rest);
            let (all, fault, most) = read(&pieces);
            prop_assert_eq!(fault, None);
            prop_assert_eq!(all, messages.into_iter().map(|(message, _)| message).collect::<Vec<_>>());
            prop_assert!(most < LIMIT + 14);
        }

        #[test]
        fn no_bytes_make_a_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert!(read(&pieces).2 < LIMIT + 14);
        }
    }
}
