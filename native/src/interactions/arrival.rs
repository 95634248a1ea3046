//! A request as it arrives: its head, and its body within bounds of size and time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt;
use hyper::body::Body;
use sanmon_core::id::Id;
use sanmon_core::interaction::Head;
use tokio::sync::Semaphore;

use crate::headers;

const X_SIGNATURE_ED25519: HeaderName = HeaderName::from_static("x-signature-ed25519");
const X_SIGNATURE_TIMESTAMP: HeaderName = HeaderName::from_static("x-signature-timestamp");

/// How long the body of a refused request may take to arrive before the answer goes out without it.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// How much of a body that nobody wants is taken off the wire after the answer, so that its sender gets to read the
/// answer: a connection that is closed on a sender resets it.
const DISCARD_BYTES: usize = 16 << 20;
/// For how long.
const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Of how many requests at once.
const DISCARDS: usize = 64;

/// Takes bodies off the wire.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) max_bytes: usize,
    pub(super) time: Duration,
    discards: Arc<Semaphore>,
}

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incomplete {
    /// It has more bytes than the limit.
    TooLarge(Connection),
    /// Its sender ended it early, or it was no proper body.
    Broken,
    /// It took too long.
    TooSlow,
}

/// What becomes of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// The next request may come.
    Stays,
    /// It ends, since some of the body was not read.
    Ends,
}

/// The head of a request as core reads it.
pub(super) fn head(parts: &Parts, application: Option<Id>) -> Head<'_> {
    Head {
        method: parts.method.as_str(),
        application,
        content_type: bytes_of(&parts.headers, &CONTENT_TYPE),
        signature: bytes_of(&parts.headers, &X_SIGNATURE_ED25519),
        timestamp: bytes_of(&parts.headers, &X_SIGNATURE_TIMESTAMP),
    }
}

/// The value of a header; one that stands twice counts as missing.
fn bytes_of<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    headers::only(headers, name).ok().flatten().map(HeaderValue::as_bytes)
}

impl Arrival {
    pub(super) fn new(max_bytes: usize, time: Duration) -> Self {
        Self { max_bytes, time, discards: Arc::new(Semaphore::new(DISCARDS)) }
    }

    /// The whole body.
    pub(super) async fn collect<B>(&self, headers: &HeaderMap, body: B) -> Result<Bytes, Incomplete>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        if declared(headers).is_some_and(|length| length > self.max_bytes as u64) {
            return Err(Incomplete::TooLarge(self.drain(headers, body).await));
        }
        let mut body = Box::pin(body);
        let mut first = Bytes::new();
        let mut more = BytesMut::new();
        let read = async {
            while let Some(frame) = body.frame().await {
                let Ok(mut data) = frame.map_err(|_| Incomplete::Broken)?.into_data() else { continue };
                let size = data.remaining();
                if first.len().max(more.len()) + size > self.max_bytes {
                    return Ok(false);
                }
                // Most bodies are one frame, which need not be copied.
                if first.is_empty() {
                    first = data.copy_to_bytes(size);
                    continue;
                }
                if more.is_empty() {
                    more.extend_from_slice(&first);
                }
                more.extend_from_slice(&data.copy_to_bytes(size));
            }
            Ok(true)
        };
        match tokio::time::timeout(self.time, read).await {
            Err(_) => Err(Incomplete::TooSlow),
            Ok(Err(fault)) => Err(fault),
            Ok(Ok(true)) if more.is_empty() => Ok(first),
            Ok(Ok(true)) => Ok(more.freeze()),
            Ok(Ok(false)) => Err(Incomplete::TooLarge(self.drain(&HeaderMap::new(), body).await)),
        }
    }

    /// Takes a body off the wire that is not wanted, so that the connection can go on. What is too much for that is
    /// discarded while the answer already travels.
    pub(super) async fn drain<B>(&self, headers: &HeaderMap, body: B) -> Connection
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        if body.is_end_stream() {
            return Connection::Stays;
        }
        // Who waits for leave to send a body is better not given it; who announces too much is not waited for.
        let is_asking = headers.contains_key(EXPECT);
        let is_much = declared(headers).is_some_and(|length| length > self.max_bytes.saturating_mul(2) as u64);
        let mut body = Box::pin(body);
        if !is_asking && !is_much {
            let limit = self.max_bytes.saturating_mul(2);
            if let Ok(true) = tokio::time::timeout(DRAIN_TIME, read_past(body.as_mut(), limit)).await {
                return Connection::Stays;
            }
        }
        if !is_asking && let Ok(slot) = Arc::clone(&self.discards).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = tokio::time::timeout(DISCARD_TIME, read_past(body.as_mut(), DISCARD_BYTES)).await;
                drop(slot);
            });
        }
        Connection::Ends
    }
}

/// Reads and forgets up to so many bytes; whether the body is over.
async fn read_past<B: Body>(body: std::pin::Pin<&mut B>, mut left: usize) -> bool {
    let mut body = pin!(body);
    loop {
        match body.frame().await {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => {
                let size = frame.data_ref().map_or(0, Buf::remaining);
                match left.checked_sub(size) {
                    Some(rest) => left = rest,
                    None => return false,
                }
            }
        }
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
