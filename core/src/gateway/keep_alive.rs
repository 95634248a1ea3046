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
    /// The peer was asked at this moment and has been silent since.
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

    /// Asks the peer now, whatever was heard: there is reason to doubt it.
    pub(super) const fn doubt(&mut self, now: Moment) -> Pulse {
        self.probe = Probe::Asked(now);
        Pulse::Ask
    }

    pub(super) fn handle_timeout(&mut self, now: Moment, interval: Duration, timeout: Duration) -> Pulse {
        if now < self.deadline(interval, timeout) {
            return Pulse::Steady;
        }
        match self.probe {
            Probe::First(_) | Probe::Heard => {
                self.probe = Probe::Asked(now);
                Pulse::Ask
            }
            Probe::Asked(_) => Pulse::Dead,
        }
    }

    pub(super) fn deadline(&self, interval: Duration, timeout: Duration) -> Moment {
        match self.probe {
            Probe::First(at) => at,
            Probe::Heard => self.heard + interval,
            Probe::Asked(at) => at + timeout,
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
        assert_eq!(alive.deadline(INTERVAL, TIMEOUT), at(29));
        assert_eq!(alive.handle_timeout(at(29), INTERVAL, TIMEOUT), Pulse::Ask);
        assert_eq!(alive.handle_timeout(at(38), INTERVAL, TIMEOUT), Pulse::Steady);
        assert_eq!(alive.handle_timeout(at(39), INTERVAL, TIMEOUT), Pulse::Dead);
    }

    #[test]
    fn a_doubted_peer_has_the_timeout_to_show_itself() {
        let mut alive = KeepAlive::steady(at(0));
        assert_eq!(alive.doubt(at(3)), Pulse::Ask);
        assert_eq!(alive.deadline(INTERVAL, TIMEOUT), at(13));
    }
}
