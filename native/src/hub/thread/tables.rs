//! Which users and sessions have connections on a thread.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sanmon_core::gateway::{Principal, RateLimited, RateWindow};
use sanmon_core::id::Id;
use sanmon_core::time::Moment;

/// What messages of a user are counted in.
const MINUTE: Duration = Duration::from_secs(60);
/// What identifies of a user are counted in.
const SECOND: Duration = Duration::from_secs(1);

/// The users and sessions of a thread.
#[derive(Debug, Default)]
pub(super) struct Tables {
    users: HashMap<Id, User>,
    /// Sessions with the slots of their connections.
    sessions: BTreeSet<(Id, u32)>,
    /// Users with the slots of theirs.
    slots: BTreeSet<(Id, u32)>,
    swept: Moment,
}

#[derive(Debug, Default)]
struct User {
    connections: u32,
    /// Whose turn it is among them.
    turn: usize,
    /// It outlives the connections, so that nobody sends more by coming back more often.
    window: RateWindow,
    identifies: RateWindow,
}

/// What a user may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) connections: u32,
    pub(super) identifies_per_second: u32,
}

/// What the user has too many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMany {
    /// As many connections as one may have.
    Connections,
    /// As many identifies as one may send in a second.
    Identifies(RateLimited),
}

impl Tables {
    pub(super) fn join(&mut self, now: Moment, who: Principal, slot: u32, bounds: Bounds) -> Result<(), TooMany> {
        let user = self.users.entry(who.user).or_default();
        user.identifies.take(now, bounds.identifies_per_second, SECOND).map_err(TooMany::Identifies)?;
        if user.connections >= bounds.connections {
            return Err(TooMany::Connections);
        }
        user.connections += 1;
        self.sessions.insert((who.session, slot));
        self.slots.insert((who.user, slot));
        Ok(())
    }

    pub(super) fn leave(&mut self, who: Principal, slot: u32, now: Moment) {
        self.sessions.remove(&(who.session, slot));
        self.slots.remove(&(who.user, slot));
        if let Entry::Occupied(mut user) = self.users.entry(who.user) {
            user.get_mut().connections -= 1;
            if user.get().is_forgettable(now) {
                user.remove();
            }
        }
    }

    /// The window that counts the user's messages.
    pub(super) fn window(&mut self, user: Id) -> Option<&mut RateWindow> {
        self.users.get_mut(&user).map(|user| &mut user.window)
    }

    /// Which of the user's connections is next, counted on and on.
    pub(super) fn next_turn(&mut self, user: Id) -> usize {
        self.users.get_mut(&user).map_or(0, |user| {
            user.turn = user.turn.wrapping_add(1);
            user.turn
        })
    }

    /// The slots of a user's connections.
    pub(super) fn slots_of_user(&self, user: Id) -> impl Iterator<Item = u32> {
        self.slots.range((user, 0)..=(user, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// The slots of a session's connections.
    pub(super) fn slots_of(&self, session: Id) -> impl Iterator<Item = u32> {
        self.sessions.range((session, 0)..=(session, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// Forgets, once a minute, users who are gone and whose windows are over.
    pub(super) fn sweep(&mut self, now: Moment) {
        if now.since(self.swept) >= MINUTE {
            self.swept = now;
            self.users.retain(|_, user| !user.is_forgettable(now));
        }
    }
}

impl User {
    /// Whether nothing would be different without it.
    fn is_forgettable(&self, now: Moment) -> bool {
        self.connections == 0 && self.window.is_over(now, MINUTE) && self.identifies.is_over(now, SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    #[test]
    fn a_window_outlives_the_connection_and_is_forgotten() {
        let who = Principal { user: id(1), session: id(2), expires: None };
        let at = Moment::from_millis;
        let mut tables = Tables::default();
        let bounds = Bounds { connections: 1, identifies_per_second: 100 };
        tables.join(at(0), who, 7, bounds).unwrap();
        assert_eq!(tables.join(at(0), who, 8, bounds), Err(TooMany::Connections));
        assert_eq!(tables.slots_of_user(id(1)).collect::<Vec<_>>(), [7]);
        assert_eq!(tables.slots_of(id(2)).collect::<Vec<_>>(), [7]);
        tables.window(id(1)).unwrap().take(at(1), 1, MINUTE).unwrap();
        tables.leave(who, 7, at(2));
        assert_eq!(tables.slots_of(id(2)).count(), 0);
        assert_eq!(tables.slots_of_user(id(1)).count(), 0);
        tables.join(at(2), who, 9, bounds).unwrap();
        assert!(tables.window(id(1)).unwrap().take(at(3), 1, MINUTE).is_err());
        tables.leave(who, 9, at(4));
        tables.sweep(at(70_000));
        assert!(tables.window(id(1)).is_none());
    }

    #[test]
    fn a_user_identifies_so_often_in_a_second() {
        let who = Principal { user: id(1), session: id(2), expires: None };
        let at = Moment::from_millis;
        let (mut tables, bounds) = (Tables::default(), Bounds { connections: 9, identifies_per_second: 2 });
        tables.join(at(0), who, 1, bounds).unwrap();
        tables.join(at(1), who, 2, bounds).unwrap();
        let Err(TooMany::Identifies(limited)) = tables.join(at(400), who, 3, bounds) else { panic!("a third") };
        assert_eq!(limited.wait, Duration::from_millis(600));
        tables.join(at(1_000), who, 3, bounds).unwrap();
        assert_eq!(tables.slots_of_user(id(1)).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
