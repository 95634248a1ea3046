//! Signatures of interactions, for workers at the edge and servers in JavaScript: a module of its own, so that pages which
//! only listen to events don't download it.

#![deny(unsafe_code)]

use sanmon_core::interaction::{ApplicationKey, InvalidKey, Signed, public_key_from_hex};
use wasm_bindgen::prelude::*;

/// Whether `public_key` (64 hex digits) made `signature` (128 hex digits) over `timestamp`, ASCII digits, and then `body`.
/// What a sender can get wrong is `false`.
///
/// # Errors
/// The key itself can't be used; the value is the word for why.
#[wasm_bindgen]
pub fn verify(public_key: &str, signature: &str, timestamp: &str, body: &[u8]) -> Result<bool, JsValue> {
    let key = public_key_from_hex(public_key).and_then(ApplicationKey::of_any_application).map_err(word)?;
    let signed = Signed::from_hex(None, signature.as_bytes(), timestamp.as_bytes());
    Ok(signed.is_ok_and(|signed| signed.is_by(&key, body)))
}

/// What js/errors.js calls it.
fn word(error: InvalidKey) -> JsValue {
    JsValue::from_str(match error {
        InvalidKey::Form | InvalidKey::NotHex => "not_hex",
        InvalidKey::NotAPoint => "not_a_point",
        InvalidKey::SmallOrder => "small_order",
    })
}
