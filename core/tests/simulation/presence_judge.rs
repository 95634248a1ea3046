//! Whether users go offline when they are gone, and only then.

use std::collections::BTreeMap;
use std::time::Duration;

use sanmon_core::time::Moment;

/// How long after the last connection a user goes offline.
const GRACE: Duration = Duration::from_secs(15);

/// Follows the users who never choose how to show: online while connected, offline else.
#[derive(Debug, Default)]
pub(crate) struct PresenceJudge {
    users: BTreeMap<u64, Presence>,
}

#[derive(Debug, Default)]
struct Presence {
    connections: u64,
    /// When the last connection went.
    gone: Option<Moment>,
    /// What others were told last, and whether a crash or a failure since may have made that doubtful.
    told: Option<u8>,
    doubtful: bool,
}

impl PresenceJudge {
    pub(crate) fn connected(&mut self, user: u64) {
        self.users.entry(user).or_default().connections += 1;
    }

    pub(crate) fn disconnected(&mut self, now: Moment, user: u64) {
        let presence = self.users.entry(user).or_default();
        presence.connections -= 1;
        if presence.connections == 0 {
            presence.gone = Some(now);
        }
    }

    /// The server has crashed or ended: all of its connections are gone.
    pub(crate) fn crashed(&mut self, now: Moment) {
        for presence in self.users.values_mut() {
            if std::mem::take(&mut presence.connections) > 0 {
                presence.gone = Some(now);
            }
            presence.doubtful = true;
        }
    }

    /// A batch was not committed.
    pub(crate) fn failed(&mut self, user: u64) {
        self.users.entry(user).or_default().doubtful = true;
    }

    /// The server decides to tell others that the user shows like this.
    pub(crate) fn decided(&mut self, now: Moment, user: u64, kind: u8) -> Result<(), String> {
        let presence = self.users.entry(user).or_default();
        if presence.told.unwrap_or(4) == kind && !presence.doubtful {
            return Err(format!("user {user} is told as {kind} twice"));
        }
        (presence.told, presence.doubtful) = (Some(kind), false);
        let absent = presence.gone.map(|gone| now.since(gone)).filter(|_| presence.connections == 0);
        match kind {
            1 if presence.connections == 0 => Err(format!("user {user} is told as online and is not connected")),
            4 if absent.is_none_or(|absent| absent < GRACE) => {
                Err(format!("user {user} flickers: offline after {absent:?} of absence"))
            }
            1 | 4 => Ok(()),
            _ => Err(format!("user {user} never chose {kind}")),
        }
    }
}
