//! How much memory the process has, and whether that is too much for more connections.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sanmon_core::time::Moment;

/// How long what was seen counts as the present.
const FRESH: Duration = Duration::from_millis(100);

/// Two marks of resident memory: above the high one there is no room, until it is below the low one.
#[derive(Debug)]
pub(super) struct MemoryMark {
    high: u64,
    low: u64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    at: Option<Moment>,
    is_over: bool,
}

impl MemoryMark {
    /// Marks in bytes; a high one of 0 is none, a low one of 0 nine tenths of the high one.
    pub(super) fn new(high: u64, low: u64) -> Self {
        let low = if low == 0 { high / 10 * 9 } else { low };
        Self { high, low, seen: Mutex::default() }
    }

    /// Whether there is too much.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.high > 0 && self.look(now, resident_bytes)
    }

    fn look(&self, now: Moment, resident: impl FnOnce() -> Option<u64>) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.at.is_none_or(|at| now.since(at) >= FRESH) {
            seen.at = Some(now);
            // Where the system does not tell, there is no mark.
            let bytes = resident().unwrap_or_default();
            seen.is_over = bytes > if seen.is_over { self.low } else { self.high };
        }
        seen.is_over
    }
}

/// The process's resident memory, if the system tells.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))?;
    kib.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_the_marks_it_stays_as_it_was() {
        let mark = MemoryMark::new(1_000, 0);
        let steps =
            [(900, false), (1_001, true), (950, true), (901, true), (900, false), (1_000, false), (1_001, true)];
        for (step, (bytes, is_over)) in steps.into_iter().enumerate() {
            let now = Moment::from_millis(step as u64 * 100);
            assert_eq!(mark.look(now, || Some(bytes)), is_over, "step {step}");
            assert_eq!(mark.look(now + Duration::from_millis(99), || unreachable!("it was just seen")), is_over);
        }
    }

    #[test]
    fn without_a_mark_nothing_is_too_much() {
        assert!(!MemoryMark::new(0, 0).is_over(Moment::default()));
        assert!(MemoryMark::new(1, 1).is_over(Moment::default()));
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
