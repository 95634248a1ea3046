//! GUILD_INITs that are kept encoded, so that a guild is read and encoded once for all who connect.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sanmon_core::codec::Dispatch;
use sanmon_core::event::Seq;
use sanmon_core::id::Id;

use super::tx::{Part, Touched};

/// Bytes of encoded guilds that are kept.
const MAX_BYTES: usize = 64 << 20;

/// Guilds whose last change is remembered.
const MAX_CHANGED: usize = 100_000;

/// One guild as GUILD_INIT shows it at a place in the log.
#[derive(Clone, Debug)]
pub(super) struct GuildInit {
    /// The place at which it was read.
    pub(super) at: Seq,
    /// The encoded event.
    pub(super) dispatch: Arc<Dispatch>,
    /// How many presences may change until it no longer holds: none if it shows them.
    pub(super) slack: usize,
}

/// The encoded guilds that still hold.
#[derive(Debug)]
pub(super) struct GuildInits {
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    inits: HashMap<Id, GuildInit>,
    bytes: usize,
    /// Where guilds last changed, back to `since`.
    changed: HashMap<Id, Seq>,
    since: Seq,
}

impl GuildInits {
    /// None yet, of a log whose last place is `head`.
    pub(super) fn new(head: Seq) -> Self {
        Self { kept: Mutex::new(Kept { inits: HashMap::new(), bytes: 0, changed: HashMap::new(), since: head }) }
    }

    /// The guild as it is now. Everything that changed it up to the reader's place must have been told by `touch`.
    pub(super) fn find(&self, guild: Id) -> Option<Arc<Dispatch>> {
        self.lock().inits.get(&guild).map(|init| Arc::clone(&init.dispatch))
    }

    /// Keeps a guild, unless it changed since it was read.
    pub(super) fn keep(&self, guild: Id, init: GuildInit) {
        let mut kept = self.lock();
        let stale = init.at < kept.since || kept.changed.get(&guild).is_some_and(|changed| *changed > init.at);
        let size = init.dispatch.text().len();
        if stale || size > MAX_BYTES {
            return;
        }
        kept.drop_init(guild);
        while kept.bytes + size > MAX_BYTES {
            let Some(some) = kept.inits.keys().next().copied() else { break };
            kept.drop_init(some);
        }
        kept.bytes += size;
        kept.inits.insert(guild, init);
    }

    /// Takes note that guilds changed in a commit that ended at `head`.
    pub(super) fn touch(&self, touched: &[Touched], head: Seq) {
        if touched.is_empty() {
            return;
        }
        let mut kept = self.lock();
        for Touched { guild, part } in touched {
            match kept.inits.get_mut(guild) {
                // It shows no presences, and so many that one more or less makes no difference.
                Some(init) if *part == Part::Presences && init.slack > 0 => init.slack -= 1,
                _ => kept.drop_init(*guild),
            }
            kept.changed.insert(*guild, head);
        }
        if kept.changed.len() > MAX_CHANGED {
            kept.changed.clear();
            kept.since = head;
        }
    }

    /// Forgets all of them: nobody knows which of them changed up to `head`.
    pub(super) fn clear(&self, head: Seq) {
        let mut kept = self.lock();
        kept.inits.clear();
        kept.bytes = 0;
        kept.changed.clear();
        kept.since = head;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn drop_init(&mut self, guild: Id) {
        if let Some(init) = self.inits.remove(&guild) {
            self.bytes -= init.dispatch.text().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(at: u64, slack: usize) -> GuildInit {
        GuildInit { at: Seq::new(at), dispatch: Arc::new(Dispatch::new("{}")), slack }
    }

    #[test]
    fn a_guild_holds_until_it_changes() {
        let (inits, guild) = (GuildInits::new(Seq::new(10)), Id::new(1).unwrap());
        inits.keep(guild, init(9, 0));
        assert!(inits.find(guild).is_none(), "read before all that is known");
        inits.keep(guild, init(10, 0));
        assert!(inits.find(guild).is_some());
        inits.touch(&[Touched { guild, part: Part::Presences }], Seq::new(12));
        assert!(inits.find(guild).is_none());
        inits.keep(guild, init(11, 0));
        assert!(inits.find(guild).is_none(), "changed after it was read");
        inits.keep(guild, init(12, 0));
        assert!(inits.find(guild).is_some());
    }

    #[test]
    fn presences_matter_only_where_they_are_shown() {
        let (inits, guild) = (GuildInits::new(Seq::new(0)), Id::new(1).unwrap());
        inits.keep(guild, init(1, 2));
        for _ in 0..2 {
            inits.touch(&[Touched { guild, part: Part::Presences }], Seq::new(2));
            assert!(inits.find(guild).is_some());
        }
        inits.touch(&[Touched { guild, part: Part::Presences }], Seq::new(3));
        assert!(inits.find(guild).is_none());
        inits.keep(guild, init(3, 9));
        inits.touch(&[Touched { guild, part: Part::Whole }], Seq::new(4));
        assert!(inits.find(guild).is_none());
    }
}
