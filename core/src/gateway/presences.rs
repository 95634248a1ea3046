//! How each user of a node shows: several devices made one, changes gathered, short absences bridged.

mod user;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use self::user::User;
use crate::event::{Presence, PresenceKind, PresenceUpdate};
use crate::id::Id;
use crate::time::Moment;

/// One connection of a user, as a number that the driver gives and never gives twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device(pub u64);

/// How long presences are gathered and absences bridged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceTimes {
    /// For how long changes are gathered before they are published.
    pub gather: Duration,
    /// How long after its last connection a user goes offline.
    pub grace: Duration,
}

impl Default for PresenceTimes {
    fn default() -> Self {
        Self { gather: Duration::from_millis(250), grace: Duration::from_secs(15) }
    }
}

/// The presences of a node's users (protocol, section 4).
///
/// ```text
///              handle_connected           last handle_disconnected         grace over
///   unknown ───────────────────► present ─────────────────────────► leaving ─────────► unknown
///      │                            ▲           handle_connected       │  ▲
///      │                            └──────────────────────────────────┘  │
///      └───────────────────────── handle_leftovers ───────────────────────┘
/// ```
/// Whatever changes how a user shows makes the user dirty. When the gathering is over, every dirty user whose presence
/// differs from the one that was published last goes into one batch.
///
/// Made for a hundred thousand users: a plain presence is shared, and a user who is offline takes no room.
#[derive(Debug)]
pub struct Presences {
    times: PresenceTimes,
    users: HashMap<Id, User>,
    /// Who lost the last connection, and when that is final. In order, since the grace is the same for all.
    leaving: VecDeque<(Moment, Id)>,
    dirty: Vec<Id>,
    /// Who chose anew since the last batch.
    choosers: Vec<Id>,
    /// When the gathering is over.
    gathered: Option<Moment>,
    outputs: VecDeque<PresenceOutput>,
    /// Counts choices, so that of two equally present devices the one that chose later wins.
    choices: u64,
    /// The presence of everyone who never chose.
    plain: Arc<Presence>,
}

/// Whether a guild is told how one of its members shows now, when so many of its members, this one included, are not
/// offline.
///
/// In a guild where many are about, everyone who comes would be told to everyone: ten thousand who connect would cost fifty
/// million deliveries. Where GUILD_INIT leaves presences out, they are left out live as well, but for who goes offline: what
/// a client was told before never makes a ghost.
pub fn is_told(kind: PresenceKind, about: u64) -> bool {
    kind == PresenceKind::Offline || about <= CROWD
}

/// Of a guild in which more members than this are not offline, GUILD_INIT shows no presences (protocol, section 3).
pub const CROWD: u64 = 1000;

/// What the presences want of their driver.
#[derive(Clone, Debug, PartialEq)]
pub enum PresenceOutput {
    /// Store what these users chose last, for their next first connection. Comes before the `Publish` of the same batch.
    Remember(Vec<PresenceUpdate>),
    /// Store how these users show now and emit a PRESENCE_UPDATE for each, in one commit. What can't be committed goes back
    /// by [`Presences::handle_unpublished`].
    Publish(Vec<PresenceUpdate>),
}

impl Presences {
    /// Nobody is connected.
    pub fn new(times: PresenceTimes) -> Self {
        Self {
            times,
            users: HashMap::new(),
            leaving: VecDeque::new(),
            dirty: Vec::new(),
            choosers: Vec::new(),
            gathered: None,
            outputs: VecDeque::new(),
            choices: 0,
            plain: Arc::new(Presence::of(PresenceKind::Online)),
        }
    }

    /// At the start: the store shows these users as not offline, but no connection of theirs is known. Who does not come
    /// back within the grace goes offline, all in one batch.
    pub fn handle_leftovers(&mut self, now: Moment, users: impl IntoIterator<Item = Id>) {
        for id in users {
            let until = now + self.times.grace;
            self.users.entry(id).or_insert_with(|| User::leftover(until));
            self.leaving.push_back((until, id));
        }
    }

    /// A connection of the user is live. `last` is what the user chose last, as stored; it counts for a user whom this
    /// machine does not know, and `None` shows the user as online.
    pub fn handle_connected(&mut self, now: Moment, user: Id, device: Device, last: Option<Presence>) {
        let entry = self.users.entry(user).or_default();
        let presence = match (&entry.chosen, last) {
            (Some(chosen), _) => chosen.clone(),
            (None, Some(last)) if last != *self.plain => Arc::new(last),
            (None, _) => self.plain.clone(),
        };
        entry.chosen = Some(presence.clone());
        entry.absent_until = None;
        entry.set(device, self.choices, presence);
        self.soil(now, user);
    }

    /// A connection of the user is gone.
    pub fn handle_disconnected(&mut self, now: Moment, user: Id, device: Device) {
        let Some(entry) = self.users.get_mut(&user) else { return };
        if !entry.remove(device) {
            return;
        }
        if entry.is_absent() {
            let until = now + self.times.grace;
            entry.absent_until = Some(until);
            self.leaving.push_back((until, user));
        } else {
            self.soil(now, user);
        }
    }

    /// The user chose a presence on this device.
    pub fn handle_chosen(&mut self, now: Moment, user: Id, device: Device, presence: Presence) {
        let Some(entry) = self.users.get_mut(&user) else { return };
        if !entry.has(device) {
            return;
        }
        self.choices += 1;
        let presence = Arc::new(presence);
        entry.set(device, self.choices, presence.clone());
        self.choose(now, user, presence);
    }

    /// The user chose a presence on no device in particular: it holds for all of them, and for the next.
    pub fn handle_chosen_for_all(&mut self, now: Moment, user: Id, presence: Presence) {
        self.choices += 1;
        let presence = Arc::new(presence);
        let Some(entry) = self.users.get_mut(&user) else { return };
        entry.set_all(self.choices, &presence);
        self.choose(now, user, presence);
    }

    /// A batch could not be published: its users are tried again with the next.
    pub fn handle_unpublished(&mut self, now: Moment, batch: &[PresenceUpdate]) {
        for update in batch {
            self.users.entry(update.id).or_default().forget_shown();
            self.soil(now, update.id);
        }
    }

    /// What was published of everyone may be gone: all who are known are tried again with the next batch.
    pub fn handle_forgotten(&mut self, now: Moment) {
        let users: Vec<Id> = self.users.keys().copied().collect();
        for user in users {
            if let Some(entry) = self.users.get_mut(&user) {
                entry.forget_shown();
            }
            self.soil(now, user);
        }
    }

    /// The moment of [`Self::deadline`] came. A call before it does nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        while self.leaving.front().is_some_and(|(at, _)| *at <= now) {
            let Some((at, user)) = self.leaving.pop_front() else { break };
            // Who came back is not absent, and who left again stands further behind as well.
            if self.users.get(&user).is_some_and(|entry| entry.absent_until == Some(at)) {
                self.soil(now, user);
            }
        }
        if self.gathered.is_some_and(|at| at <= now) {
            self.settle(now);
        }
    }

    /// The next batch to commit.
    pub fn poll_output(&mut self) -> Option<PresenceOutput> {
        self.outputs.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn deadline(&self) -> Option<Moment> {
        let leaving = self.leaving.front().map(|(at, _)| *at);
        leaving.into_iter().chain(self.gathered).min()
    }

    fn choose(&mut self, now: Moment, user: Id, presence: Arc<Presence>) {
        if let Some(entry) = self.users.get_mut(&user) {
            if entry.chosen.as_ref() != Some(&presence) && !std::mem::replace(&mut entry.chose, true) {
                self.choosers.push(user);
            }
            entry.chosen = Some(presence);
            self.soil(now, user);
        }
    }

    fn soil(&mut self, now: Moment, user: Id) {
        if let Some(entry) = self.users.get_mut(&user)
            && !std::mem::replace(&mut entry.dirty, true)
        {
            self.dirty.push(user);
            self.gathered.get_or_insert(now + self.times.gather);
        }
    }

    /// The gathering is over: one batch of all that changed.
    fn settle(&mut self, now: Moment) {
        self.gathered = None;
        let chosen = std::mem::take(&mut self.choosers).into_iter().filter_map(|id| {
            let entry = self.users.get_mut(&id)?;
            entry.chose = false;
            entry.chosen.as_deref().map(|presence| PresenceUpdate { id, d: presence.clone() })
        });
        let remember: Vec<_> = chosen.collect();
        let mut publish = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let Some(entry) = self.users.get_mut(&id) else { continue };
            entry.dirty = false;
            if entry.absent_until.is_some_and(|until| now < until) {
                // The last connection went while this was gathered: the grace bridges it.
                continue;
            }
            publish.extend(entry.settle().map(|d| PresenceUpdate { id, d }));
            if entry.is_absent() {
                self.users.remove(&id);
            }
        }
        if !remember.is_empty() {
            self.outputs.push_back(PresenceOutput::Remember(remember));
        }
        if !publish.is_empty() {
            self.outputs.push_back(PresenceOutput::Publish(publish));
        }
    }
}

#[cfg(test)]
mod tests;
