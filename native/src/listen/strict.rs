//! A connection from which only HTTP comes that can be read in one way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;
use super::{Io, Patience};

/// A byte stream that ends where a request is not framed in the one undisputed way.
///
/// In place of the first byte that is not let through stands a zero, which no header and no chunk's size may have, so that
/// the HTTP library answers 400 and closes.
#[derive(Debug)]
pub(crate) struct Strict {
    io: Patience,
    framing: Box<Framing>,
    is_over: bool,
}

impl Strict {
    /// Reads `io` strictly.
    pub(crate) fn new(io: Patience) -> Self {
        Self { io, framing: Box::default(), is_over: false }
    }

    /// The byte stream itself, for who took it over.
    pub(crate) fn into_inner(self) -> Io {
        self.io.into_inner()
    }
}

impl AsyncRead for Strict {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if let Err(at) = self.framing.read(&buffer.filled()[before..]) {
            self.is_over = true;
            buffer.filled_mut()[before + at] = 0;
            buffer.set_filled(before + at + 1);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Strict {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
