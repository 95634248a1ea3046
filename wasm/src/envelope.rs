//! Events as the browser's own parser reads them, split into what core's machine takes.

use std::time::Duration;

use js_sys::{JsString, Map};
use sanmon_core::codec::{Encoding, InflateError, Inflater};
use sanmon_core::event::{KNOWN, Seq, source_of};
use sanmon_core::gateway::{Incoming, Kind, Reason};
use wasm_bindgen::prelude::*;

use crate::host::Host;

#[wasm_bindgen]
extern "C" {
    /// What JSON.parse made of a message that is an object.
    #[derive(Clone, Debug)]
    pub type Envelope;

    #[wasm_bindgen(method, getter, structural)]
    fn d(this: &Envelope) -> JsValue;

    /// The `d` of a control frame, or another small object that this crate reads.
    type Control;

    #[wasm_bindgen(method, getter, structural)]
    fn guilds(this: &Control) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn url(this: &Control) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn ping_interval_ms(this: &Control) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn ping_timeout_ms(this: &Control) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn delay_ms(this: &Control) -> JsValue;

    #[wasm_bindgen(method, getter, structural)]
    fn r(this: &Control) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn ms(this: &Control) -> JsValue;
    #[wasm_bindgen(method, getter, structural)]
    fn detail(this: &Control) -> JsValue;

    #[wasm_bindgen(js_namespace = JSON, catch)]
    fn parse(text: &JsString) -> Result<JsValue, JsValue>;
}

/// An event on its way through the machine.
#[derive(Clone, Debug)]
pub(crate) enum Delivery {
    /// The one that js/splitter.js is handing in right now, which never leaves JavaScript.
    Current,
    /// One that was handed over.
    Held(Envelope),
}

/// Why a message could not be read. js/splitter.js has the same numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unreadable {
    TooBig = 1,
    NotJson = 2,
    NotAnEvent = 3,
    BinaryInJson = 4,
    BadZlib = 5,
    BadUtf8 = 6,
}

impl Unreadable {
    /// The fault with this number.
    pub(crate) const fn of(number: u8) -> Self {
        match number {
            1 => Self::TooBig,
            2 => Self::NotJson,
            4 => Self::BinaryInJson,
            5 => Self::BadZlib,
            6 => Self::BadUtf8,
            _ => Self::NotAnEvent,
        }
    }

    /// What was wrong. Printing it with its numbers would cost the module a tenth of its size.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BinaryInJson => "a binary message, where the encoding is json",
            Self::TooBig => "a message of more than is taken",
            Self::BadZlib => "a message that is not one whole zlib stream",
            Self::BadUtf8 => "a message that is not UTF-8",
            Self::NotJson => "a message that is not JSON",
            Self::NotAnEvent => "a message that is not an event",
        }
    }
}

/// What js/events.js calls an event of which the machine wants its place alone, and whose payload stands beside `t` and `s`.
const TOP: i32 = -2;

/// By what js/events.js tells events apart: the place in [`KNOWN`] of each that the machine looks into, and [`TOP`]. Of
/// every other one the machine wants its place alone, and its payload stands in `d`.
pub(crate) fn names() -> Map {
    let names = Map::new();
    for (place, (name, _)) in KNOWN.iter().enumerate() {
        let kind = match (is_plain(name), source_of(name).is_top()) {
            (true, false) => continue,
            (true, true) => TOP,
            (false, _) => place as i32,
        };
        names.set(&JsValue::from_str(name), &JsValue::from_f64(f64::from(kind)));
    }
    names
}

/// Inflates the binary messages of one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    encoding: Encoding,
    limit: usize,
    inflater: Inflater,
}

impl Reader {
    /// A reader of messages of at most `limit` bytes, also inflated.
    pub(crate) fn new(encoding: Encoding, limit: usize) -> Self {
        Self { encoding, limit, inflater: Inflater::default() }
    }

    /// Inflates one message and hands its text to the host.
    pub(crate) fn inflate(&mut self, host: &Host, bytes: &[u8]) -> Result<(), Unreadable> {
        if self.encoding == Encoding::Json {
            return Err(Unreadable::BinaryInJson);
        }
        if bytes.len() > self.limit {
            return Err(Unreadable::TooBig);
        }
        let text = self.inflater.inflate(bytes, self.limit).map_err(|error| match error {
            InflateError::TooBig => Unreadable::TooBig,
            InflateError::NotAStream => Unreadable::BadZlib,
        })?;
        if host.text(text) { Ok(()) } else { Err(Unreadable::BadUtf8) }
    }
}

/// An event of one of [`names`]' kinds, for the machine.
pub(crate) fn incoming(event: Envelope, kind: i32, s: Option<Seq>) -> Option<Incoming<Delivery>> {
    let split = match usize::try_from(kind) {
        Ok(place) => self::kind(KNOWN.get(place)?.0, &event)?,
        Err(_) => Kind::Other,
    };
    Some(Incoming { kind: split, s, payload: Delivery::Held(event) })
}

/// A place in the log as JavaScript has it: a whole number, or one below zero where there is none.
pub(crate) fn place(s: f64) -> Option<Seq> {
    (s >= 0.0).then(|| Seq::new(s as u64))
}

/// Whether the machine looks at nothing but the place of an event.
fn is_plain(name: &str) -> bool {
    !matches!(name, "READY" | "GUILD_INIT" | "RESUMED" | "RECONNECT" | "PONG")
}

/// What the known event is to the machine; `None` when a control frame lacks what the machine needs of it.
fn kind(name: &str, event: &Envelope) -> Option<Kind> {
    let control = || Some(event.d()).filter(JsValue::is_object).map(JsValue::unchecked_into::<Control>);
    Some(match name {
        "READY" => {
            let d = control()?;
            Kind::Ready {
                guilds: u32::try_from(integer(&d.guilds())?).ok()?,
                url: d.url().as_string(),
                ping_interval: integer(&d.ping_interval_ms()).map(Duration::from_millis),
                ping_timeout: integer(&d.ping_timeout_ms()).map(Duration::from_millis),
            }
        }
        "GUILD_INIT" => Kind::GuildInit,
        "RESUMED" => Kind::Resumed,
        "RECONNECT" => {
            let d = control()?;
            Kind::Reconnect { url: d.url().as_string(), delay: Duration::from_millis(integer(&d.delay_ms())?) }
        }
        "PONG" => Kind::Pong,
        _ => Kind::Other,
    })
}

/// A whole number from 0 to 2^53-1.
pub(crate) fn integer(value: &JsValue) -> Option<u64> {
    let number = value.as_f64()?;
    ((0.0..=js_sys::Number::MAX_SAFE_INTEGER).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// The address in the answer of `/available`.
pub(crate) fn address_in(answer: &str) -> Option<String> {
    object_in(answer)?.url().as_string()
}

/// What a close says beside its code. Proxies write anything there, so nothing is an error.
pub(crate) fn reason_in(text: &str) -> Reason {
    let Some(reason) = object_in(text) else { return Reason::default() };
    Reason { r: reason.r().as_string(), ms: integer(&reason.ms()), detail: reason.detail().as_string() }
}

fn object_in(text: &str) -> Option<Control> {
    parse(&text.into()).ok().filter(JsValue::is_object).map(JsValue::unchecked_into)
}

impl Envelope {
    /// The number in `d`, if that is what it is.
    pub(crate) fn number(&self) -> Option<f64> {
        self.d().as_f64()
    }
}
