//! The console's files, which are part of the program.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;

/// A file of the console.
struct File {
    path: &'static str,
    media_type: &'static str,
    body: &'static [u8],
}

/// What build.rs found in www/.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// The console runs its own scripts and talks to gateways, wherever those are; nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// `GET /console/{name}` and `GET /sanmon/{name}`
pub(super) async fn file((): (), call: &mut Call, _name: String) -> Result<Response, Error> {
    page((), call).await
}

/// The file at the path of the request.
pub(super) async fn page((): (), call: &mut Call) -> Result<Response, Error> {
    let file = FILES.iter().find(|file| file.path == call.path).ok_or_else(Error::no_route)?;
    let mut response = reply::content(file.media_type, Bytes::from_static(file.body));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    // A new version of the program brings new files under the same names.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
