//! A cheap HTTP client for one kind of request on one kept connection.

use std::io;

use harness::{Io, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A kept connection.
pub(crate) struct Http {
    stream: Box<dyn Io>,
    authorization: String,
    answer: Vec<u8>,
}

impl Http {
    /// A connection on which its operator asks.
    pub(crate) async fn connect(server: &Server) -> Self {
        let authorization = format!("Bearer {}", server.key());
        Self { stream: server.stream().await, authorization, answer: Vec::new() }
    }

    /// Sends a body and returns the answer's; an error for any other status than 2xx. A path may end in `#` and a user's id:
    /// then it is asked on that user's behalf.
    pub(crate) async fn send(&mut self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let (path, user) = path.split_once('#').unwrap_or((path, ""));
        let behalf = if user.is_empty() { String::new() } else { format!("X-On-Behalf-Of: {user}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n{behalf}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&self.answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
            });
            if body.len() < length.unwrap_or(0) {
                continue;
            }
            if !head.starts_with("HTTP/1.1 2") {
                return Err(io::Error::other(format!("{method} {path}: {text}")));
            }
            return Ok(body.to_owned());
        }
    }
}
