//! One WebSocket of the browser, from its opening until it is let go of.

use std::rc::Weak;

use js_sys::Function;
use sanmon_core::gateway::Close;
use wasm_bindgen::convert::FromWasmAbi;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, WebSocket};

use crate::driver::Driver;

/// An open or opening WebSocket. Dropping it closes it, and nothing is heard of it any more.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: WebSocket,
    on_open: Closure<dyn FnMut(JsValue)>,
    on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Begins to connect to `url`; the driver hears what becomes of it, and `receive` its messages.
    ///
    /// # Errors
    /// The page may not connect there, or there are no WebSockets here.
    pub(crate) fn open(url: &str, receive: &Function, driver: &Weak<Driver>) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let this = Self {
            on_open: closure(driver, |driver, _: JsValue| driver.on_open()),
            on_close: closure(driver, |driver, event: CloseEvent| driver.on_close(event.code(), &event.reason())),
            socket,
        };
        // An error is followed by a close that says as much: browsers keep from pages why they could not connect.
        this.socket.set_onopen(Some(this.on_open.as_ref().unchecked_ref()));
        this.socket.set_onmessage(Some(receive));
        this.socket.set_onclose(Some(this.on_close.as_ref().unchecked_ref()));
        Ok(this)
    }

    /// Sends a text message.
    pub(crate) fn send_text(&self, text: &str) -> Result<(), JsValue> {
        self.socket.send_with_str(text)
    }

    /// Sends a binary message.
    pub(crate) fn send_binary(&self, bytes: &[u8]) -> Result<(), JsValue> {
        self.socket.send_with_u8_array(bytes)
    }

    /// Closes it. Of the codes below 3000, pages may send only 1000; for another one the close says nothing.
    pub(crate) fn close(self, Close { code, reason }: &Close) {
        let closed = match code {
            1000 | 3000..=4999 => self.socket.close_with_code_and_reason(*code, reason),
            _ => self.socket.close(),
        };
        debug_assert!(closed.is_ok(), "codes and reasons of core are allowed");
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Does nothing to one that is closed already.
        let _ = self.socket.close();
    }
}

/// A function of JavaScript that enters the driver, for as long as there is one.
fn closure<E: FromWasmAbi + 'static>(driver: &Weak<Driver>, enter: fn(&Driver, E)) -> Closure<dyn FnMut(E)> {
    let driver = driver.clone();
    Closure::new(move |event| {
        if let Some(driver) = driver.upgrade() {
            enter(&driver, event);
        }
    })
}
