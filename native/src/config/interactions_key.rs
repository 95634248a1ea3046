//! The public key of an application, as text.

use std::fmt;
use std::str::FromStr;

use sanmon_core::interaction::{ApplicationKey, InvalidKey};
use serde::{Deserialize, Serialize};

/// A public key that signs interactions of an application: `<application id>=<64 hex digits>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InteractionsKey(pub ApplicationKey);

impl FromStr for InteractionsKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for InteractionsKey {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<InteractionsKey> for String {
    fn from(key: InteractionsKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for InteractionsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(application) = self.0.application() {
            write!(f, "{application}=")?;
        }
        self.0.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_were_written() {
        let text = format!("7={}", sanmon_core::interaction::Keypair::from_seed([1; 32]).unwrap().public_key_hex());
        assert_eq!(text.parse::<InteractionsKey>().unwrap().to_string(), text);
        assert_eq!(format!("7={}", "00".repeat(32)).parse::<InteractionsKey>(), Err(InvalidKey::SmallOrder));
    }
}
