//! The server of a storm: a log with its index, the sessions, and how fast it can be.

use std::sync::Arc;
use std::time::Duration;

use sanmon_core::audience::{Audience, Slot, Subscriptions};
use sanmon_core::entry::{Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_core::history::{History, Membership, Replay};
use sanmon_core::id::Id;
use sanmon_core::time::{Moment, UnixMillis};

/// Questions to the store that are answered in a second: reading a session, or what was missed.
const ANSWERS: u64 = 20_000;
/// The log's last place before the first event.
const FLOOR: Seq = Seq::new(1_000_000);

pub(super) struct Server {
    log: Vec<Arc<Entry>>,
    history: History,
    pub(super) subscriptions: Subscriptions,
    /// Until when the store is busy, in microseconds.
    busy_until: u64,
    /// Does not exist before.
    pub(super) up_at: Moment,
    /// New connections that it takes in a second.
    pub(super) rate: Option<u64>,
    second: u64,
    taken: u64,
}

pub(super) fn user(client: u32) -> Id {
    Id::new(u64::from(client) + 1).expect("an id")
}

pub(super) fn guild(client: u32) -> Id {
    Id::new(u64::from(client) / 100 + 1_000_000_000).expect("an id")
}

/// Whether a client hears an event, told without the code under test.
pub(super) fn concerns(entry: &Entry, client: u32) -> bool {
    match &entry.audience {
        Audience::Everyone => true,
        Audience::Guild(of) => *of == guild(client),
        Audience::Users(users) => users.contains(&user(client)),
        Audience::Nobody | Audience::UserAndGuilds { .. } => false,
    }
}

impl Server {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            log: Vec::new(),
            history: History::new(FLOOR),
            subscriptions: Subscriptions::new(),
            busy_until: 0,
            up_at: now,
            rate: None,
            second: 0,
            taken: 0,
        }
    }

    pub(super) fn publish(&mut self, audience: Audience) -> Arc<Entry> {
        let draft = Draft::new(r#"{"t":"NEWS","d":{}}"#.parse().expect("an event"), audience);
        let entry = Arc::new(draft.place(self.history.head().next(), UnixMillis::default()));
        self.history.push(&entry);
        self.log.push(entry.clone());
        entry
    }

    /// The process is gone with all that it held; the log is not.
    pub(super) fn crash(&mut self, up_at: Moment, rate: Option<u64>) {
        self.subscriptions = Subscriptions::new();
        self.history = History::new(FLOOR);
        self.log.iter().for_each(|entry| self.history.push(entry));
        (self.up_at, self.rate) = (up_at, rate);
    }

    /// Whether one more connection is taken now; the caller takes it then.
    pub(super) fn admit(&mut self, now: Moment) -> bool {
        if now < self.up_at {
            return false;
        }
        let second = now.as_millis() / 1000;
        if second != self.second {
            (self.second, self.taken) = (second, 0);
        }
        let has_room = self.has_room(now);
        self.taken += u64::from(has_room);
        has_room
    }

    pub(super) fn has_room(&self, now: Moment) -> bool {
        let is_fresh = now.as_millis() / 1000 != self.second;
        now >= self.up_at && (is_fresh || self.rate.is_none_or(|rate| self.taken < rate))
    }

    /// When the store has answered one more question: one after the other.
    pub(super) fn answered_at(&mut self, now: Moment) -> Moment {
        self.busy_until = self.busy_until.max(now.as_millis() * 1000) + 1_000_000 / ANSWERS;
        Moment::from_millis(self.busy_until.div_ceil(1000))
    }

    pub(super) fn head(&self) -> Seq {
        self.history.head()
    }

    pub(super) fn missed(&self, client: u32, after: Seq) -> Option<Vec<Arc<Entry>>> {
        let stay = Membership { guild: guild(client), from: FLOOR, to: None };
        let mut replay = Replay::new(user(client), [stay], after, self.head());
        let seqs = self.history.next_page(&mut replay, usize::MAX)?;
        Some(seqs.into_iter().map(|seq| self.entries(Seq::new(seq.as_u64() - 1))[0].clone()).collect())
    }

    /// The entries after a place.
    pub(super) fn entries(&self, after: Seq) -> &[Arc<Entry>] {
        &self.log[(after.as_u64() - FLOOR.as_u64()) as usize..]
    }

    pub(super) fn subscribe(&mut self, client: u32) {
        self.subscriptions.subscribe(Slot(client), user(client), vec![guild(client)]);
    }
}

/// How long a client is told to stay away by a server that has no room.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
