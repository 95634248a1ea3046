//! The page's side of a driver: the functions of js/gateway.js that it calls.

use js_sys::Map;
use wasm_bindgen::prelude::*;

use crate::envelope::Envelope;

#[wasm_bindgen]
extern "C" {
    /// An object with one method for each thing that a driver asks or tells. None of them throws.
    #[derive(Clone, Debug)]
    pub type Host;

    /// What a message is split by: the place of each known name, and how long a message may be.
    #[wasm_bindgen(method)]
    pub(crate) fn know(this: &Host, names: &Map, limit: f64);

    /// Parses a message and answers with the place of its name, or a number below zero that the reader knows. One call, in
    /// JavaScript's own parser, since each crossing costs as much as parsing a few fields.
    #[wasm_bindgen(method)]
    pub(crate) fn split(this: &Host, data: &JsValue) -> i32;

    /// The event that was split last.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn parsed(this: &Host) -> Envelope;

    /// Its `s`, or -1.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn place(this: &Host) -> f64;

    /// Ask for a node's address; the answer goes to `Client.discovered` or `Client.undiscovered`.
    #[wasm_bindgen(method)]
    pub(crate) fn discover(this: &Host);

    /// Look for a session id; the answer goes to `Client.identify` or `Client.unidentified`.
    #[wasm_bindgen(method)]
    pub(crate) fn identify(this: &Host);

    /// An event. `top` says that its payload stands beside `t` and `s`, not in `d`.
    #[wasm_bindgen(method)]
    pub(crate) fn event(this: &Host, event: &Envelope, top: bool);

    /// The answer to `Client.ping`, with the same number.
    #[wasm_bindgen(method)]
    pub(crate) fn pong(this: &Host, token: f64);

    /// How far the client is; `ms` is how long a wait takes.
    #[wasm_bindgen(method)]
    pub(crate) fn state(this: &Host, name: &str, ms: Option<f64>);

    /// Something went wrong; what follows from it is the next state.
    #[wasm_bindgen(method)]
    pub(crate) fn error(
        this: &Host,
        kind: &str,
        message: &str,
        code: Option<u16>,
        reason: Option<String>,
        advice: &str,
    );

    /// It is over, and the driver may be freed.
    #[wasm_bindgen(method)]
    pub(crate) fn ended(this: &Host);
}
