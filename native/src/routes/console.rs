//! The console's files, which are part of the program.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;
use crate::node::Node;

/// A file of the console.
struct File {
    path: &'static str,
    media_type: &'static str,
    body: &'static [u8],
}

/// What build.rs found in www/.
const FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// `GET /console/{name}` and `GET /sanmon/{name}`
pub(super) async fn file((): (), call: &mut Call, _name: String) -> Result<Response, Error> {
    page((), call).await
}

/// The file at the path of the request.
pub(super) async fn page((): (), call: &mut Call) -> Result<Response, Error> {
    let file = FILES.iter().find(|file| file.path == call.path).ok_or_else(Error::no_route)?;
    let mut response = reply::content(file.media_type, Bytes::from_static(file.body));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy(call.node()));
    // A new version of the program brings new files under the same names.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// What the console may do: run its own scripts, and talk to its own server and to gateways; nothing else.
fn policy(node: &Node) -> HeaderValue {
    // Among many nodes it is sent to any of them, also to one that joined after the page was read.
    let gateway = if node.cluster.is_some() { None } else { origin(&node.public_url) };
    let gateways = gateway.unwrap_or("ws: wss:");
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' {gateways}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
}

/// The scheme and the host of an address, if a policy can name them: it has no words for addresses of IPv6.
fn origin(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |end| host + end);
    let is_nameable = url[host..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte));
    (is_nameable && end > host).then(|| &url[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_hosts_and_nothing_that_would_end_it() {
        assert_eq!(origin("wss://gw1.example:8443/gateway"), Some("wss://gw1.example:8443"));
        assert_eq!(origin("ws://127.0.0.1:8080"), Some("ws://127.0.0.1:8080"));
        for url in ["ws://[::1]:8080/gateway", "wss://a;b/gateway", "wss://a,b", "wss://", "gateway"] {
            assert_eq!(origin(url), None, "{url}");
        }
    }
}
