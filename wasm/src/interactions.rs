//! Signatures of interactions, for workers at the edge and servers in JavaScript.

use ed25519_compact::{PublicKey, Signature};
use wasm_bindgen::prelude::*;

/// Whether `public_key` (64 hex digits) made `signature` (128 hex digits) over `timestamp`, ASCII digits, and then `body`.
///
/// The library refuses what is not encoded canonically and keys of small order. Without the check of the timestamp bytes
/// could move between it and the body under one signature.
#[wasm_bindgen(js_name = verifyInteraction)]
pub fn verify_interaction(public_key: &str, signature: &str, timestamp: &str, body: &[u8]) -> bool {
    let (Some(key), Some(signature)) = (from_hex::<32>(public_key), from_hex::<64>(signature)) else { return false };
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    PublicKey::new(key).verify_incremental(&Signature::new(signature)).is_ok_and(|mut state| {
        state.absorb(timestamp);
        state.absorb(body);
        state.verify().is_ok()
    })
}

/// Reads `N` bytes, two digits each.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
    }
    Some(bytes)
}
