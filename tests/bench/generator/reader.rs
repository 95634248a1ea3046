//! A connection that events are delivered to.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Authority, Opcode, RawFrame};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::{ClientConfig, ClientConnection};
use socket2::{Domain, Protocol, Socket, Type};

use super::frames::Frames;
use super::order::{Dialect, Manner, Opening};

/// The smallest that the kernel gives is a little more.
const SMALL_BUFFER: usize = 2048;

/// How each connection begins.
pub(super) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One connection, which knows of its incoming bytes only where the next frame begins.
pub(super) struct Reader {
    stream: Stream,
    state: State,
    hello: Vec<u8>,
    welcome: u64,
    begun: Instant,
    pub(super) frames: Frames,
}

enum State {
    /// It waits for the TCP connection, and for TLS.
    Connecting,
    /// It waits for the answer to its upgrade.
    Upgrading(Vec<u8>),
    /// It has said who it is, and waits for what that is answered with.
    Introduced,
    /// It hears events.
    Open,
}

/// What reading led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is still being opened.
    Opening,
    /// It was just opened, which took so long.
    Opened(Duration),
    /// It was open before.
    Open,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<rustls::StreamOwned<ClientConnection, TcpStream>>),
}

impl Reader {
    /// Begins to connect.
    pub(super) fn start(
        opening: &Opening,
        hello: &str,
        tls: Option<&Arc<ClientConfig>>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut socket = connect(opening.address, opening.manner)?;
        registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        let stream = match tls {
            None => Stream::Plain(socket),
            Some(config) => {
                let session = ClientConnection::new(Arc::clone(config), Authority::server_name());
                Stream::Tls(Box::new(rustls::StreamOwned::new(session.map_err(io::Error::other)?, socket)))
            }
        };
        let opcode = if opening.dialect == Dialect::Nats { Opcode::Binary } else { Opcode::Text };
        Ok(Self {
            stream,
            state: State::Connecting,
            hello: if hello.is_empty() { Vec::new() } else { RawFrame::new(opcode, hello).to_bytes() },
            welcome: opening.welcome,
            begun: Instant::now(),
            frames: Frames::default(),
        })
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(self.socket())
    }

    /// Reads what is there.
    pub(super) fn advance(&mut self, buffer: &mut [u8]) -> io::Result<Progress> {
        if matches!(self.state, State::Connecting) {
            let socket = self.socket();
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(Progress::Opening),
                other => other?,
            };
            match self.stream.write(UPGRADE.as_bytes()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Opening),
                Ok(length) if length == UPGRADE.len() => self.state = State::Upgrading(Vec::new()),
                Ok(_) => return Err(io::Error::other("a socket took half a request")),
                Err(error) => return Err(error),
            }
        }
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.take(&buffer[..length])?;
            // What comes later makes an event of its own; of TLS a read gives one record.
            if length < buffer.len() && matches!(self.stream, Stream::Plain(_)) {
                break;
            }
        }
        if self.frames.is_closed {
            return Err(io::Error::other("the server closed a connection"));
        }
        for ping in std::mem::take(&mut self.frames.pings) {
            self.stream.write_all(&RawFrame::new(Opcode::Pong, ping).to_bytes())?;
        }
        Ok(match self.state {
            State::Open => Progress::Open,
            State::Introduced if self.frames.messages >= self.welcome => {
                self.state = State::Open;
                Progress::Opened(self.begun.elapsed())
            }
            _ => Progress::Opening,
        })
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let State::Upgrading(head) = &mut self.state else {
            self.frames.push(bytes);
            return Ok(());
        };
        head.extend_from_slice(bytes);
        let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(()) };
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err(io::Error::other(String::from_utf8_lossy(head).into_owned()));
        }
        self.frames.push(&head[end + 4..]);
        self.stream.write_all(&self.hello)?;
        self.state = State::Introduced;
        Ok(())
    }

    fn socket(&mut self) -> &mut TcpStream {
        match &mut self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// A socket that does not block, on its way to `address`.
pub(super) fn connect(address: SocketAddr, manner: Manner) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    // Thousands of ports that nobody may use for a minute would be in the way of the next round.
    socket.set_linger(Some(Duration::ZERO))?;
    if manner == Manner::Stopped {
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
    }
    match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
