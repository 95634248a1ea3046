//! One direction of a connection: bytes or messages that take their time, wait, or never arrive. Their order is kept.

use std::collections::VecDeque;
use std::time::Duration;

use sanmon_core::time::Moment;

use crate::dice::Dice;

/// One direction. `T` is what travels in it.
#[derive(Debug)]
pub(crate) struct Pipe<T> {
    on_the_way: VecDeque<(Moment, T)>,
    /// How long anything travels at most, in milliseconds.
    latency: u64,
    /// Nothing arrives before.
    stalled_until: Moment,
    /// Nothing arrives any more.
    lost: bool,
}

impl<T> Pipe<T> {
    pub(crate) const fn new(latency: u64) -> Self {
        Self { on_the_way: VecDeque::new(), latency, stalled_until: Moment::from_millis(0), lost: false }
    }

    pub(crate) fn send(&mut self, now: Moment, dice: &mut Dice, what: T) {
        let at = now + Duration::from_millis(1 + dice.below(self.latency));
        let at = self.on_the_way.back().map_or(at, |(last, _)| at.max(*last));
        self.on_the_way.push_back((at, what));
    }

    pub(crate) fn stall(&mut self, until: Moment) {
        self.stalled_until = self.stalled_until.max(until);
    }

    /// What was stalled goes on.
    pub(crate) fn resume(&mut self, now: Moment) {
        self.stalled_until = self.stalled_until.min(now);
    }

    /// From now on nothing arrives; what is under way neither.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    pub(crate) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// When the next arrives.
    pub(crate) fn next(&self) -> Option<Moment> {
        let (at, _) = self.on_the_way.front().filter(|_| !self.lost)?;
        Some((*at).max(self.stalled_until))
    }

    /// What has arrived next.
    pub(crate) fn receive(&mut self, now: Moment) -> Option<T> {
        self.next().filter(|at| *at <= now)?;
        self.on_the_way.pop_front().map(|(_, what)| what)
    }

    pub(crate) fn on_the_way(&self) -> impl Iterator<Item = &T> {
        self.on_the_way.iter().map(|(_, what)| what)
    }
}
