//! A connection whose peer may be slow to take what is written, but not for ever.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::Io;

/// A byte stream that fails once a write has waited too long for the peer to take anything.
///
/// HTTP has a bound for each thing that it reads, and none for what it writes: a client that asks and never reads the
/// answer would keep its place for good.
#[derive(Debug)]
pub(crate) struct Patience {
    io: Io,
    limit: Duration,
    /// Runs while a write waits.
    waits: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Gives the peer of `io` this long to take the next bytes.
    pub(crate) const fn new(io: Io, limit: Duration) -> Self {
        Self { io, limit, waits: None }
    }

    /// The byte stream itself, without a bound.
    pub(crate) fn into_inner(self) -> Io {
        self.io
    }

    /// Passes on what came of a write, unless it has waited for too long.
    fn bounded<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waits = None;
            return written;
        }
        let limit = self.limit;
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(limit)));
        waits.as_mut().poll(cx).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patience {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patience {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.bounded(cx, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up_and_one_that_is_slow_is_not() {
        const MUCH: usize = 2 << 20;

        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut stream = Patience::new(Io::Unix(ours), Duration::from_millis(100));
        assert_eq!(stream.write_all(&vec![0; MUCH]).await.unwrap_err().kind(), ErrorKind::TimedOut);

        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut stream = Patience::new(Io::Unix(ours), Duration::from_secs(1));
        let reader = tokio::spawn(async move {
            let (mut read, mut buffer) = (0, vec![0; MUCH]);
            while read < MUCH {
                sleep(Duration::from_millis(150)).await;
                read += theirs.read(&mut buffer).await.unwrap();
            }
        });
        stream.write_all(&vec![0; MUCH]).await.unwrap();
        reader.await.unwrap();
    }
}
