//! Fuzz targets: each a function of bytes that panics when something does not hold which must hold for any input.
//!
//! libFuzzer calls them through `targets/`; `replay.rs` calls them with every file of `corpus/`, as an ordinary test.

#![forbid(unsafe_code)]

pub mod client;
pub mod decoder;
pub mod identify;
pub mod interaction;
mod json;
pub mod session;
pub mod websocket;
/// The parser of the server, from its own file: it belongs to no crate's public face.
#[path = "../../../native/src/hub"]
mod hub {
    pub(crate) mod websocket;
}
mod wire;
pub mod zlib;

/// A target's name and its function.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its binary and of its folder in the corpus.
    pub name: &'static str,
    /// Panics when something is wrong.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "decoder", run: decoder::run },
    Target { name: "zlib", run: zlib::run },
    Target { name: "identify", run: identify::run },
    Target { name: "session", run: session::run },
    Target { name: "client", run: client::run },
    Target { name: "interaction", run: interaction::run },
    Target { name: "websocket", run: websocket::run },
];
