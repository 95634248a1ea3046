//! The server's end of RFC 6455: what came in as bytes goes on as whole messages.
//!
//! There is no read buffer per connection. A thread reads into its own scratch buffer and frames are parsed where they
//! lie; only what is still incomplete at its end is kept with the connection.
//!
//! Everything here is private to the hub all the same: `pub(crate)` lets a fuzz target read this file as a module of its own.

mod assembly;
mod head;

use bytes::Bytes;
use sanmon_core::gateway::Close;

use self::assembly::Assembly;
use self::head::{Head, Opcode};

/// What a client sent, whole and unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
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
pub(crate) enum ReadFault {
    /// They break RFC 6455.
    #[error("{0}")]
    Protocol(&'static str),
    /// The reason of a close is not UTF-8, or a text will not be, whatever follows.
    #[error("a text or a close reason that is not UTF-8")]
    BadUtf8,
    /// A message is larger than the limit.
    #[error("a message that is too big")]
    TooBig,
}

/// What a connection keeps of incomplete input: nothing, mostly.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    rest: Option<Box<Rest>>,
}

#[derive(Debug)]
struct Rest {
    /// The bytes of a frame that is not whole yet: less than one head and one message of the largest size.
    frame: Vec<u8>,
    /// The message that is not whole yet.
    message: Assembly,
}

impl Inbound {
    /// Starts to read `input`, which follows what was given before. `limit` bounds a message in bytes.
    ///
    /// The reader must be read until it answers `None` or a fault; after a fault nothing more can be read.
    pub(crate) fn read<'a>(&'a mut self, input: &'a mut [u8], limit: usize) -> Reader<'a> {
        let (mut message, mut kept) = (Assembly::default(), None);
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
pub(crate) struct Reader<'a> {
    inbound: &'a mut Inbound,
    input: &'a mut [u8],
    /// An incomplete frame of before with the input behind it, read instead of the input.
    kept: Option<Vec<u8>>,
    at: usize,
    message: Assembly,
    limit: usize,
}

impl Reader<'_> {
    /// The next whole message; `None` when the input is used up, and what is incomplete is kept.
    pub(crate) fn next(&mut self) -> Result<Option<Incoming>, ReadFault> {
        loop {
            let unread = match &mut self.kept {
                Some(kept) => &mut kept[self.at..],
                None => &mut self.input[self.at..],
            };
            let Some(head) = Head::read(unread)? else {
                self.keep();
                return Ok(None);
            };
            // By the head alone, so that nothing is kept of a frame that will not be taken.
            self.message.admit(&head, self.limit)?;
            let end = head.len + usize::try_from(head.payload_len).expect("checked against the limit");
            if unread.len() < end {
                self.keep();
                return Ok(None);
            }
            let payload = &mut unread[head.len..end];
            unmask(payload, head.mask);
            self.at += end;
            let whole = match head.opcode {
                Opcode::Ping => Some(Incoming::Ping(Bytes::copy_from_slice(payload))),
                Opcode::Pong => Some(Incoming::Pong),
                Opcode::Close => Some(read_close(payload)?),
                Opcode::Continuation | Opcode::Text | Opcode::Binary => self.message.take(&head, payload)?,
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
        let message = std::mem::take(&mut self.message);
        if !frame.is_empty() || message.has_begun() {
            self.inbound.rest = Some(Box::new(Rest { frame, message }));
        }
    }
}

fn read_close(payload: &[u8]) -> Result<Incoming, ReadFault> {
    match payload {
        [] => Ok(Incoming::Close(None)),
        [_] => Err(ReadFault::Protocol("half a close code")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !Close::may_travel(code) {
                return Err(ReadFault::Protocol("a close code that may not be sent"));
            }
            std::str::from_utf8(reason).map_err(|_| ReadFault::BadUtf8)?;
            Ok(Incoming::Close(Some(code)))
        }
    }
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
mod tests;
