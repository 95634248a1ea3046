//! The body of a request: how much of it is taken, for how long, and what it must be before it is read.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use sanmon_core::codec::check_json;
use tokio::sync::Semaphore;

use super::error::Error;

/// How much of a body that nobody wants is still taken off the wire, so that its sender gets to read the answer: a
/// connection that is closed on a sender resets it, and the answer is lost.
const DISCARD_BYTES: usize = 16 << 20;
/// For how long.
const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Of how many requests at once.
pub(super) const DISCARDS: usize = 64;

/// A request's body, as it comes off the wire.
pub(super) struct Body {
    stream: Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>,
    is_over: bool,
}

/// How much of a body is taken, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    /// The largest body.
    pub(super) bytes: usize,
    /// How long it may take to arrive.
    pub(super) time: Duration,
}

impl Body {
    pub(super) fn new<B: Buf>(stream: impl Stream<Item = Result<B, warp::Error>> + Send + Sync + 'static) -> Self {
        let stream = stream.map(|part| part.map(|mut part| part.copy_to_bytes(part.remaining())));
        Self { stream: Box::pin(stream), is_over: false }
    }

    /// No body.
    pub(super) fn none() -> Self {
        Self { stream: Box::pin(futures_util::stream::empty()), is_over: true }
    }

    /// The body in parts, for who has bounds of its own.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, warp::Error>> + Send {
        self.stream
    }

    /// The body as JSON text: UTF-8, and JSON as the protocol has it.
    pub(super) async fn json(&mut self, headers: &HeaderMap, limits: BodyLimits) -> Result<String, Error> {
        declared_within(headers, limits)?;
        if !is_json(headers) {
            return Err(Error::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body's Content-Type must be application/json",
            ));
        }
        let bytes = self.bytes(headers, limits).await?;
        let text = String::from_utf8(bytes).map_err(|_| Error::invalid("the body is not UTF-8"))?;
        check_json(&text).map_err(|error| Error::invalid(format!("the body is {error}")))?;
        Ok(text)
    }

    /// The whole body, whatever it is.
    pub(super) async fn bytes(&mut self, headers: &HeaderMap, limits: BodyLimits) -> Result<Vec<u8>, Error> {
        declared_within(headers, limits)?;
        tokio::time::timeout(limits.time, self.read(limits)).await.unwrap_or_else(|_| {
            self.is_over = true;
            let message = format!("the body took more than {} ms", limits.time.as_millis());
            Err(Error::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message).and_close())
        })
    }

    async fn read(&mut self, limits: BodyLimits) -> Result<Vec<u8>, Error> {
        let mut bytes = BytesMut::new();
        while let Some(part) = self.stream.next().await {
            let part = part.map_err(|_| {
                self.is_over = true;
                Error::invalid("the body ended early").and_close()
            })?;
            if bytes.len() + part.len() > limits.bytes {
                return Err(too_large(limits));
            }
            bytes.extend_from_slice(&part);
        }
        self.is_over = true;
        Ok(bytes.into())
    }

    /// Takes what is left of the body off the wire, within bounds, while the answer already travels.
    pub(super) fn discard(mut self, headers: &HeaderMap, slots: &Arc<Semaphore>) {
        let has_body =
            declared_length(headers).map_or(headers.contains_key(http::header::TRANSFER_ENCODING), |n| n > 0);
        if self.is_over || !has_body {
            return;
        }
        let Ok(slot) = Arc::clone(slots).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let mut left = DISCARD_BYTES;
            let discarded = async {
                while let Some(Ok(part)) = self.stream.next().await {
                    left = left.saturating_sub(part.len());
                    if left == 0 {
                        break;
                    }
                }
            };
            // Too slow or not, the body is dropped here, and the connection with it if something of it is left.
            let _ = tokio::time::timeout(DISCARD_TIME, discarded).await;
            drop(slot);
        });
    }
}

fn declared_within(headers: &HeaderMap, limits: BodyLimits) -> Result<(), Error> {
    match declared_length(headers) {
        Some(length) if length > limits.bytes as u64 => Err(too_large(limits)),
        _ => Ok(()),
    }
}

fn too_large(limits: BodyLimits) -> Error {
    let message = format!("the body is larger than {} bytes", limits.bytes);
    Error::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message).and_close()
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the media type is `application/json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    content_type(headers, "application/json").is_some()
}

/// The whole Content-Type, if the body is of this media type, with any parameters.
pub(super) fn content_type<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(wanted).then_some(media_type)
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const LIMITS: BodyLimits = BodyLimits { bytes: 64, time: Duration::from_secs(1) };

    fn headers(media_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().unwrap())])
    }

    async fn read(media_type: &'static str, parts: &[&'static [u8]]) -> Result<String, u16> {
        let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::from_static(part))).collect();
        let answer = Body::new(stream::iter(parts)).json(&headers(media_type), LIMITS).await;
        answer.map_err(|error| error.into_response().status().as_u16())
    }

    #[tokio::test]
    async fn a_body_is_json_in_utf_8_of_bounded_size() {
        assert_eq!(read("application/json", &[b"{\"a\"", b":1}"]).await.as_deref(), Ok("{\"a\":1}"));
        assert!(read("Application/JSON; charset=utf-8", &[b"{}"]).await.is_ok());
        assert_eq!(read("text/plain", &[b"{}"]).await, Err(415));
        assert_eq!(read("application/jsonp", &[b"{}"]).await, Err(415));
        assert_eq!(read("application/json", &[]).await, Err(400));
        assert_eq!(read("application/json", &[b"\"\xff\""]).await, Err(400));
        assert_eq!(read("application/json", &[b"{\"a\":1e999}"]).await, Err(400));
        assert_eq!(read("application/json", &[&[b' '; 40], &[b' '; 40]]).await, Err(413));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let mut body = Body::new(stream::pending::<Result<Bytes, warp::Error>>());
        let soon = BodyLimits { time: Duration::from_millis(10), ..LIMITS };
        let error = body.json(&headers("application/json"), soon).await.unwrap_err();
        assert_eq!(error.into_response().status(), 408);
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_large_is_not_read() {
        let mut headers = headers("application/json");
        headers.insert(CONTENT_LENGTH, 10_000_000.into());
        let mut body = Body::new(stream::pending::<Result<Bytes, warp::Error>>());
        assert_eq!(body.json(&headers, LIMITS).await.unwrap_err().into_response().status(), 413);
    }
}
