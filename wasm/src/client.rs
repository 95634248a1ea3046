//! The client as js/gateway.js holds it: plain verbs in, the methods of its [`Host`] out.

use std::rc::Rc;

use sanmon_core::codec::Encoding;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{Client as Machine, ClientOptions};
use wasm_bindgen::prelude::*;

use crate::driver::{Driver, retry_after};
use crate::envelope::{Envelope, Reader, Unreadable, address_in, names, place};
use crate::failure::Failure;
use crate::host::Host;

/// A client of the gateway. Whoever made it frees it once its host was told `ended`.
#[derive(Debug)]
#[wasm_bindgen]
pub struct Client(Rc<Driver>);

#[wasm_bindgen]
impl Client {
    /// A client that waits for `start`. `url` is an address to connect to before any is asked for.
    #[wasm_bindgen(constructor)]
    pub fn new(host: Host, zlib: bool, url: Option<String>, position: Option<f64>, max_message_bytes: f64) -> Self {
        let encoding = if zlib { Encoding::Zlib } else { Encoding::Json };
        let position = position.map(|position| Seq::new(position as u64));
        let options = ClientOptions { encoding, position, url, ..ClientOptions::default() };
        host.know(&names(), max_message_bytes);
        let reader = Reader::new(encoding, max_message_bytes as usize);
        Self(Driver::new(host, reader, options))
    }

    /// Sets out.
    pub fn start(&self) {
        self.0.start();
    }

    /// The answer to a request for a node's address.
    pub fn discovered(&self, status: &str, retry: Option<String>, text: &str) {
        match address_in(text).filter(|_| status == "200") {
            Some(url) => self.0.push(|client, now| client.handle_discovered(now, url)),
            None => {
                let wait = retry.as_deref().and_then(retry_after);
                let failure = match status {
                    "200" => Failure::new("discovery", "the answer of /available names no node"),
                    "503" => Failure::new("discovery", "no node has room"),
                    _ => Failure::new("discovery", ["/available answered ", status].concat()),
                };
                self.0.fail(failure, |client, now| client.handle_discovery_failed(now, wait));
            }
        }
    }

    /// The address is known without asking.
    pub fn located(&self, url: String) {
        self.0.push(|client, now| client.handle_discovered(now, url));
    }

    /// The request for a node's address got no answer.
    pub fn undiscovered(&self, why: &str) {
        let failure = Failure::new("discovery", ["/available did not answer: ", why].concat());
        self.0.fail(failure, |client, now| client.handle_discovery_failed(now, None));
    }

    /// An event of which the machine wants its place alone: 1 to deliver it, 0 to drop it, -1 to hand it over to `incoming`.
    /// Numbers only: this is called for every event.
    pub fn take(&self, s: f64) -> i32 {
        self.0.take(place(s)).map_or(-1, i32::from)
    }

    /// An event, its kind by the names that the host knows, and its place or -1.
    pub fn incoming(&self, event: Envelope, kind: i32, s: f64) {
        self.0.on_event(event, kind, place(s));
    }

    /// Inflates a message and hands its text to the host; otherwise answers with the number of its fault.
    pub fn inflate(&self, bytes: &[u8]) -> u8 {
        self.0.inflate(bytes).map_or_else(|fault| fault as u8, |()| 0)
    }

    /// A message could not be read, for the reason of this number.
    pub fn unreadable(&self, fault: u8) {
        self.0.on_unreadable(Unreadable::of(fault));
    }

    /// The session id that was asked for.
    pub fn identify(&self, session_id: &str) {
        self.0.push(|client, now| client.handle_session(now, session_id));
    }

    /// There is no session id for now; the host has told why.
    pub fn unidentified(&self) {
        self.0.push(Machine::handle_session_failed);
    }

    /// The user chose how to show; `update` is the message that says so.
    #[wasm_bindgen(js_name = setPresence)]
    pub fn set_presence(&self, update: String) {
        self.0.push(|client, now| client.handle_presence_message(now, update.into()));
    }

    /// Asks the server to answer with the same number; whether there was a connection to ask over.
    pub fn ping(&self, token: &str) -> bool {
        self.0.ping(token)
    }

    /// The page may have slept.
    pub fn wake(&self) {
        self.0.push(Machine::handle_wake);
    }

    /// Ends it for good.
    pub fn stop(&self) {
        self.0.push(Machine::handle_stop);
    }

    /// Up to where the page has everything.
    #[wasm_bindgen(getter)]
    pub fn position(&self) -> Option<f64> {
        self.0.position().map(|position| position as f64)
    }
}
