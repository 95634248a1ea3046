//! What the operator's machines ask: whether the node lives, whether it takes work, and what it measures.

use std::time::Duration;

use bytes::Bytes;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;

/// How long a change of the store may take on a node that is ready.
const WRITABLE_TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process answers.
pub(super) async fn health((): (), _: &mut Call) -> Result<Response, Error> {
    Ok(text("ok\n"))
}

/// `GET /readyz`: the node has room for connections, and stores what it is told. It asks the store as a publish does, so that
/// it says no exactly while publishes are refused.
pub(super) async fn readiness((): (), call: &mut Call) -> Result<Response, Error> {
    if call.node().is_draining() {
        return Err(Error::unavailable("draining", "the node is about to stop"));
    }
    if let Err(no_room) = call.node().hub.room() {
        return Err(Error::unavailable("no_room", no_room.to_string()));
    }
    match tokio::time::timeout(WRITABLE_TIMEOUT, call.store().prove_writable()).await {
        Ok(stored) => stored.map_err(|error| Error::from(error).not_ready())?,
        Err(_) => return Err(Error::unavailable("busy", "the store takes too long")),
    }
    Ok(text("ready\n"))
}

/// `GET /metrics`
pub(super) async fn metrics((): (), call: &mut Call) -> Result<Response, Error> {
    Ok(reply::content("text/plain; version=0.0.4; charset=utf-8", call.node().render_metrics().into()))
}

fn text(text: &'static str) -> Response {
    reply::content("text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}
