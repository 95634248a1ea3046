//! Which users and sessions have connections on a thread.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use sanmon_core::gateway::{Principal, RateWindow};
use sanmon_core::id::Id;
use sanmon_core::time::Moment;

/// What messages of a user are counted in.
const MINUTE: Duration = Duration::from_secs(60);

/// The users and sessions of a thread.
#[derive(Debug, Default)]
pub(super) struct Tables {
    users: HashMap<Id, User>,
    /// Sessions with the slots of their connections.
    sessions: BTreeSet<(Id, u32)>,
    swept: Moment,
}

#[derive(Debug, Default)]
struct User {
    connections: u32,
    /// Whose turn it is among them.
    turn: usize,
    /// It outlives the connections, so that nobody sends more by coming back more often.
    window: RateWindow,
}

/// The user has as many connections as one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Tables {
    pub(super) fn join(&mut self, who: Principal, slot: u32, max: u32) -> Result<(), TooMany> {
        let user = self.users.entry(who.user).or_default();
        if user.connections >= max {
            return Err(TooMany);
        }
        user.connections += 1;
        self.sessions.insert((who.session, slot));
        Ok(())
    }

    pub(super) fn leave(&mut self, who: Principal, slot: u32, now: Moment) {
        self.sessions.remove(&(who.session, slot));
        if let Entry::Occupied(mut user) = self.users.entry(who.user) {
            user.get_mut().connections -= 1;
            if user.get().connections == 0 && user.get().window.is_over(now, MINUTE) {
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

    /// The slots of a session's connections.
    pub(super) fn slots_of(&self, session: Id) -> impl Iterator<Item = u32> {
        self.sessions.range((session, 0)..=(session, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// Forgets, once a minute, users who are gone and whose windows are over.
    pub(super) fn sweep(&mut self, now: Moment) {
        if now.since(self.swept) >= MINUTE {
            self.swept = now;
            self.users.retain(|_, user| user.connections > 0 || !user.window.is_over(now, MINUTE));
        }
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
        tables.join(who, 7, 1).unwrap();
        assert_eq!(tables.join(who, 8, 1), Err(TooMany));
        assert_eq!(tables.slots_of(id(2)).collect::<Vec<_>>(), [7]);
        tables.window(id(1)).unwrap().take(at(1), 1, MINUTE).unwrap();
        tables.leave(who, 7, at(2));
        assert_eq!(tables.slots_of(id(2)).count(), 0);
        tables.join(who, 9, 1).unwrap();
        assert!(tables.window(id(1)).unwrap().take(at(3), 1, MINUTE).is_err());
        tables.leave(who, 9, at(4));
        tables.sweep(at(70_000));
        assert!(tables.window(id(1)).is_none());
    }
}
