//! One request on its way through a handler, and what every answer carries whoever made it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method};
use hyper::upgrade::OnUpgrade;
use sanmon_core::id::Id;
use sanmon_core::time::Moment;
use tokio::sync::Semaphore;
use warp::reply::Response;

use super::audit::Act;
use super::body::{self, Body, BodyLimits, DISCARDS};
use super::cors;
use super::error::{Cause, Error};
use super::input::Input;
use super::quota::{Quota, Quotas, UsedUp};
use super::reply;
use crate::node::Node;
use crate::origin::Origins;
use crate::peer::{Door, Peer, Transport};
use crate::store::Store;
use crate::store::guilds::Caps;
use crate::tally::Tally;
use crate::upgrade::Gatekeeper;

/// What the routes of one server share.
pub(super) struct Site {
    pub(super) node: Arc<Node>,
    /// Through which door its requests come.
    door: Door,
    pub(super) gatekeeper: Gatekeeper,
    quotas: Quotas,
    /// What is said to browsers over TLS of this host, if anything.
    hsts: Option<HeaderValue>,
    discards: Arc<Semaphore>,
    /// Callers whose failures were too many.
    pub(super) failures: Tally,
    /// Requests that failed in the database.
    database_faults: Tally,
    /// Requests that failed in the log.
    log_faults: Tally,
}

impl Site {
    pub(super) fn new(node: Arc<Node>, door: Door) -> Self {
        let window = Duration::from_millis(node.config.rate_limit_window_ms);
        let quotas = Quotas::new(node.config.rate_limit_requests, window);
        let gatekeeper = Gatekeeper {
            origins: Origins::new(&node.config, &node.public_url),
            trusted_proxies: node.config.trusted_proxies.clone(),
        };
        let hsts = Some(node.config.hsts_max_age_s).filter(|seconds| *seconds > 0);
        let hsts = hsts.and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok());
        Self {
            node,
            door,
            gatekeeper,
            quotas,
            hsts,
            discards: Arc::new(Semaphore::new(DISCARDS)),
            failures: Tally::default(),
            database_faults: Tally::default(),
            log_faults: Tally::default(),
        }
    }

    /// Has the operator know why requests fail: now and then, since all of them may.
    fn complain(&self, error: &Error) {
        let now = self.node.clock.now();
        match error.cause() {
            None => {}
            Some(Cause::Database(reason)) => {
                if let Some(times) = self.database_faults.note(now) {
                    tracing::error!(times, %reason, "requests failed in the database");
                }
            }
            Some(Cause::Log(reason)) => {
                if let Some(times) = self.log_faults.note(now) {
                    tracing::error!(times, %reason, "requests failed in the event log");
                }
            }
        }
    }
}

/// One request.
pub(super) struct Call {
    pub(super) site: Arc<Site>,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) peer: Peer,
    pub(super) upgrade: Option<OnUpgrade>,
    pub(super) body: Body,
    pub(super) began: Moment,
    /// Where the session stands that asks, once it is known.
    pub(super) quota: Option<Quota>,
    /// What of this is to be found in the audit log.
    pub(super) act: Option<Act>,
}

/// How long an answer may wait for a database elsewhere: longer than each of its steps may.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

impl Call {
    pub(super) fn node(&self) -> &Node {
        &self.site.node
    }

    pub(super) fn store(&self) -> &Store {
        &self.site.node.store
    }

    /// How long the answer may take, where a database elsewhere may fall silent; the body's own time comes on top.
    pub(super) fn patience(&self) -> Option<Duration> {
        let body = Duration::from_millis(self.node().config.body_timeout_ms);
        self.store().is_shared().then(|| body + STORE_TIMEOUT)
    }

    pub(super) fn caps(&self) -> Caps {
        Caps::of(&self.site.node.config)
    }

    /// The body as checked JSON text.
    pub(super) async fn json(&mut self) -> Result<String, Error> {
        let config = &self.site.node.config;
        let limits = BodyLimits { bytes: config.max_body_bytes, time: Duration::from_millis(config.body_timeout_ms) };
        self.body.json(&self.headers, limits).await
    }

    /// The whole body, which may be larger than others.
    pub(super) async fn bytes(&mut self, limit: usize) -> Result<Bytes, Error> {
        let time = Duration::from_millis(self.site.node.config.body_timeout_ms);
        self.body.bytes(&self.headers, BodyLimits { bytes: limit, time }).await.map(Bytes::from)
    }

    /// The Content-Type, if the body is a form with files.
    pub(super) fn form_type(&self) -> Option<String> {
        body::content_type(&self.headers, "multipart/form-data").map(str::to_owned)
    }

    /// The body as an object's fields.
    pub(super) async fn input(&mut self) -> Result<Input, Error> {
        Input::parse(&self.json().await?)
    }

    /// What the query says of `name`; the first word counts.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Counts this request against those that a session may make in this group of routes.
    pub(super) fn count(&mut self, session: Id) -> Result<(), Error> {
        let (quota, taken) = self.site.quotas.take(&self.site.node.clock, session, group(&self.path));
        self.quota = Some(quota);
        taken.map_err(|UsedUp| Error::rate_limited(quota.retry_after_s()))
    }

    /// The client's address, as far as it is known.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.peer.client(&self.headers, &self.site.gatekeeper.trusted_proxies)
    }

    /// Whether the request came in by the control socket.
    pub(super) fn is_by_control_socket(&self) -> bool {
        self.site.door == Door::Control
    }

    /// What to say to OPTIONS.
    pub(super) fn options(allow: &'static str) -> Response {
        let mut response = reply::done();
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        response
    }

    /// The answer as it goes out: the handler's, with what every answer carries.
    pub(super) fn answer(self, answer: Result<Response, Error>) -> Response {
        let mut response = answer.unwrap_or_else(|error| {
            self.site.complain(&error);
            error.into_response()
        });
        let node = &self.site.node;
        if let Some(quota) = self.quota {
            quota.stamp(response.headers_mut());
        }
        if let Some(act) = &self.act {
            act.record(self.client(), &self.method, &self.path, response.status());
        }
        cors::stamp(&self.site.gatekeeper.origins, &self.headers, &self.peer, &mut response);
        harden(response.headers_mut());
        if let Some(hsts) = self.site.hsts.clone().filter(|_| self.peer.transport == Transport::Tls) {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, hsts);
        }
        node.metrics.http_requests.with_label_values(&[method_label(&self.method), response.status().as_str()]).inc();
        node.metrics.http_seconds.observe(node.clock.now().since(self.began).as_secs_f64());
        self.body.discard(&self.headers, &self.site.discards);
        response
    }
}

/// The group of routes that a path belongs to: its first part.
fn group(path: &str) -> &'static str {
    const GROUPS: [&str; 5] = ["guilds", "channels", "invites", "users", "sessions"];
    let first = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    GROUPS.into_iter().find(|group| *group == first).unwrap_or("other")
}

/// A method as a metric's label: anyone may send any word, and each word that is kept costs memory for good.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

/// No answer is taken for another media type than it says, framed, taken into a page of another origin that was not
/// allowed to read it, or loads anything, unless its route says else.
fn harden(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_group_of_its_first_part() {
        assert_eq!(group("/guilds/5/members"), "guilds");
        assert_eq!(group("//users/@me"), "users");
        assert_eq!(group("/"), "other");
    }
}
