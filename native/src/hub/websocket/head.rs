//! The head of a frame (RFC 6455, section 5.2), refused at the first octet that can't be right.

use super::ReadFault;

/// The longest payload of a control frame (section 5.5).
const MAX_CONTROL_BYTES: u8 = 125;

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    /// More of a message.
    Continuation,
    /// A text message, or its first part.
    Text,
    /// A binary message, or its first part.
    Binary,
    /// The end.
    Close,
    /// A question whether we are there.
    Ping,
    /// The answer to ours, or to none.
    Pong,
}

/// What stands before a frame's payload, as a client may send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    /// Whether the frame ends its message.
    pub(super) is_final: bool,
    pub(super) mask: [u8; 4],
    /// The length of the head itself.
    pub(super) len: usize,
    /// The length of the payload as the frame tells it.
    pub(super) payload_len: u64,
}

impl Head {
    /// Reads the head that `bytes` begin with; `None` if more bytes are needed.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, ReadFault> {
        let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
        let is_final = first & 0x80 != 0;
        if first & 0x70 != 0 {
            return Err(ReadFault::Protocol("a reserved bit is set"));
        }
        let opcode = Opcode::of(first & 0x0F).ok_or(ReadFault::Protocol("an unknown opcode"))?;
        if opcode.is_control() && !is_final {
            return Err(ReadFault::Protocol("a fragmented control frame"));
        }

        let Some((second, rest)) = rest.split_first() else { return Ok(None) };
        if second & 0x80 == 0 {
            return Err(ReadFault::Protocol("a frame without a mask"));
        }
        let short_len = second & 0x7F;
        if opcode.is_control() && short_len > MAX_CONTROL_BYTES {
            return Err(ReadFault::Protocol("a control frame of more than 125 bytes"));
        }

        let Some((payload_len, rest)) = read_len(short_len, rest)? else { return Ok(None) };
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some(Self { opcode, is_final, mask: *mask, len: bytes.len() - rest.len(), payload_len }))
    }
}

/// The length that the second octet and those behind it tell, and what stands behind them.
fn read_len(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ReadFault> {
    let (len, least, rest) = match short {
        126 => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), 126, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk() {
            Some((len, rest)) => (u64::from_be_bytes(*len), 0x1_0000, rest),
            None => return Ok(None),
        },
        len => (u64::from(len), 0, rest),
    };
    if len > i64::MAX as u64 {
        return Err(ReadFault::Protocol("a length of more than 63 bits"));
    }
    if len < least {
        return Err(ReadFault::Protocol("a length in more octets than it needs"));
    }
    Ok(Some((len, rest)))
}

impl Opcode {
    const fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    /// Whether such a frame may stand between the fragments of a message.
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn len_of(bytes: &[u8]) -> Result<u64, ReadFault> {
        Head::read(bytes).map(|head| head.expect("a whole head").payload_len)
    }

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        assert_eq!(len_of(&[0x82, 0x80 | 125, 0, 0, 0, 0]), Ok(125));
        assert_eq!(len_of(&[0x82, 0xfe, 0, 126, 0, 0, 0, 0]), Ok(126));
        assert_eq!(len_of(&[0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), Ok(65535));
        assert_eq!(len_of(&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), Ok(65536));
        let longer: [&[u8]; 3] = [
            &[0x82, 0xfe, 0, 125, 0, 0, 0, 0],
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
            &[0x82, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        ];
        for bytes in longer {
            assert!(matches!(len_of(bytes), Err(ReadFault::Protocol(_))), "{bytes:x?}");
        }
    }

    #[test]
    fn a_fault_is_seen_at_its_octet() {
        let first: [u8; 6] = [0xc1, 0xa1, 0x91, 0x83, 0x8b, 0x09];
        for first in first {
            assert!(Head::read(&[first]).is_err(), "{first:x}");
        }
        assert!(Head::read(&[0x81, 0x05]).is_err(), "no mask");
        assert!(Head::read(&[0x89, 0xfe]).is_err(), "a long ping");
        let whole = [0x81, 0xfe, 1, 0, 1, 2, 3, 4];
        for end in 0..whole.len() {
            assert_eq!(Head::read(&whole[..end]), Ok(None), "{end}");
        }
        assert_eq!(Head::read(&whole).unwrap().unwrap().mask, [1, 2, 3, 4]);
    }
}
