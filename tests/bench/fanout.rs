//! One event for thousands: what a delivery costs, beside other servers, in zlib, and in many small guilds.

mod curve;
mod guilds;
mod zlib;

use std::io;

use serde_json::json;

use crate::session::Session;

/// The length of an event on the wire.
const EVENT_BYTES: usize = 256;
/// Rounds in which servers take turns; for figures, and where none are made.
const ROUNDS: (usize, usize) = (7, 1);

pub(crate) async fn run(session: &Session) -> io::Result<()> {
    println!("fanout: processor time of the server for a delivery; events of {EVENT_BYTES} bytes, json");
    let curve = curve::run(session).await?;
    if session.sizes.is_some() {
        return Ok(());
    }
    let guilds = guilds::run(session).await?;
    let zlib = zlib::run(session).await?;
    session.record("fanout", json!({ "curve": curve, "guilds": guilds, "zlib": zlib }))
}
