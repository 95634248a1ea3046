//! Ids that grow over restarts too, whatever the clock does.

use sanmon_core::id::{Id, Snowflakes};
use sanmon_core::time::UnixMillis;

/// Makes ids, each larger than every one that this store made before.
#[derive(Debug)]
pub(super) struct Ids {
    snowflakes: Snowflakes,
    /// Ids of this time and later were never made.
    floor: UnixMillis,
    last: u64,
}

impl Ids {
    /// Ids of this node after `last`, the number of the last one that was made; 0 for none.
    pub(super) const fn after(node: u8, last: u64) -> Self {
        let floor = UnixMillis::from_millis(UnixMillis::EPOCH_2020.as_millis() + (last >> 12) + 1);
        Self { snowflakes: Snowflakes::new(node), floor, last }
    }

    /// The next id.
    pub(super) fn next(&mut self, now: UnixMillis) -> Id {
        let id = self.snowflakes.next(now.max(self.floor));
        self.last = id.as_u64();
        id
    }

    /// The number of the last id that was made.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_outgrow_a_clock_that_was_set_back() {
        let mut ids = Ids::after(255, 0);
        let far = ids.next(UnixMillis::from_millis(3_000_000_000_000));
        let mut again = Ids::after(0, far.as_u64());
        let now = UnixMillis::from_millis(1_700_000_000_000);
        let next = again.next(now);
        assert!(next > far);
        assert!(Ids::after(0, next.as_u64()).next(now) > next);
    }
}
