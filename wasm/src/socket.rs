//! One WebSocket of the browser, from its opening until it is let go of.

use std::rc::Weak;

use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use crate::driver::Driver;

/// An open or opening WebSocket. Dropping it closes it, and nothing is heard of it any more.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Begins to connect to `url`; the driver hears what becomes of it.
    ///
    /// # Errors
    /// The page may not connect there, or there are no WebSockets here.
    pub(crate) fn open(url: &str, driver: &Weak<Driver>) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let on_open = Closure::new(forward(driver, |driver, ()| driver.on_open()));
        let on_message = Closure::new({
            let driver = driver.clone();
            move |event: MessageEvent| {
                if let Some(driver) = driver.upgrade() {
                    driver.on_message(&event.data());
                }
            }
        });
        let on_close = Closure::new({
            let driver = driver.clone();
            move |event: CloseEvent| {
                if let Some(driver) = driver.upgrade() {
                    driver.on_close(event.code(), &event.reason());
                }
            }
        });
        // An error is followed by a close, which says as much: browsers keep from pages why they could not connect.
        Ok(Self { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }
}
