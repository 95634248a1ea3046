//! The page's side of a driver: the functions of js/gateway.js that it calls.

use js_sys::{Function, Map};
use wasm_bindgen::prelude::*;

use crate::envelope::Envelope;

#[wasm_bindgen]
extern "C" {
    /// An object with one method for each thing that a driver asks or tells. None of them throws.
    #[derive(Clone, Debug)]
    pub type Host;

    /// What to tell events apart by, and how long a message may be.
    #[wasm_bindgen(method)]
    pub(crate) fn know(this: &Host, names: &Map, limit: f64);

    /// What hears a WebSocket's messages: it parses them and calls `Client.take` or `Client.incoming`. Handing the messages
    /// themselves in here would cost as much as parsing a small one.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn receive(this: &Host) -> Function;

    /// When the last message came, by the page's clock; below zero when none did since this was asked.
    #[wasm_bindgen(method)]
    pub(crate) fn heard(this: &Host) -> f64;

    /// The text of the message that is being inflated; whether it is UTF-8.
    #[wasm_bindgen(method)]
    pub(crate) fn text(this: &Host, bytes: &[u8]) -> bool;

    /// Ask for a node's address; the answer goes to `Client.discovered` or `Client.undiscovered`.
    #[wasm_bindgen(method)]
    pub(crate) fn discover(this: &Host);

    /// Look for a session id; the answer goes to `Client.identify` or `Client.unidentified`.
    #[wasm_bindgen(method)]
    pub(crate) fn identify(this: &Host);

    /// An event for its listeners.
    #[wasm_bindgen(method)]
    pub(crate) fn event(this: &Host, event: &Envelope);

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
