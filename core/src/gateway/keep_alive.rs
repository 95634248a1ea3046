//! Whether the peer is still there, judged by the bytes that come from it (protocol, section 6).

use std::time::Duration;

use crate::time::Moment;

/// Watches for silence: asks after an interval of it, gives up after a further time-out.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeepAlive {
    heard: Moment,
    probe: Probe,
}

#[derive(Clone, Copy, Debug)]
enum Probe {
    /// The first question is asked at this moment, whatever was heard, so that the random phase holds.
    First(Moment),
    /// The peer was heard since it was last asked.
    Heard,
    /// The peer was asked, has been silent since, and has until this moment.
    Asked(Moment),
}

/// What silence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulse {
    /// Nothing yet.
    Steady,
    /// Ask the peer now.
    Ask,
    /// The peer is gone.
    Dead,
}

impl KeepAlive {
    /// A watch that asks for the first time `phase` from now.
    pub(super) fn new(now: Moment, phase: Duration) -> Self {
        Self { heard: now, probe: Probe::First(now + phase) }
    }

    /// A watch that asks when the first interval of silence is over.
    pub(super) const fn steady(now: Moment) -> Self {
        Self { heard: now, probe: Probe::Heard }
    }

    /// Bytes came.
    pub(super) const fn handle_bytes(&mut self, now: Moment) {
        self.heard = now;
        if let Probe::Asked(_) = self.probe {
            self.probe = Probe::Heard;
        }
    }

    /// There is reason to doubt that the peer is there, such as a machine that slept: asks now, or gives up when the silence
    /// was too long already.
    pub(super) fn doubt(&mut self, now: Moment, patience: Duration, longest: Duration) -> Pulse {
        if now.since(self.heard) > longest {
            return Pulse::Dead;
        }
        self.probe = Probe::Asked(now + patience);
        Pulse::Ask
    }

    pub(super) fn handle_timeout(&mut self, now: Moment, interval: Duration, timeout: Duration) -> Pulse {
        if now < self.deadline(interval) {
            return Pulse::Steady;
        }
        match self.probe {
            Probe::First(_) | Probe::Heard => {
                self.probe = Probe::Asked(now + timeout);
                Pulse::Ask
            }
            Probe::Asked(_) => Pulse::Dead,
        }
    }

    pub(super) fn deadline(&self, interval: Duration) -> Moment {
        match self.probe {
            Probe::First(at) | Probe::Asked(at) => at,
            Probe::Heard => self.heard + interval,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(20);
    const TIMEOUT: Duration = Duration::from_millis(10);

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn silence_is_asked_about_and_then_ends() {
        let mut alive = KeepAlive::new(at(0), Duration::from_millis(7));
        alive.handle_bytes(at(5));
        assert_eq!(alive.handle_timeout(at(6), INTERVAL, TIMEOUT), Pulse::Steady);
        assert_eq!(alive.handle_timeout(at(7), INTERVAL, TIMEOUT), Pulse::Ask);
        alive.handle_bytes(at(9));
        assert_eq!(alive.deadline(INTERVAL), at(29));
        assert_eq!(alive.handle_timeout(at(29), INTERVAL, TIMEOUT), Pulse::Ask);
        assert_eq!(alive.handle_timeout(at(38), INTERVAL, TIMEOUT), Pulse::Steady);
        assert_eq!(alive.handle_timeout(at(39), INTERVAL, TIMEOUT), Pulse::Dead);
    }

    #[test]
    fn a_doubted_peer_has_some_patience_to_show_itself() {
        let mut alive = KeepAlive::steady(at(0));
        let longest = INTERVAL + TIMEOUT;
        assert_eq!(alive.doubt(at(3), Duration::from_millis(5), longest), Pulse::Ask);
        assert_eq!(alive.deadline(INTERVAL), at(8));
        assert_eq!(alive.doubt(at(31), Duration::from_millis(5), longest), Pulse::Dead);
    }
}
