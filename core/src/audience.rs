//! Who hears what: audiences of events, and the subscriptions that resolve them to connections.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::entry::{Change, Entry};
use crate::id::Id;

/// Who hears an event. A user stands for all of the user's connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// No client: the entry is there for its change alone.
    Nobody,
    /// Every connection of every user.
    Everyone,
    /// These users.
    Users(Vec<Id>),
    /// Who is a member of the guild when the entry is met.
    Guild(Id),
    /// A user and every one of these guilds, each connection once.
    UserAndGuilds {
        /// The user.
        user: Id,
        /// The guilds that the user was in.
        guilds: Vec<Id>,
    },
}

/// A connection, as the number of the place in which its owner keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// Which connection hears whom: plain data, for the connections of one thread.
#[derive(Debug, Default)]
pub struct Subscriptions {
    users: HashMap<Id, Subscriber>,
    /// Sorted, so that one connection of many thousands leaves without a look at all of them.
    guilds: HashMap<Id, Vec<Slot>>,
    /// The round in which a slot was last taken into an answer, so that each comes once.
    taken: Vec<u32>,
    round: u32,
}

#[derive(Debug, Default)]
struct Subscriber {
    slots: Vec<Slot>,
    guilds: Vec<Id>,
}

impl Subscriptions {
    /// Nobody hears anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the connection `slot` of `user` hears what the user hears. `guilds` are the user's guilds at the place
    /// in the log up to which the owner has met entries; they are taken for all of the user's connections.
    pub fn subscribe(&mut self, slot: Slot, user: Id, guilds: Vec<Id>) {
        let index = slot.0 as usize;
        if self.taken.len() <= index {
            self.taken.resize(index + 1, self.round);
        }
        let mut subscriber = self.users.remove(&user).unwrap_or_default();
        for guild in &subscriber.guilds {
            self.drop_slots(*guild, &subscriber.slots);
        }
        subscriber.slots.push(slot);
        for guild in &guilds {
            self.add_slots(*guild, &subscriber.slots);
        }
        subscriber.guilds = guilds;
        self.users.insert(user, subscriber);
    }

    /// The connection `slot` of `user` is gone.
    pub fn unsubscribe(&mut self, slot: Slot, user: Id) {
        let Some(mut subscriber) = self.users.remove(&user) else { return };
        for guild in &subscriber.guilds {
            self.drop_slots(*guild, &[slot]);
        }
        subscriber.slots.retain(|other| *other != slot);
        if !subscriber.slots.is_empty() {
            self.users.insert(user, subscriber);
        }
    }

    /// Meets the next entry of the log: puts into `out` the connections that hear it, each once, and applies its change,
    /// a join before and a leave after, since membership counts from its first entry to its last, both included.
    pub fn meet(&mut self, entry: &Entry, out: &mut Vec<Slot>) {
        out.clear();
        if let Some(Change::Joined { guild, user }) = entry.change {
            self.join(guild, user);
        }
        self.resolve(&entry.audience, out);
        match entry.change {
            Some(Change::Left { guild, user }) => self.leave(guild, user),
            Some(Change::GuildGone { guild }) => self.forget_guild(guild),
            _ => {}
        }
    }

    /// The connections of `user`.
    pub fn connections_of(&self, user: Id) -> &[Slot] {
        self.users.get(&user).map_or(&[], |subscriber| &subscriber.slots)
    }

    fn resolve(&mut self, audience: &Audience, out: &mut Vec<Slot>) {
        match audience {
            Audience::Nobody => {}
            Audience::Everyone => out.extend(self.users.values().flat_map(|subscriber| &subscriber.slots)),
            Audience::Guild(guild) => out.extend(self.guilds.get(guild).into_iter().flatten()),
            Audience::Users(users) if users.len() == 1 => out.extend(self.connections_of(users[0])),
            Audience::Users(users) => {
                self.begin_round();
                for user in users {
                    let slots = self.users.get(user).map_or(&[][..], |subscriber| &subscriber.slots);
                    take_once(slots, &mut self.taken, self.round, out);
                }
            }
            Audience::UserAndGuilds { user, guilds } => {
                self.begin_round();
                let own = self.users.get(user).map_or(&[][..], |subscriber| &subscriber.slots);
                take_once(own, &mut self.taken, self.round, out);
                for guild in guilds {
                    let slots = self.guilds.get(guild).map_or(&[][..], Vec::as_slice);
                    take_once(slots, &mut self.taken, self.round, out);
                }
            }
        }
    }

    fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.taken.fill(0);
            self.round = 1;
        }
    }

    fn join(&mut self, guild: Id, user: Id) {
        let Some(mut subscriber) = self.users.remove(&user) else { return };
        if !subscriber.guilds.contains(&guild) {
            subscriber.guilds.push(guild);
            self.add_slots(guild, &subscriber.slots);
        }
        self.users.insert(user, subscriber);
    }

    fn leave(&mut self, guild: Id, user: Id) {
        let Some(mut subscriber) = self.users.remove(&user) else { return };
        subscriber.guilds.retain(|other| *other != guild);
        self.drop_slots(guild, &subscriber.slots);
        self.users.insert(user, subscriber);
    }

    fn forget_guild(&mut self, guild: Id) {
        if self.guilds.remove(&guild).is_some() {
            for subscriber in self.users.values_mut() {
                subscriber.guilds.retain(|other| *other != guild);
            }
        }
    }

    fn add_slots(&mut self, guild: Id, new: &[Slot]) {
        let slots = self.guilds.entry(guild).or_default();
        for slot in new {
            if let Err(index) = slots.binary_search(slot) {
                slots.insert(index, *slot);
            }
        }
    }

    fn drop_slots(&mut self, guild: Id, gone: &[Slot]) {
        if let Some(slots) = self.guilds.get_mut(&guild) {
            for slot in gone {
                if let Ok(index) = slots.binary_search(slot) {
                    slots.remove(index);
                }
            }
            if slots.is_empty() {
                self.guilds.remove(&guild);
            }
        }
    }
}

fn take_once(slots: &[Slot], taken: &mut [u32], round: u32, out: &mut Vec<Slot>) {
    for slot in slots {
        let last = &mut taken[slot.0 as usize];
        if *last != round {
            *last = round;
            out.push(*slot);
        }
    }
}

/// What one user hears, followed along the log entry by entry: how a connection that catches up joins the live ones.
#[derive(Clone, Debug)]
pub struct Listener {
    user: Id,
    guilds: Vec<Id>,
}

impl Listener {
    /// A user who is in these guilds at the place where the following begins.
    pub const fn new(user: Id, guilds: Vec<Id>) -> Self {
        Self { user, guilds }
    }

    /// Meets the next entry: whether the user hears it. Applies its change as [`Subscriptions::meet`] does.
    pub fn meet(&mut self, entry: &Entry) -> bool {
        match entry.change {
            Some(Change::Joined { guild, user }) if user == self.user && !self.guilds.contains(&guild) => {
                self.guilds.push(guild);
            }
            _ => {}
        }
        let heard = self.hears(&entry.audience);
        match entry.change {
            Some(Change::Left { guild, user }) if user == self.user => self.guilds.retain(|other| *other != guild),
            Some(Change::GuildGone { guild }) => self.guilds.retain(|other| *other != guild),
            _ => {}
        }
        heard
    }

    /// The guilds that the user is in after the entries that were met.
    pub fn into_guilds(self) -> Vec<Id> {
        self.guilds
    }

    fn hears(&self, audience: &Audience) -> bool {
        match audience {
            Audience::Nobody => false,
            Audience::Everyone => true,
            Audience::Users(users) => users.contains(&self.user),
            Audience::Guild(guild) => self.guilds.contains(guild),
            Audience::UserAndGuilds { user, guilds } => {
                *user == self.user || guilds.iter().any(|guild| self.guilds.contains(guild))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Draft;
    use crate::event::Seq;
    use crate::time::UnixMillis;

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    fn entry(audience: Audience, change: Option<Change>) -> Entry {
        let draft = Draft { event: None, audience, change };
        draft.place(Seq::new(1), UnixMillis::default())
    }

    fn heard(subscriptions: &mut Subscriptions, entry: &Entry) -> Vec<u32> {
        let mut out = Vec::new();
        subscriptions.meet(entry, &mut out);
        out.sort_unstable();
        out.into_iter().map(|slot| slot.0).collect()
    }

    #[test]
    fn a_presence_reaches_each_connection_once() {
        let mut subscriptions = Subscriptions::new();
        subscriptions.subscribe(Slot(0), id(1), vec![id(10), id(11)]);
        subscriptions.subscribe(Slot(1), id(2), vec![id(10), id(11)]);
        subscriptions.subscribe(Slot(2), id(2), vec![id(10), id(11)]);
        subscriptions.subscribe(Slot(3), id(3), vec![id(12)]);
        let presence = Audience::UserAndGuilds { user: id(1), guilds: vec![id(10), id(11)] };
        assert_eq!(heard(&mut subscriptions, &entry(presence, None)), [0, 1, 2]);
        assert_eq!(heard(&mut subscriptions, &entry(Audience::Users(vec![id(2), id(2)]), None)), [1, 2]);
        assert_eq!(heard(&mut subscriptions, &entry(Audience::Everyone, None)), [0, 1, 2, 3]);
    }

    #[test]
    fn membership_counts_from_its_first_entry_to_its_last() {
        let mut subscriptions = Subscriptions::new();
        subscriptions.subscribe(Slot(7), id(1), vec![]);
        let guild = Audience::Guild(id(10));
        let joined = Change::Joined { guild: id(10), user: id(1) };
        let left = Change::Left { guild: id(10), user: id(1) };
        assert!(heard(&mut subscriptions, &entry(guild.clone(), None)).is_empty());
        assert_eq!(heard(&mut subscriptions, &entry(guild.clone(), Some(joined.clone()))), [7]);
        assert_eq!(heard(&mut subscriptions, &entry(guild.clone(), Some(left))), [7]);
        assert!(heard(&mut subscriptions, &entry(guild.clone(), None)).is_empty());

        heard(&mut subscriptions, &entry(Audience::Nobody, Some(joined)));
        let gone = Change::GuildGone { guild: id(10) };
        assert_eq!(heard(&mut subscriptions, &entry(guild.clone(), Some(gone))), [7]);
        assert!(heard(&mut subscriptions, &entry(guild, None)).is_empty());
    }

    #[test]
    fn a_connection_that_is_gone_leaves_nothing_behind() {
        let mut subscriptions = Subscriptions::new();
        subscriptions.subscribe(Slot(0), id(1), vec![id(10)]);
        subscriptions.subscribe(Slot(1), id(1), vec![id(10)]);
        subscriptions.unsubscribe(Slot(0), id(1));
        assert_eq!(heard(&mut subscriptions, &entry(Audience::Guild(id(10)), None)), [1]);
        subscriptions.unsubscribe(Slot(1), id(1));
        assert!(subscriptions.users.is_empty() && subscriptions.guilds.is_empty());
    }

    #[test]
    fn a_listener_hears_what_a_subscription_does() {
        let guild = || Audience::Guild(id(10));
        let script = [
            entry(guild(), None),
            entry(guild(), Some(Change::Joined { guild: id(10), user: id(1) })),
            entry(Audience::UserAndGuilds { user: id(2), guilds: vec![id(10)] }, None),
            entry(guild(), Some(Change::Left { guild: id(10), user: id(1) })),
            entry(guild(), None),
            entry(Audience::Users(vec![id(1)]), None),
            entry(Audience::Users(vec![id(2)]), None),
        ];
        let mut subscriptions = Subscriptions::new();
        subscriptions.subscribe(Slot(0), id(1), vec![]);
        let mut listener = Listener::new(id(1), vec![]);
        for entry in &script {
            assert_eq!(listener.meet(entry), heard(&mut subscriptions, entry) == [0]);
        }
        assert!(listener.into_guilds().is_empty());
    }
}
