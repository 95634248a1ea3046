//! Which of the applications that interactions come for have connections here, for other nodes to know.

use std::collections::HashMap;

use sanmon_core::id::Id;
use tokio::sync::watch;

use crate::config::Config;

/// Counts live connections of applications. Everyone else's are passed over.
#[derive(Debug)]
pub(super) struct Attendance {
    applications: HashMap<Id, watch::Sender<usize>>,
}

impl Attendance {
    pub(super) fn new(config: &Config) -> Self {
        let ids = config.interactions_key.iter().filter_map(|key| key.0.application());
        Self { applications: ids.map(|id| (id, watch::Sender::new(0))).collect() }
    }

    /// Whether the user is one of these applications.
    pub(super) fn counts(&self, user: Id) -> bool {
        self.applications.contains_key(&user)
    }

    /// A connection of the user is live.
    pub(super) fn came(&self, user: Id) {
        if let Some(count) = self.applications.get(&user) {
            count.send_modify(|count| *count += 1);
        }
    }

    /// A live connection of the user is gone.
    pub(super) fn went(&self, user: Id) {
        if let Some(count) = self.applications.get(&user) {
            count.send_modify(|count| *count = count.saturating_sub(1));
        }
    }

    /// How many connections each application has, as it changes.
    pub(super) fn watch(&self) -> Vec<(Id, watch::Receiver<usize>)> {
        self.applications.iter().map(|(id, count)| (*id, count.subscribe())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_are_counted_and_others_are_not() {
        let key = format!("7={}", "58".to_owned() + &"66".repeat(31));
        let config = Config { interactions_key: vec![key.parse().unwrap()], ..Config::default() };
        let attendance = Attendance::new(&config);
        let (bot, other) = (Id::new(7).unwrap(), Id::new(8).unwrap());
        let [(id, count)] = &attendance.watch()[..] else { panic!("one application") };
        assert_eq!(*id, bot);
        assert!(attendance.counts(bot) && !attendance.counts(other));
        for user in [bot, other, bot] {
            attendance.came(user);
        }
        assert_eq!(*count.borrow(), 2);
        for user in [bot, other, bot, bot] {
            attendance.went(user);
        }
        assert_eq!(*count.borrow(), 0);
    }
}
