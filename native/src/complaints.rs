//! Saying now and then what could be said all the time.

use std::time::Duration;

use sanmon_core::time::Moment;

use crate::clock::Clock;

/// How often something is said that goes on.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Counts one kind of trouble, of which the operator hears at most once in a while.
#[derive(Debug)]
pub(crate) struct Complaints {
    clock: Clock,
    silent_until: Option<Moment>,
    unsaid: u64,
}

impl Complaints {
    /// None so far.
    pub(crate) fn none() -> Self {
        Self { clock: Clock::start(), silent_until: None, unsaid: 0 }
    }

    /// Another one: how many there were since the last that was said, this one included, if it is time to say so.
    pub(crate) fn add(&mut self) -> Option<u64> {
        self.unsaid += 1;
        let now = self.clock.now();
        if self.silent_until.is_some_and(|until| now < until) {
            return None;
        }
        self.silent_until = Some(now + SAY_EVERY);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_heard_once_in_a_while() {
        let mut complaints = Complaints::none();
        assert_eq!(complaints.add(), Some(1));
        assert_eq!([complaints.add(), complaints.add()], [None, None]);
        complaints.silent_until = Some(complaints.clock.now());
        assert_eq!(complaints.add(), Some(3));
    }
}
