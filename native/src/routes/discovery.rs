//! Where to connect: the nodes that are live and have room.

use std::collections::BTreeMap;

use serde::Serialize;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;
use crate::cluster::{Record, emptier_of_two};
use crate::node::Node;

/// The protocol's version.
const VERSION: u32 = 1;

/// A node as a client that wants to connect is told of it.
#[derive(Serialize)]
struct Available {
    url: String,
    /// The address without its scheme: what follows `wss://` in the oldest clients.
    port: String,
    domain: String,
    v: u32,
}

/// A node that clients may be sent to.
struct Candidate {
    url: String,
    domain: String,
    connections: u64,
}

/// `GET /available`: a node that has room, the emptier of two picked at random.
pub(super) async fn available((): (), call: &mut Call) -> Result<Response, Error> {
    let node = call.node();
    let mut candidates = Vec::new();
    if !node.is_draining() && node.hub.room().is_ok() {
        let connections = node.hub.connections() as u64;
        candidates.push(Candidate { url: node.public_url.clone(), domain: node.domain(), connections });
    }
    if let Some(cluster) = &node.cluster {
        check(node)?;
        candidates.extend(fit(cluster.punctual()));
        if candidates.is_empty() {
            candidates.extend(fit(cluster.others().into_iter().map(|(_, record)| record).collect()));
        }
    }
    let random = getrandom::u64().unwrap_or_default();
    let picked = emptier_of_two(candidates, random, |candidate| candidate.connections);
    let Candidate { url, domain, .. } =
        picked.ok_or_else(|| Error::unavailable("no_room", "no node has room: try again"))?;
    let port = url.split_once("://").map_or(url.as_str(), |(_, port)| port).to_owned();
    Ok(reply::ok(&Available { url, port, domain, v: VERSION }))
}

/// Those of the nodes that take clients.
fn fit(records: Vec<Record>) -> impl Iterator<Item = Candidate> {
    let fit = records.into_iter().filter(|record| record.serves() && record.room);
    fit.map(|Record { url, domain, connections, .. }| Candidate { url, domain, connections })
}

/// `GET /domains`
pub(super) async fn domains((): (), call: &mut Call) -> Result<Response, Error> {
    let node = call.node();
    let mut live = BTreeMap::new();
    if !node.is_draining() {
        live.insert(node.domain(), node.public_url.clone());
    }
    if let Some(cluster) = &node.cluster {
        check(node)?;
        let others = cluster.others().into_iter().map(|(_, record)| record);
        live.extend(others.filter(|record| record.serves()).map(|record| (record.domain, record.url)));
    }
    Ok(reply::ok(&live))
}

/// A node that is cut off does not know of any that lives.
fn check(node: &Node) -> Result<(), Error> {
    if node.hub.is_cut_off() {
        return Err(Error::unavailable("cut_off", "this node is cut off from the others: ask another"));
    }
    Ok(())
}
