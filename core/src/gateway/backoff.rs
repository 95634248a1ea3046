//! How long a client stays away after a failure, spread by chance.

use std::time::Duration;

/// Full jitter: any time up to a bound that grows by half with every failure, from half a second to twenty seconds.
///
/// A server that lost all its clients at once gets them back spread, and one that is down is not hammered. A bound that
/// doubles would leave one in five hundred clients away for over 10 s after a restart that took 2 s; with this growth it is
/// one in a hundred thousand, for a fifth more tries.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// The bound after the first failure.
    pub const FIRST: Duration = Duration::from_millis(500);
    /// The bound after many.
    pub const LONGEST: Duration = Duration::from_secs(20);

    /// No failure yet. `seed` is any random number.
    pub const fn new(seed: u64) -> Self {
        Self { failures: 0, random: seed }
    }

    /// Counts a failure: how long to stay away.
    pub fn delay(&mut self) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(self.random() % (bound + 1))
    }

    /// Counts a failure after which the server asked for distance: at least half of the bound.
    pub fn long_delay(&mut self) -> Duration {
        let half = self.bound() / 2;
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(half + self.random() % (half + 1))
    }

    /// The link was good: the next failure is the first again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    fn bound(&self) -> u64 {
        let (first, longest) = (Self::FIRST.as_millis() as u64, Self::LONGEST.as_millis() as u64);
        // Ten failures are enough for the longest.
        (0..self.failures.min(10)).fold(first, |bound, _| bound + bound / 2).min(longest)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014): plenty for jitter, and no dependency.
    const fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_fill_a_growing_bound() {
        for (failures, bound) in [(0, 500), (1, 750), (5, 3_795), (9, 19_210), (10, 20_000), (u32::MAX, 20_000)] {
            let delays: Vec<_> = (0..500)
                .map(|seed| Backoff { failures, random: seed }.delay())
                .map(|delay| u64::try_from(delay.as_millis()).unwrap())
                .collect();
            assert!(delays.iter().all(|delay| *delay <= bound), "{bound}");
            assert!(
                delays.iter().any(|delay| *delay < bound / 20) && delays.iter().any(|delay| *delay > bound / 20 * 19)
            );
        }
    }

    #[test]
    fn a_long_delay_is_never_short_and_a_reset_starts_over() {
        let mut backoff = Backoff::new(1);
        for _ in 0..100 {
            backoff.delay();
        }
        assert!((10_000..=20_000).contains(&backoff.long_delay().as_millis()));
        backoff.reset();
        assert!(backoff.delay() <= Backoff::FIRST);
    }
}
