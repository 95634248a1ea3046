//! The sockets of connections as hub threads own them: outside the runtime, non-blocking, perhaps encrypted.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustls::ServerConnection;

use crate::listen::Io;

/// The byte stream of one connection, ready to be polled by a hub thread.
#[derive(Debug)]
pub(crate) struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Tls>),
}

#[derive(Debug)]
struct Tls {
    session: ServerConnection,
    socket: TcpStream,
}

impl Stream {
    /// Takes the socket of `io` out of the runtime.
    ///
    /// # Errors
    /// The runtime's, when the socket can't be deregistered.
    pub(crate) fn from_io(io: Io) -> io::Result<Self> {
        Ok(Self(match io {
            Io::Tcp(stream) => Kind::Tcp(TcpStream::from_std(stream.into_std()?)),
            Io::Unix(stream) => Kind::Unix(UnixStream::from_std(stream.into_std()?)),
            Io::Tls(stream) => {
                let (socket, session) = stream.into_inner();
                Kind::Tls(Box::new(Tls { session, socket: TcpStream::from_std(socket.into_std()?) }))
            }
        }))
    }

    /// Has the socket watched, edge-triggered, for everything.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.source(), token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Ends the watch of the socket.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(self.source())
    }

    /// Whether a read of less than was asked for means that the socket has no more; a TLS record ends reads, too.
    pub(super) fn is_drained_by_short_reads(&self) -> bool {
        match &self.0 {
            Kind::Tcp(_) | Kind::Unix(_) => true,
            Kind::Tls(_) => false,
        }
    }

    /// Reads what is there: 0 at the end of the stream.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(|| match &mut self.0 {
            Kind::Tcp(socket) => socket.read(buffer),
            Kind::Unix(socket) => socket.read(buffer),
            Kind::Tls(tls) => tls.read(buffer),
        })
    }

    /// Writes as much as fits. With TLS some of what was taken may wait inside for the socket: [`Self::flush`].
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| match &mut self.0 {
            Kind::Tcp(socket) => socket.write(bytes),
            Kind::Unix(socket) => socket.write(bytes),
            Kind::Tls(tls) => tls.write_vectored(&[IoSlice::new(bytes)]),
        })
    }

    /// The same for bytes that lie in several places, which costs the kernel more.
    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        retry(|| match &mut self.0 {
            Kind::Tcp(socket) => socket.write_vectored(slices),
            Kind::Unix(socket) => socket.write_vectored(slices),
            Kind::Tls(tls) => tls.write_vectored(slices),
        })
    }

    /// Writes what waits inside; `WouldBlock` while some still does.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(_) | Kind::Unix(_) => Ok(()),
            Kind::Tls(tls) => retry(|| tls.flush()),
        }
    }

    /// Ends our direction; the peer's stays open, so that what is on its way to the peer arrives.
    pub(super) fn shutdown_write(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Tcp(socket) => socket.shutdown(Shutdown::Write),
            Kind::Unix(socket) => socket.shutdown(Shutdown::Write),
            Kind::Tls(tls) => {
                tls.session.send_close_notify();
                // A socket that is full at its very end loses the notice, which nobody misses.
                let _ = retry(|| tls.flush());
                tls.socket.shutdown(Shutdown::Write)
            }
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match &mut self.0 {
            Kind::Tcp(socket) => socket,
            Kind::Unix(socket) => socket,
            Kind::Tls(tls) => &mut tls.socket,
        }
    }
}

impl Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // A stream that ends without close_notify ends nevertheless.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                done => return done,
            }
            let ended = self.session.read_tls(&mut self.socket)? == 0;
            let processed = self.session.process_new_packets();
            if self.session.wants_write() {
                // Key updates and alerts; a socket that would block takes them with the next write.
                let _ = self.flush();
            }
            let state = processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if ended && state.plaintext_bytes_to_read() == 0 {
                return Ok(0);
            }
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.flush()?;
        let taken = self.session.writer().write_vectored(slices)?;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut self.socket)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// Does it again when a signal came in between.
fn retry<T>(mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match step() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
