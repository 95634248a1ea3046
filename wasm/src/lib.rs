//! Sanmon's client for browsers: what core decides, driven by the browser's WebSocket.

#![deny(unsafe_code)]

mod client;
mod driver;
mod envelope;
mod failure;
mod host;
mod socket;
mod timer;

pub use self::client::Client;
