//! The account of what was acknowledged to publishers against what readers have seen.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Who is to hear an event: all readers, those of a guild, or one; guilds and readers by their index in the crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Every reader.
    Everyone,
    /// The members of a guild.
    Guild(usize),
    /// One reader.
    Reader(usize),
}

/// Every numbered event that was acknowledged or refused.
#[derive(Debug, Default)]
pub struct Ledger {
    next: AtomicU64,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    acknowledged: BTreeMap<u64, Acknowledged>,
    refused: HashSet<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    to: To,
    s: u64,
}

/// What a reader brings to the audit.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The guild that the reader is in, by its index.
    pub guild: usize,
    /// Where the reader's first whole state stood in the log; what came before is no business of this reader.
    pub since: u64,
    /// The numbers of the events that came, in the order in which they did.
    pub seen: Vec<u64>,
}

/// What the audit found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Events that were acknowledged.
    pub acknowledged: u64,
    /// Deliveries that these make: one for each reader who is to have the event.
    pub due: u64,
    /// Deliveries that did not come.
    pub lost: u64,
    /// Deliveries that came once too often.
    pub duplicated: u64,
    /// Events that reached someone whom they were not for, or were refused and came all the same.
    pub strange: u64,
}

impl Ledger {
    /// The number of the next event.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The server has said that it keeps this event, at the place `s` of its log.
    pub fn acknowledge(&self, number: u64, to: To, s: u64) {
        self.lock().acknowledged.insert(number, Acknowledged { to, s });
    }

    /// The server has said that it does not take this event.
    pub fn refuse(&self, number: u64) {
        self.lock().refused.insert(number);
    }

    /// How many events were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.lock().acknowledged.len() as u64
    }

    /// The acknowledged events by number: for whom, and at which place.
    pub fn places(&self) -> Vec<(u64, To, u64)> {
        self.lock().acknowledged.iter().map(|(number, event)| (*number, event.to, event.s)).collect()
    }

    /// How many deliveries these make to a reader who has the state of `since`.
    pub fn due(&self, reader: usize, reading: &Reading) -> usize {
        self.lock().acknowledged.values().filter(|event| event.is_for(reader, reading)).count()
    }

    /// Compares the accounts with what all readers, in their order, have seen.
    pub fn audit(&self, readings: &[Reading]) -> Audit {
        let accounts = self.lock();
        let mut audit = Audit { acknowledged: accounts.acknowledged.len() as u64, ..Audit::default() };
        for (reader, reading) in readings.iter().enumerate() {
            let mut seen = reading.seen.clone();
            seen.sort_unstable();
            seen.dedup();
            audit.duplicated += (reading.seen.len() - seen.len()) as u64;
            for (number, _) in accounts.acknowledged.iter().filter(|(_, event)| event.is_for(reader, reading)) {
                audit.due += 1;
                audit.lost += u64::from(seen.binary_search(number).is_err());
            }
            let strange = seen.iter().filter(|number| {
                accounts.refused.contains(number)
                    || accounts.acknowledged.get(number).is_some_and(|event| !event.is_for(reader, reading))
            });
            audit.strange += strange.count() as u64;
        }
        audit
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Acknowledged {
    fn is_for(&self, reader: usize, reading: &Reading) -> bool {
        let hears = match self.to {
            To::Everyone => true,
            To::Guild(guild) => guild == reading.guild,
            To::Reader(one) => one == reader,
        };
        hears && self.s > reading.since
    }
}

impl std::ops::AddAssign for Audit {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.due += other.due;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.strange += other.strange;
    }
}
