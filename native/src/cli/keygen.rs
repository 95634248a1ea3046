//! `sanmon keygen`: a pair of Ed25519 keys.

use clap::Args;
use ed25519_compact::{KeyPair, Seed};
use serde_json::json;

use super::failure::Failure;
use super::output::Format;

/// Make a pair of Ed25519 keys, as they sign interactions.
///
/// The public key is what a server is given to verify with; the secret key is the 32-byte seed of RFC 8032. Both are
/// printed as hex, and kept nowhere.
#[derive(Debug, Args)]
pub(super) struct Keygen {
    #[command(flatten)]
    format: Format,
}

impl Keygen {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut seed = [0; Seed::BYTES];
        getrandom::fill(&mut seed).map_err(|error| Failure::Local(format!("no random numbers: {error}")))?;
        self.format.answer(&pair(seed).to_string())
    }
}

fn pair(seed: [u8; Seed::BYTES]) -> serde_json::Value {
    let public = KeyPair::from_seed(Seed::new(seed)).pk;
    json!({ "public_key": hex::encode(public.as_ref()), "secret_key": hex::encode(seed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_is_that_of_the_rfc() {
        // RFC 8032, section 7.1, test 2.
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let bytes: Vec<_> = (0..32).map(|i| u8::from_str_radix(&seed[2 * i..2 * i + 2], 16).unwrap()).collect();
        let pair = pair(bytes.try_into().unwrap());
        assert_eq!(pair["public_key"], "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(pair["secret_key"], seed);
    }
}
