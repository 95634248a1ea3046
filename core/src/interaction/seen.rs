//! The signatures that were seen while they are still fresh, so that none serves twice.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::time::UnixMillis;

/// How many signatures are remembered. Only holders of a key can add one; past this many the oldest is forgotten, so
/// that a burst costs memory for none.
const CAPACITY: usize = 1 << 16;

/// Signatures that were seen within the time in which they count as fresh.
#[derive(Debug, Default)]
pub(super) struct Seen {
    signatures: HashSet<[u8; 64]>,
    /// The same, oldest first, with the time from which each is too old anyway.
    order: VecDeque<(UnixMillis, [u8; 64])>,
}

impl Seen {
    /// Notes a verified signature whose timestamp is within `max_age` of now. Says whether it is new.
    pub(super) fn insert(&mut self, now: UnixMillis, max_age: Duration, signature: [u8; 64]) -> bool {
        while self.order.front().is_some_and(|(until, _)| *until < now) || self.order.len() >= CAPACITY {
            let Some((_, old)) = self.order.pop_front() else { break };
            self.signatures.remove(&old);
        }
        if !self.signatures.insert(signature) {
            return false;
        }
        // The timestamp lies at most `max_age` ahead of now, and is fresh until `max_age` after itself.
        self.order.push_back((now + max_age + max_age, signature));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn signature(number: usize) -> [u8; 64] {
        let mut signature = [0; 64];
        signature[..8].copy_from_slice(&number.to_le_bytes());
        signature
    }

    #[test]
    fn a_signature_serves_once_while_it_is_fresh() {
        let mut seen = Seen::default();
        let start = UnixMillis::from_millis(1_000_000);
        assert!(seen.insert(start, MINUTE, signature(1)));
        assert!(!seen.insert(start, MINUTE, signature(1)));
        assert!(!seen.insert(start + 2 * MINUTE, MINUTE, signature(1)));
        assert!(seen.insert(start, MINUTE, signature(2)));
        assert!(seen.insert(start + 3 * MINUTE, MINUTE, signature(1)));
        assert_eq!((seen.signatures.len(), seen.order.len()), (1, 1));
    }

    #[test]
    fn memory_is_bounded() {
        let mut seen = Seen::default();
        for number in 0..CAPACITY + 10 {
            assert!(seen.insert(UnixMillis::from_millis(0), MINUTE, signature(number)));
        }
        assert_eq!((seen.signatures.len(), seen.order.len()), (CAPACITY, CAPACITY));
        assert!(!seen.insert(UnixMillis::from_millis(0), MINUTE, signature(CAPACITY)), "the newest is still known");
    }
}
