//! A pair of keys, for tools and tests that play the platform.

use std::fmt;

use ed25519_compact::{KeyPair, Seed};

/// A pair of keys that signs requests, for tools and tests that play the platform.
#[derive(Clone)]
pub struct Keypair(KeyPair);

/// The seed is all zeros: it can't come from a source of randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seed is all zeros")]
pub struct ZeroSeed;

impl Keypair {
    /// The pair that these 32 secret random bytes make.
    ///
    /// # Errors
    /// [`ZeroSeed`].
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, ZeroSeed> {
        KeyPair::try_from_seed(Seed::new(seed)).map(Self).map_err(|_| ZeroSeed)
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        *self.0.pk
    }

    /// The public key as the platform shows it.
    pub fn public_key_hex(&self) -> String {
        hex::encode(*self.0.pk)
    }

    /// The signature over `timestamp` and then `body`.
    pub fn sign(&self, timestamp: &[u8], body: &[u8]) -> [u8; 64] {
        *self.0.sk.sign([timestamp, body].concat(), None)
    }

    /// The signature as `X-Signature-Ed25519` has it.
    pub fn sign_hex(&self, timestamp: &[u8], body: &[u8]) -> String {
        hex::encode(self.sign(timestamp, body))
    }
}

impl fmt::Debug for Keypair {
    /// Shows the public half alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keypair").field(&self.public_key_hex()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_keeps_its_secret() {
        assert_eq!(Keypair::from_seed([0; 32]).unwrap_err(), ZeroSeed);
        assert!(!format!("{:?}", Keypair::from_seed([7; 32]).unwrap()).contains("0707"));
    }
}
