//! The load generator: some kept connections, on each one request after the other.

use std::io;
use std::net::SocketAddr;

use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bodies::Kind;

/// Connections that are kept.
pub(super) const CONNECTIONS: usize = 8;

/// Connections to one server.
pub(super) struct Generator {
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Generator {
    pub(super) async fn connect(address: SocketAddr) -> io::Result<Self> {
        let connections = try_join_all((0..CONNECTIONS).map(|_| Connection::open(address))).await?;
        Ok(Self { connections })
    }

    /// Sends all requests, and makes sure that each is answered as it should.
    pub(super) async fn run(&mut self, requests: &[Vec<u8>], kind: Kind) -> io::Result<()> {
        let shares = requests.chunks(requests.len().div_ceil(CONNECTIONS));
        let runs = self.connections.iter_mut().zip(shares).map(|(connection, share)| async move {
            for request in share {
                connection.ask(request, kind).await?;
            }
            Ok::<_, io::Error>(())
        });
        try_join_all(runs).await.map(drop)
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    async fn ask(&mut self, request: &[u8], kind: Kind) -> io::Result<()> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((head, body)) = split(&self.answer) else { continue };
            if body.len() < length(head)? {
                continue;
            }
            if head.starts_with(b"HTTP/1.1 200") && kind.is_answered_by(body) {
                return Ok(());
            }
            return Err(io::Error::other(format!("answered {}", String::from_utf8_lossy(&self.answer))));
        }
    }
}

/// Head and body of an answer, once the head is whole.
fn split(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&answer[..end], &answer[end + 4..]))
}

/// The Content-Length, which all of these servers send.
fn length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let value = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    value.and_then(|value| value.parse().ok()).ok_or_else(|| io::Error::other("an answer without a length"))
}
