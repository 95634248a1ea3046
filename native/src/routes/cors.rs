//! Which pages of browsers may read the answers: those of this server's own origin, and of the configured ones.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};
use warp::reply::Response;

use crate::origin::{Origins, Standing};
use crate::peer::Peer;

/// What a page may read beside the body.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-RateLimit-Bucket, Retry-After",
);
/// What a page may send.
const ACCEPTED: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, X-On-Behalf-Of");
/// For how many seconds a browser may remember the answer to a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Adds what a browser wants to see before it hands this answer to the page that asked.
pub(super) fn stamp(origins: &Origins, request: &HeaderMap, peer: &Peer, response: &mut Response) {
    let allow = response.headers().get(ALLOW).cloned();
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from(ORIGIN));
    let is_allowed = origins.standing(request, peer) == Standing::Allowed;
    let Some(origin) = request.get(ORIGIN).filter(|_| is_allowed) else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if let Some(allow) = allow.filter(|_| request.contains_key(ACCESS_CONTROL_REQUEST_METHOD)) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allow);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::peer::{Door, Transport};
    use crate::routes::reply;

    fn stamped(origin: &'static str, is_preflight: bool) -> HeaderMap {
        let origins = Origins::new(&Config::default(), "wss://gw.example/gateway");
        let mut request = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
        let mut response = reply::done();
        if is_preflight {
            request.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PATCH"));
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, PATCH"));
        }
        let peer = Peer { address: None, door: Door::Public, transport: Transport::Plain };
        stamp(&origins, &request, &peer, &mut response);
        response.headers().clone()
    }

    #[test]
    fn an_allowed_page_reads_the_answer_and_its_headers() {
        let headers = stamped("https://gw.example", false);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://gw.example");
        assert!(headers[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap().contains("X-RateLimit-Remaining"));
        assert_eq!(headers[VARY], "origin");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
        assert_eq!(stamped("https://gw.example", true)[ACCESS_CONTROL_ALLOW_METHODS], "GET, PATCH");
    }

    #[test]
    fn any_other_page_does_not() {
        let headers = stamped("https://evil.example", true);
        assert_eq!(headers[VARY], "origin");
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
    }
}
