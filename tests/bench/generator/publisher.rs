//! A connection that events are published by.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::{Opcode, RawFrame};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::order::{Dialect, Load};
use super::reader::UPGRADE;

/// How long its server may take to accept it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What NATS calls what all readers hear.
pub(crate) const SUBJECT: &str = "bench";

/// Sends one request after the other, each once the one before is answered, where there are answers.
pub(super) struct Publisher {
    stream: TcpStream,
    dialect: Dialect,
    unsent: Vec<u8>,
    answer: Vec<u8>,
    asked: Option<Instant>,
}

impl Publisher {
    pub(super) fn open(address: SocketAddr, dialect: Dialect, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = std::net::TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        match dialect {
            Dialect::Sanmon => {}
            Dialect::Socket => upgrade(&mut stream, &UPGRADE.replacen("GET / ", "GET /publish ", 1))?,
            Dialect::Nats => {
                upgrade(&mut stream, UPGRADE)?;
                let hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
                stream.write_all(&RawFrame::new(Opcode::Binary, hello).to_bytes())?;
            }
        }
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, dialect, unsent: Vec::new(), answer: Vec::new(), asked: None })
    }

    /// Whether it may send the next request.
    pub(super) fn is_free(&self) -> bool {
        self.asked.is_none() && self.unsent.is_empty()
    }

    pub(super) fn send(&mut self, request: &[u8], at: Instant) -> io::Result<()> {
        if self.dialect == Dialect::Sanmon {
            self.asked = Some(at);
        }
        self.unsent.extend_from_slice(request);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(length) => drop(self.unsent.drain(..length)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes and reads what it can: how long the request took, if its answer is there now.
    pub(super) fn advance(&mut self, buffer: &mut [u8]) -> io::Result<Option<Duration>> {
        self.flush()?;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) if self.dialect == Dialect::Sanmon => self.answer.extend_from_slice(&buffer[..length]),
                // Nothing that concerns a publisher.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let Some(end) = self.answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&self.answer[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if self.answer.len() < end + 4 + length.unwrap_or(0) {
            return Ok(None);
        }
        if !head.starts_with("http/1.1 2") {
            return Err(io::Error::other(String::from_utf8_lossy(&self.answer).into_owned()));
        }
        self.answer.clear();
        Ok(self.asked.take().map(|asked| asked.elapsed()))
    }
}

/// The bytes of each request, made once: what a publisher costs is no part of what is measured.
pub(super) fn requests(load: &Load, dialect: Dialect) -> Vec<Vec<u8>> {
    let request = |body: &str, events: u64| match dialect {
        Dialect::Sanmon => format!(
            "POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            load.authorization,
            body.len()
        )
        .into_bytes(),
        Dialect::Socket => RawFrame::new(Opcode::Text, body).to_bytes().repeat(events as usize),
        Dialect::Nats => {
            let message = format!("PUB {SUBJECT} {}\r\n{body}\r\n", body.len());
            RawFrame::new(Opcode::Binary, message.repeat(events as usize)).to_bytes()
        }
    };
    load.requests.iter().map(|one| request(&one.body, one.events)).collect()
}

fn upgrade(stream: &mut std::net::TcpStream, request: &str) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if head.starts_with(b"HTTP/1.1 101") {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()))
}
