//! The body of an answer, and knowing when its last byte is out.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use sanmon_core::interaction::response::{Boundary, Chunk, FileSource, Reply};
use sanmon_core::interaction::{Answer, Rejection};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::{debug, error};

use super::files::{FileExecutor, OpenFile, Part};
use super::tasks::Tasks;
use crate::doorway::Written;

/// The body of an answer.
///
/// Its continuation, if it has one, runs once the body was taken whole: with the server's own listeners once the last
/// byte is written to the socket, else as soon as whoever carries it drops it after its last byte. It never runs if the
/// answer was not taken whole.
pub struct AnswerBody {
    pieces: VecDeque<Piece>,
    reading: Option<oneshot::Receiver<Part>>,
    left: u64,
    files: FileExecutor,
    end: Option<End>,
}

enum Piece {
    Bytes(Bytes),
    File(OpenFile),
}

/// What happens after the last byte.
pub(super) struct End {
    /// Behind a lock that nobody else takes: bodies are shared by threads, futures need not be.
    pub(super) continuation: Mutex<BoxFuture<'static, ()>>,
    pub(super) tasks: Tasks,
    pub(super) runtime: Handle,
    /// Tells of the connection's flushes, if it is one of the server's own.
    pub(super) written: Option<Written>,
}

impl AnswerBody {
    fn of(bytes: Bytes) -> Self {
        let left = bytes.len() as u64;
        let pieces = if bytes.is_empty() { VecDeque::new() } else { VecDeque::from([Piece::Bytes(bytes)]) };
        Self { pieces, reading: None, left, files: FileExecutor::default(), end: None }
    }

    /// The parts of a multipart body, its files opened.
    async fn multipart(chunks: Vec<Chunk>, files: FileExecutor) -> io::Result<Self> {
        let mut body = Self { pieces: VecDeque::new(), reading: None, left: 0, files, end: None };
        for chunk in chunks {
            let piece = match chunk {
                Chunk::Bytes(bytes) | Chunk::File(FileSource::Bytes(bytes)) => Piece::Bytes(bytes),
                Chunk::File(FileSource::Path(path)) => Piece::File(body.files.open(&path).await?),
            };
            if piece.len() > 0 {
                body.left += piece.len();
                body.pieces.push_back(piece);
            }
        }
        Ok(body)
    }

    /// Has the continuation run at the end.
    pub(super) fn and_then(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file) => file.left,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        loop {
            if let Some(reading) = &mut this.reading {
                let part = ready!(Pin::new(reading).poll(cx));
                this.reading = None;
                let (file, bytes) = part.map_err(|_| io::Error::other("the executor lost a read"))?;
                let bytes = bytes?;
                if file.left > 0 {
                    this.pieces.push_front(Piece::File(file));
                }
                this.left -= bytes.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match this.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => {
                    this.left -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Piece::File(file)) => this.reading = Some(this.files.read(file)),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        let Some(End { continuation, tasks, runtime, written }) = self.end.take() else { return };
        if self.left > 0 {
            return debug!("an answer was not sent; its continuation does not run");
        }
        let continuation = continuation.into_inner().unwrap_or_else(PoisonError::into_inner);
        match written.map(|written| written.next_flush()) {
            None => tasks.spawn(&runtime, continuation),
            Some(flushed) => tasks.spawn(&runtime, async move {
                match flushed.await {
                    Ok(()) => continuation.await,
                    Err(_) => debug!("an answer was not sent; its continuation does not run"),
                }
            }),
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The answer as HTTP has it. An answer whose files can't be opened is a failed dispatch.
pub(super) async fn response(answer: &Answer, files: &FileExecutor) -> Response<AnswerBody> {
    match answer {
        Answer::Reply(reply) => reply_response(reply, files).await.unwrap_or_else(|error| {
            error!(%error, "a file of an answer can't be opened");
            refused(&Rejection::Failed)
        }),
        Answer::ByCallback => {
            let mut response = Response::new(AnswerBody::of(Bytes::new()));
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
        Answer::Refused(rejection) => refused(rejection),
    }
}

async fn reply_response(reply: &Reply, files: &FileExecutor) -> io::Result<Response<AnswerBody>> {
    if let Some(form) = reply.form() {
        let mut response = Response::new(AnswerBody::of(form.body.clone()));
        let content_type = HeaderValue::try_from(&form.content_type).map_err(io::Error::other)?;
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        return Ok(response);
    }
    let boundary = if reply.files().is_empty() { None } else { Some(random_boundary()?) };
    let (body, content_type) = match boundary.and_then(|boundary| reply.multipart(boundary)) {
        None => (AnswerBody::of(reply.json_bytes().clone()), HeaderValue::from_static("application/json")),
        Some(multipart) => {
            let content_type = HeaderValue::try_from(&multipart.content_type).map_err(io::Error::other)?;
            (AnswerBody::multipart(multipart.chunks, files.clone()).await?, content_type)
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

fn random_boundary() -> io::Result<Boundary> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(io::Error::other)?;
    Ok(Boundary::from_random(u128::from_ne_bytes(bits)))
}

/// A refusal of the protocol's table.
pub(super) fn refused(rejection: &Rejection) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(rejection.status()).expect("the table has statuses of HTTP");
    let mut response = plain(status, rejection.text());
    if let Some(allow) = rejection.allow() {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// A line of text.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::of(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
