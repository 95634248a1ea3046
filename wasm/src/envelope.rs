//! Events as the browser's own parser reads them, split into what core's machine takes.

use std::time::Duration;

use js_sys::{JsString, Map, Uint8Array};
use sanmon_core::codec::{DecodeError, Encoding, Message, text_of};
use sanmon_core::event::{KNOWN, Seq, Source, source_of};
use sanmon_core::gateway::{Incoming, Kind, Reason};
use wasm_bindgen::prelude::*;

use crate::host::Host;

#[wasm_bindgen]
extern "C" {
    /// What JSON.parse made of a message that is an object.
    #[derive(Clone, Debug)]
    pub(crate) type Envelope;

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

/// An event with where its payload stands.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) event: Envelope,
    pub(crate) source: Source,
}

/// Why a message could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Message(DecodeError),
    NotJson,
    NotAnEvent,
}

impl Unreadable {
    /// What was wrong. Printing it with its numbers would cost the module a tenth of its size.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Message(DecodeError::BinaryInJson) => "a binary message, where the encoding is json",
            Self::Message(DecodeError::TooBig { .. }) => "a message of more than is taken",
            Self::Message(DecodeError::BadZlib) => "a message that is not one whole zlib stream",
            Self::Message(DecodeError::BadUtf8) => "a message that is not UTF-8",
            Self::Message(DecodeError::BadJson(_)) | Self::NotJson => "a message that is not JSON",
            Self::NotAnEvent => "a message that is not an event",
        }
    }
}

/// Reads messages of one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    encoding: Encoding,
    limit: usize,
}

impl Reader {
    /// A reader of messages of at most `limit` bytes, also inflated; `host` splits them.
    pub(crate) fn new(encoding: Encoding, limit: usize, host: &Host) -> Self {
        let names = Map::new();
        for (place, (name, _)) in KNOWN.iter().enumerate() {
            names.set(&JsValue::from_str(name), &JsValue::from_f64(place as f64));
        }
        host.know(&names, limit as f64);
        Self { encoding, limit }
    }

    /// Reads one message: a string or an ArrayBuffer, as the WebSocket hands it out.
    pub(crate) fn read(&self, host: &Host, data: &JsValue) -> Result<Incoming<Delivery>, Unreadable> {
        let mut outcome = host.split(data);
        if outcome == IS_BINARY {
            let bytes = Message::Binary(Uint8Array::new(data).to_vec().into());
            let text = text_of(&bytes, self.encoding, self.limit).map_err(Unreadable::Message)?;
            outcome = host.split(&text.into());
        }
        let known = match outcome {
            TOO_BIG => return Err(Unreadable::Message(DecodeError::TooBig { limit: self.limit })),
            NOT_JSON => return Err(Unreadable::NotJson),
            UNKNOWN => None,
            place => Some(KNOWN.get(place as usize).filter(|_| place >= 0).ok_or(Unreadable::NotAnEvent)?.0),
        };
        let (event, s) = (host.parsed(), host.place());
        let s = (s >= 0.0).then(|| Seq::new(s as u64));
        let kind = known.map_or(Some(Kind::Other), |name| kind(name, &event)).ok_or(Unreadable::NotAnEvent)?;
        let source = known.map_or(Source::D, source_of);
        Ok(Incoming { kind, s, payload: Delivery { event, source } })
    }
}

/// What [`Host::split`] answers beside a place in [`KNOWN`]: an event of another name.
const UNKNOWN: i32 = -1;
/// No text: to be inflated first.
const IS_BINARY: i32 = -2;
/// More than is taken.
const TOO_BIG: i32 = -3;
/// Not JSON. Whatever else is below zero is JSON but no event.
const NOT_JSON: i32 = -4;

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
