//! Where to connect: the nodes that are live and have room.

use std::collections::BTreeMap;

use serde::Serialize;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;

/// The protocol's version.
const VERSION: u32 = 1;

/// A node as a client that wants to connect is told of it.
#[derive(Serialize)]
struct Available<'a> {
    url: &'a str,
    /// The address without its scheme: what follows `wss://` in the oldest clients.
    port: &'a str,
    domain: &'a str,
    v: u32,
}

/// `GET /available`
pub(super) async fn available((): (), call: &mut Call) -> Result<Response, Error> {
    let node = call.node();
    if node.is_draining() || node.hub.room().is_err() {
        return Err(Error::unavailable("no_room", "no node has room: try again"));
    }
    let url = node.public_url.as_str();
    let port = url.split_once("://").map_or(url, |(_, port)| port);
    Ok(reply::ok(&Available { url, port, domain: &node.config.domain, v: VERSION }))
}

/// `GET /domains`
pub(super) async fn domains((): (), call: &mut Call) -> Result<Response, Error> {
    let node = call.node();
    let mut live = BTreeMap::new();
    if !node.is_draining() {
        live.insert(&node.config.domain, &node.public_url);
    }
    Ok(reply::ok(&live))
}
