//! Operator keys that were shown before, so that a backend that publishes is not looked up each time.
//!
//! They hold where this process alone revokes keys: where many machines share a store, none is kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;

use super::operator_keys::Operator;

/// Keys that are kept.
const MAX_KEYS: usize = 1_000;

/// The operator keys that are known to be valid.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: HashMap<Id, KnownKey>,
    /// How often keys were revoked.
    revocations: u64,
}

/// A valid key.
#[derive(Clone, Debug)]
pub(super) struct KnownKey {
    /// The hash of its secret.
    pub(super) hash: String,
    /// Whose it is.
    pub(super) operator: Operator,
    /// When it ends by itself.
    pub(super) expires_at: Option<UnixMillis>,
}

impl KnownKey {
    /// Whether it has not run out.
    pub(super) fn is_valid(&self, now: UnixMillis) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }
}

impl KnownKeys {
    /// The key with this id, if it is known.
    pub(super) fn find(&self, id: Id) -> Option<KnownKey> {
        self.lock().keys.get(&id).cloned()
    }

    /// How often keys were revoked so far.
    pub(super) fn revocations(&self) -> u64 {
        self.lock().revocations
    }

    /// Keeps a key that was read when `revocations` keys had been revoked, unless others were since.
    pub(super) fn keep(&self, key: KnownKey, revocations: u64) {
        let mut kept = self.lock();
        if kept.revocations != revocations {
            return;
        }
        if kept.keys.len() >= MAX_KEYS {
            kept.keys.clear();
        }
        kept.keys.insert(key.operator.id, key);
    }

    /// Forgets all of them, since one was revoked.
    pub(super) fn forget(&self) {
        let mut kept = self.lock();
        kept.revocations += 1;
        kept.keys.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_revocation_is_not_kept() {
        let (keys, id) = (KnownKeys::default(), Id::new(1).unwrap());
        let key = || KnownKey {
            hash: "h".to_owned(),
            operator: Operator { id, name: "backend".to_owned(), scopes: Vec::new() },
            expires_at: None,
        };
        let before = keys.revocations();
        keys.keep(key(), before);
        assert_eq!(keys.find(id).unwrap().hash, "h");
        keys.forget();
        assert!(keys.find(id).is_none());
        keys.keep(key(), before);
        assert!(keys.find(id).is_none(), "it may be the one that was revoked");
        keys.keep(key(), keys.revocations());
        assert!(keys.find(id).is_some());
    }
}
