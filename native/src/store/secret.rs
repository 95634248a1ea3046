//! Secrets that are given out once and kept as hashes alone: of sessions and of operator keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sanmon_core::id::Id;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::any::AnyRow;
use subtle::ConstantTimeEq;

use super::Store;
use super::error::StoreError;

/// A fresh secret: its text for whom it is made, its hash for the database.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) text: String,
    pub(super) hash: String,
}

/// What someone shows: the id that it names, and the hash of what it claims.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) id: Id,
    hash: String,
}

impl Secret {
    /// 256 random bits, as `<id>.<base64url>`: the id finds the row, so that nothing is looked up by a secret.
    pub(super) fn mint(id: Id) -> Result<Self, StoreError> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits)
            .map_err(|error| StoreError::Unavailable(format!("the system gives no random numbers: {error}")))?;
        let text = format!("{id}.{}", URL_SAFE_NO_PAD.encode(bits));
        Ok(Self { hash: hex::encode(Sha256::digest(text.as_bytes())), text })
    }
}

impl Claim {
    /// Reads what someone shows; `None` if it can't be a secret.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.split_once('.')?;
        // Longer ones are none, and are not worth hashing.
        if secret.is_empty() || secret.len() > 64 {
            return None;
        }
        Some(Self { id: id.parse().ok()?, hash: hex::encode(Sha256::digest(text.as_bytes())) })
    }

    /// The row that `query` finds by the id, if its first column is the hash of this secret.
    pub(super) async fn row(&self, store: &Store, query: &'static str) -> Result<Option<AnyRow>, StoreError> {
        let Some(row) = store.look_up(|| sqlx::query(query).bind(self.id.as_i64())).await? else { return Ok(None) };
        let is_right = self.matches(&row.try_get::<String, _>(0)?);
        Ok(is_right.then_some(row))
    }

    /// Whether this is the secret that has the hash `stored`, in a time that tells nothing of where they differ.
    pub(super) fn matches(&self, stored: &str) -> bool {
        self.hash.as_bytes().ct_eq(stored.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_matches() {
        let id = Id::new(77).unwrap();
        let (secret, other) = (Secret::mint(id).unwrap(), Secret::mint(id).unwrap());
        let claim = Claim::parse(&secret.text).unwrap();
        assert_eq!(claim.id, id);
        assert!(claim.matches(&secret.hash) && !claim.matches(&other.hash) && !claim.matches(""));
        let cut = &secret.text[..secret.text.len() - 1];
        assert!(!Claim::parse(cut).unwrap().matches(&secret.hash));
        for text in ["", ".", "77", "77.", "x.y", "0.abc", &format!("7.{}", "a".repeat(65))] {
            assert!(Claim::parse(text).is_none(), "{text}");
        }
    }
}
