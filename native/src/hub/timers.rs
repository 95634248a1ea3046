//! One timer wheel for all connections of a thread.
//!
//! A connection stands in the wheel once, at or before its deadline. When it comes up its owner looks what the deadline is
//! by then and puts it in again; so a deadline that moves away, as at every sign of life, costs nothing.

use sanmon_core::time::Moment;

use super::connection::Key;

/// How finely the wheel tells moments apart, in milliseconds; what is due may come up this much late.
const TICK_MS: u64 = 32;
/// Ticks of one turn; what is further away comes up after a turn, to be put in again.
const TICKS: u64 = 1024;
const WORDS: usize = TICKS as usize / 64;

/// A wheel of alarms.
#[derive(Debug)]
pub(super) struct Timers {
    ticks: Vec<Vec<Key>>,
    /// A bit for every tick that holds alarms, so that empty ones cost nothing.
    filled: [u64; WORDS],
    /// The first tick that has not come up.
    next: u64,
}

impl Timers {
    pub(super) fn new(now: Moment) -> Self {
        Self { ticks: vec![Vec::new(); TICKS as usize], filled: [0; WORDS], next: now.as_millis() / TICK_MS }
    }

    /// Has `key` come up at `at`, or after one turn if that is earlier: the moment at which it will.
    pub(super) fn set(&mut self, at: Moment, key: Key) -> Moment {
        // Rounded up, so that nothing comes up before it is due.
        let tick = at.as_millis().div_ceil(TICK_MS).clamp(self.next, self.next + TICKS - 1);
        let place = (tick % TICKS) as usize;
        self.ticks[place].push(key);
        self.filled[place / 64] |= 1 << (place % 64);
        Moment::from_millis(tick * TICK_MS)
    }

    /// Takes everything that is due at `now` into `due`.
    pub(super) fn take_due(&mut self, now: Moment, due: &mut Vec<Key>) {
        let last = now.as_millis() / TICK_MS;
        while let Some(tick) = self.first_filled().filter(|tick| *tick <= last) {
            let place = (tick % TICKS) as usize;
            due.append(&mut self.ticks[place]);
            if self.ticks[place].capacity() > 64 {
                self.ticks[place] = Vec::new();
            }
            self.filled[place / 64] &= !(1 << (place % 64));
        }
        self.next = self.next.max(last + 1);
    }

    /// When the next alarm comes up.
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.first_filled().map(|tick| Moment::from_millis(tick * TICK_MS))
    }

    fn first_filled(&self) -> Option<u64> {
        let start = (self.next % TICKS) as usize;
        // The word of the start is looked at twice: first from the start on, last up to it.
        (0..=WORDS).find_map(|step| {
            let word = (start / 64 + step) % WORDS;
            let mask = match step {
                0 => u64::MAX << (start % 64),
                WORDS => !(u64::MAX << (start % 64)),
                _ => u64::MAX,
            };
            let bits = self.filled[word] & mask;
            (bits != 0).then(|| {
                let place = (word * 64) as u64 + u64::from(bits.trailing_zeros());
                self.next + (place + TICKS - start as u64) % TICKS
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_comes_up_early_nor_more_than_a_tick_late(
            start in 0..100_000u64,
            steps in prop::collection::vec((0..70_000u64, 0..5_000u64), 1..60),
        ) {
            let mut now = start;
            let mut timers = Timers::new(Moment::from_millis(now));
            let (mut waiting, mut due) = (Vec::<(u32, u64)>::new(), Vec::new());
            for (index, (delay, step)) in steps.into_iter().enumerate() {
                let slot = index as u32;
                let at = timers.set(Moment::from_millis(now + delay), Key { slot, mark: 7 }).as_millis();
                prop_assert!(at <= now + TICKS * TICK_MS);
                prop_assert!(at <= now + delay + TICK_MS);
                waiting.push((slot, at));
                let first = timers.deadline().unwrap().as_millis();
                prop_assert_eq!(first, waiting.iter().map(|(_, at)| *at).min().unwrap());
                now += step;
                due.clear();
                timers.take_due(Moment::from_millis(now), &mut due);
                let (up, still): (Vec<_>, Vec<_>) = waiting.iter().partition(|(_, at)| *at <= now);
                let mut up: Vec<u32> = up.into_iter().map(|(slot, _)| slot).collect();
                let mut came: Vec<u32> = due.iter().map(|key| key.slot).collect();
                up.sort_unstable();
                came.sort_unstable();
                prop_assert_eq!(came, up);
                waiting = still;
            }
        }
    }

    #[test]
    fn an_empty_wheel_has_no_deadline() {
        assert_eq!(Timers::new(Moment::from_millis(5)).deadline(), None);
    }
}
