//! Sanmon's client for browsers: what core decides, driven by the browser's WebSocket.

#![deny(unsafe_code)]

pub use sanmon_core as protocol;
use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this package, which is that of the server it was made with.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
