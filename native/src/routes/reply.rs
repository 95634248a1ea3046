//! Answers that are no errors.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use warp::reply::Response;

/// An answer of JSON.
pub(super) fn json(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Response {
    let text = serde_json::to_string(value).expect("answers have a JSON form");
    let mut response = content("application/json", text.into());
    *response.status_mut() = status;
    response
}

/// 200 with JSON.
pub(super) fn ok(value: &(impl Serialize + ?Sized)) -> Response {
    json(StatusCode::OK, value)
}

/// 201 with JSON.
pub(super) fn created(value: &(impl Serialize + ?Sized)) -> Response {
    json(StatusCode::CREATED, value)
}

/// 204.
pub(super) fn done() -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 200 with a body of this media type, which nobody caches.
pub(super) fn content(media_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
