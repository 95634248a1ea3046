//! One connection of a swarm's client: the handshake by hand, then whole frames out of bytes.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use crate::{Opcode, RawFrame};

const UPGRADE: &[u8] = b"GET /gateway HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A connection, and what came on it that is not a whole frame yet.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    input: Vec<u8>,
    stage: Stage,
    /// Bytes read.
    pub(super) read: usize,
    /// How many may be read before the client holds still.
    pub(super) limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Open,
}

/// What came.
#[derive(Debug)]
pub(super) enum Piece {
    /// The connection may be used: time to identify.
    Opened,
    /// The upgrade was refused.
    Refused,
    /// A frame.
    Frame(u8, Vec<u8>),
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadEnd {
    /// There is no more for now.
    Dry,
    /// As much was read as may be.
    Held,
    /// The connection is gone.
    Gone,
}

impl Link {
    pub(super) fn open(
        address: SocketAddr,
        registry: &Registry,
        token: Token,
        limit: Option<usize>,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        if limit.is_some() {
            // So that what is held back waits at the server and not here.
            SockRef::from(&stream).set_recv_buffer_size(16 << 10)?;
        }
        Ok(Self { stream, input: Vec::new(), stage: Stage::Connecting, read: 0, limit })
    }

    /// The socket can be written: asks for the upgrade once the connection stands. Whether all is well.
    pub(super) fn on_writable(&mut self) -> bool {
        if self.stage != Stage::Connecting {
            return true;
        }
        if let Ok(Some(_)) | Err(_) = self.stream.take_error() {
            return false;
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.stage = Stage::Upgrading;
                let _ = self.stream.set_nodelay(true);
                self.stream.write_all(UPGRADE).is_ok()
            }
            Err(error) => error.kind() == io::ErrorKind::NotConnected,
        }
    }

    /// Reads what is there and hands on each piece; `take` says whether the connection goes on.
    pub(super) fn read(&mut self, buffer: &mut [u8], mut take: impl FnMut(&mut Self, Piece) -> bool) -> ReadEnd {
        loop {
            let room = self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.read)).min(buffer.len());
            if room == 0 {
                return ReadEnd::Held;
            }
            match self.stream.read(&mut buffer[..room]) {
                Ok(0) => return ReadEnd::Gone,
                Ok(count) => {
                    self.read += count;
                    self.input.extend_from_slice(&buffer[..count]);
                    while let Some(piece) = self.next_piece() {
                        if !take(self, piece) {
                            return ReadEnd::Gone;
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return ReadEnd::Dry,
                Err(error) if error.kind() == io::ErrorKind::NotConnected && self.stage == Stage::Connecting => {
                    return ReadEnd::Dry;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return ReadEnd::Gone,
            }
        }
    }

    /// Sends a frame; an error shows by the next read.
    pub(super) fn send(&mut self, opcode: Opcode, payload: Vec<u8>) {
        let _ = self.stream.write_all(&RawFrame::new(opcode, payload).to_bytes());
    }

    fn next_piece(&mut self) -> Option<Piece> {
        if self.stage != Stage::Open {
            let end = self.input.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
            let head = String::from_utf8_lossy(&self.input[..end]).into_owned();
            self.input.drain(..end);
            self.stage = Stage::Open;
            return Some(if head.starts_with("HTTP/1.1 101 ") { Piece::Opened } else { Piece::Refused });
        }
        let (head, length) = (*self.input.first()?, *self.input.get(1)?);
        let (start, length) = match length & 0x7f {
            126 => (4, usize::from(u16::from_be_bytes(*self.input.get(2..)?.first_chunk()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(*self.input.get(2..)?.first_chunk()?)).ok()?),
            length => (2, usize::from(length)),
        };
        let payload = self.input.get(start..start + length)?.to_vec();
        self.input.drain(..start + length);
        Some(Piece::Frame(head & 15, payload))
    }
}
