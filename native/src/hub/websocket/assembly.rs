//! A message while it comes in fragments.

use bytes::Bytes;

use super::head::{Head, Opcode};
use super::{Incoming, ReadFault};

/// The data message that frames add up to; empty between messages.
#[derive(Debug, Default)]
pub(super) struct Assembly(Option<Fragments>);

#[derive(Debug)]
struct Fragments {
    kind: Kind,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// As many bytes of it as are known to be UTF-8.
    Text(usize),
    Binary,
}

impl Assembly {
    /// Whether a message has begun and not ended.
    pub(super) const fn has_begun(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a frame may come now, and its message stays within `limit` bytes with it.
    pub(super) fn admit(&self, head: &Head, limit: usize) -> Result<(), ReadFault> {
        if head.opcode.is_control() {
            return Ok(());
        }
        let gathered = match (head.opcode, &self.0) {
            (Opcode::Continuation, None) => return Err(ReadFault::Protocol("a fragment of no message")),
            (Opcode::Continuation, Some(fragments)) => fragments.bytes.len(),
            (_, Some(_)) => return Err(ReadFault::Protocol("a message inside another")),
            (_, None) => 0,
        };
        if head.payload_len > (limit - gathered) as u64 { Err(ReadFault::TooBig) } else { Ok(()) }
    }

    /// Adds a data frame that was admitted: the message, if this frame ends it.
    pub(super) fn take(&mut self, head: &Head, payload: &[u8]) -> Result<Option<Incoming>, ReadFault> {
        if head.is_final {
            return Ok(Some(match (self.0.take(), head.opcode) {
                (Some(fragments), _) => fragments.end(payload),
                (None, Opcode::Text) => Incoming::Text(Bytes::copy_from_slice(payload)),
                (None, _) => Incoming::Binary(Bytes::copy_from_slice(payload)),
            }));
        }
        let kind = if head.opcode == Opcode::Text { Kind::Text(0) } else { Kind::Binary };
        let fragments = self.0.get_or_insert_with(|| Fragments { kind, bytes: Vec::new() });
        fragments.bytes.extend_from_slice(payload);
        fragments.check()?;
        Ok(None)
    }
}

impl Fragments {
    /// Refuses a text as soon as no continuation could make it UTF-8. A character may still be cut in two.
    fn check(&mut self) -> Result<(), ReadFault> {
        let Kind::Text(known) = &mut self.kind else { return Ok(()) };
        match std::str::from_utf8(&self.bytes[*known..]) {
            Ok(_) => *known = self.bytes.len(),
            Err(error) if error.error_len().is_some() => return Err(ReadFault::BadUtf8),
            Err(error) => *known += error.valid_up_to(),
        }
        Ok(())
    }

    fn end(mut self, payload: &[u8]) -> Incoming {
        self.bytes.extend_from_slice(payload);
        match self.kind {
            Kind::Text(_) => Incoming::Text(self.bytes.into()),
            Kind::Binary => Incoming::Binary(self.bytes.into()),
        }
    }
}
