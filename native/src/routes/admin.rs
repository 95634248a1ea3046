//! What the operator's machines ask: whether the node lives, whether it takes work, and what it measures.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;
use crate::disk;

/// How long a change of the store may take on a node that is ready.
const WRITABLE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many of the largest requests must still fit on the disk of a node that is ready: what one stores is written twice, and
/// several may be under way. So a node is taken out before what is sent to it is refused.
const REQUESTS_THAT_FIT: u64 = 8;

/// `GET /healthz`: the process answers.
pub(super) async fn health((): (), _: &mut Call) -> Result<Response, Error> {
    Ok(text("ok\n"))
}

/// `GET /readyz`: the node has room for connections and for what it is told, and stores it.
pub(super) async fn readiness((): (), call: &mut Call) -> Result<Response, Error> {
    if call.node().is_draining() {
        return Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "the node is about to stop"));
    }
    if let Err(no_room) = call.node().hub.room() {
        return Err(Error::unavailable("no_room", no_room.to_string()));
    }
    let config = &call.node().config;
    let reserve = (config.max_body_bytes as u64).saturating_mul(REQUESTS_THAT_FIT);
    if disk::free_bytes(&config.data).is_ok_and(|free| free < reserve) {
        let message = "the disk of the data folder is nearly full";
        return Err(Error::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", message));
    }
    match tokio::time::timeout(WRITABLE_TIMEOUT, call.store().prove_writable()).await {
        Ok(stored) => stored?,
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
