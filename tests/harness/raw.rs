//! WebSocket frames by hand: those that a library would refuse to send, and the bytes as they come.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Io, Server, within};

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of a message.
    Continuation,
    /// A message of text.
    Text,
    /// A message of bytes.
    Binary,
    /// The end.
    Close,
    /// Are you there?
    Ping,
    /// Yes.
    Pong,
    /// One that the protocol keeps for later.
    Reserved(u8),
}

/// A frame as it is on the wire.
#[derive(Clone, Debug)]
pub struct RawFrame {
    /// The first byte: FIN, three reserved bits, the opcode.
    pub head: u8,
    /// Whether the payload is masked, as a client must.
    pub mask: Option<[u8; 4]>,
    /// The length that the header tells; the payload's own when not set.
    pub told_len: Option<u64>,
    /// The payload before masking.
    pub payload: Vec<u8>,
}

/// A connection without a WebSocket library.
pub struct RawSocket {
    stream: Box<dyn Io>,
}

impl Opcode {
    /// Its four bits.
    pub fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
            Self::Reserved(bits) => bits & 15,
        }
    }
}

impl RawFrame {
    /// A whole and proper frame of a client.
    pub fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            head: 0x80 | opcode.bits(),
            mask: Some([0x12, 0x34, 0x56, 0x78]),
            told_len: None,
            payload: payload.into(),
        }
    }

    /// The same without FIN: more follows.
    #[must_use]
    pub fn unfinished(mut self) -> Self {
        self.head &= 0x7f;
        self
    }

    /// The frame's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let len = self.told_len.unwrap_or(self.payload.len() as u64);
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let mut bytes = vec![self.head];
        match len {
            0..=125 => bytes.push(masked | len as u8),
            126..=0xffff => {
                bytes.push(masked | 126);
                bytes.extend_from_slice(&(len as u16).to_be_bytes());
            }
            _ => {
                bytes.push(masked | 127);
                bytes.extend_from_slice(&len.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            bytes.extend_from_slice(&mask);
        }
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
        bytes
    }
}

impl RawSocket {
    /// Opens a connection and asks for the upgrade by hand.
    pub async fn connect(server: &Server) -> Self {
        Self::connect_with(server, "").await
    }

    /// The same with more header lines, each with its line end. The server agrees to no extension, whatever they offer.
    pub async fn connect_with(server: &Server, headers: &str) -> Self {
        let mut stream = server.stream().await;
        let request = format!(
            "GET /gateway HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("the request is sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("the answer to an upgrade", stream.read_u8()).await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("an answer of text");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The key's answer as RFC 6455 works it out in its own example.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        assert!(!head.to_ascii_lowercase().contains("sec-websocket-extensions"), "{head}");
        Self { stream }
    }

    /// Sends a frame. An error is not the sender's: what the server did about it is read afterwards.
    pub async fn send(&mut self, frame: &RawFrame) {
        self.send_bytes(&frame.to_bytes()).await;
    }

    /// Sends any bytes.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = within("a send", self.stream.write_all(bytes)).await;
        let _ = within("a flush", self.stream.flush()).await;
    }

    /// The opcode and payload of the next frame that is no ping, since the server may ask at any time whether we are there;
    /// `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            let frame = self.frame().await;
            if frame.as_ref().is_none_or(|(opcode, _)| *opcode != Opcode::Ping.bits()) {
                return frame;
            }
        }
    }

    /// The next frame's opcode and payload, whatever it is.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        within("a frame", async {
            let head = self.stream.read_u8().await.ok()?;
            assert_eq!(head & 0x70, 0, "reserved bits of a server's frame");
            let len = match self.stream.read_u8().await.ok()? {
                126 => u64::from(self.stream.read_u16().await.ok()?),
                127 => self.stream.read_u64().await.ok()?,
                len @ 0..=125 => u64::from(len),
                len => panic!("a server's frame is masked: {len}"),
            };
            let mut payload = vec![0; usize::try_from(len).expect("a length")];
            self.stream.read_exact(&mut payload).await.ok()?;
            Some((head & 15, payload))
        })
        .await
    }

    /// The payload of the next frame of this kind; others before it are dropped.
    pub async fn next_of(&mut self, opcode: Opcode) -> Vec<u8> {
        loop {
            let (found, payload) = self.next().await.expect("a frame");
            if found == opcode.bits() {
                return payload;
            }
        }
    }

    /// The code of the server's close frame; `None` when the connection ended without one.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            let (opcode, payload) = self.next().await?;
            if opcode == Opcode::Close.bits() {
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
    }

    /// Waits until the server ends the connection, after any frames.
    pub async fn ended(&mut self) {
        while self.next().await.is_some() {}
    }
}
