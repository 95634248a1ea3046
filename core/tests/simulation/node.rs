//! One server process: who is connected to it, who hears what, and how far it is in the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sanmon_core::audience::Subscriptions;
use sanmon_core::entry::Entry;
use sanmon_core::event::{PresenceUpdate, Seq};
use sanmon_core::gateway::{PresenceTimes, Presences, RateWindow};
use sanmon_core::time::Moment;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) life: Life,
    /// The place up to which entries were met.
    pub(crate) place: Seq,
    /// Where the log stood when the process began: older entries were never in its ring.
    pub(crate) born_at: Seq,
    /// Entries on their way from the log.
    pub(crate) arriving: VecDeque<(Moment, Arc<Entry>)>,
    pub(crate) subscriptions: Subscriptions,
    /// The connection in each slot.
    pub(crate) slots: Vec<Option<u64>>,
    /// What each user's messages are counted in.
    pub(crate) rates: BTreeMap<u64, RateWindow>,
    /// Who is sent away when, while the node drains.
    pub(crate) leaving: Vec<(Moment, u64)>,
    /// How users show; in worlds of one node.
    pub(crate) desk: Option<Desk>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Up,
    /// Takes nobody, sends everyone away, and ends at this moment.
    Draining {
        until: Moment,
    },
    /// Does not exist until this moment.
    Down {
        until: Moment,
    },
}

/// The desk at which presences are reported: the machine, and the batch that is on its way to the store.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) machine: Presences,
    pub(crate) waiting: Vec<PresenceUpdate>,
    pub(crate) under_way: Option<(Moment, Vec<PresenceUpdate>)>,
}

impl Desk {
    pub(crate) fn new(times: PresenceTimes) -> Self {
        Self { machine: Presences::new(times), waiting: Vec::new(), under_way: None }
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        let under_way = self.under_way.as_ref().map(|(at, _)| *at);
        // One batch at a time; meanwhile the machine keeps what changes.
        under_way.or_else(|| self.machine.deadline())
    }
}

impl Node {
    /// A process that just started, with the log at this place.
    pub(crate) fn new(head: Seq) -> Self {
        Self {
            life: Life::Up,
            place: head,
            born_at: head,
            arriving: VecDeque::new(),
            subscriptions: Subscriptions::new(),
            slots: Vec::new(),
            rates: BTreeMap::new(),
            leaving: Vec::new(),
            desk: None,
        }
    }

    /// Puts a connection into the first free slot.
    pub(crate) fn seat(&mut self, link: u64) -> u32 {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[slot] = Some(link);
        slot as u32
    }

    pub(crate) const fn is_down(&self) -> bool {
        matches!(self.life, Life::Down { .. })
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        let life = match self.life {
            Life::Up => None,
            Life::Draining { until } | Life::Down { until } => Some(until),
        };
        let arriving = self.arriving.front().map(|(at, _)| *at);
        let leaving = self.leaving.iter().map(|(at, _)| *at).min();
        let desk = self.desk.as_ref().and_then(Desk::next);
        [life, arriving, leaving, desk].into_iter().flatten().min()
    }
}
