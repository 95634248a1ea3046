//! What is kept of guilds while it holds: GUILD_INITs, so that a guild is read and encoded once for all who connect, and which
//! guilds there are, so that publishing reads nothing.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sanmon_core::codec::Dispatch;
use sanmon_core::event::Seq;
use sanmon_core::id::Id;

use super::tx::{Part, Touched};

/// Bytes of encoded guilds that are kept.
const MAX_BYTES: usize = 64 << 20;

/// Guilds whose last change is remembered.
const MAX_CHANGED: usize = 100_000;

/// Guilds that are known to be there.
const MAX_KNOWN: usize = 100_000;

/// Guilds that are read at the same time, at most.
const TURNS: usize = 64;

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

/// What is known of guilds and still holds.
#[derive(Debug)]
pub(super) struct GuildInits {
    kept: Mutex<Kept>,
    /// By [`turn_of`] a guild.
    turns: [tokio::sync::Mutex<LastRead>; TURNS],
    /// Guilds that were read and encoded.
    read: AtomicU64,
}

/// The guild that was read last, and where. Who waits meanwhile takes it as well, even if it changed too soon to be kept.
#[derive(Debug, Default)]
pub(super) struct LastRead(Option<(Id, Seq, Weak<Dispatch>)>);

#[derive(Debug)]
struct Kept {
    inits: HashMap<Id, GuildInit>,
    bytes: usize,
    /// Guilds that there are.
    known: HashSet<Id>,
    /// Where guilds last changed, back to `since`.
    changed: HashMap<Id, Seq>,
    since: Seq,
}

impl GuildInits {
    /// None yet, of a log whose last place is `head`.
    pub(super) fn new(head: Seq) -> Self {
        Self {
            kept: Mutex::new(Kept {
                inits: HashMap::new(),
                bytes: 0,
                known: HashSet::new(),
                changed: HashMap::new(),
                since: head,
            }),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            read: AtomicU64::new(0),
        }
    }

    /// The guild as it is now, or else as `read` finds it at the place `head`; `None` if there is no such guild. Of all who ask
    /// at the same time one reads.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) async fn find_or_read<E>(
        &self,
        guild: Id,
        head: Seq,
        read: impl AsyncFnOnce() -> Result<Option<GuildInit>, E>,
    ) -> Result<Option<Arc<Dispatch>>, E> {
        if let Some(init) = self.find(guild) {
            return Ok(Some(init));
        }
        let mut last = self.turns[turn_of(guild)].lock().await;
        if let Some(init) = self.find(guild).or_else(|| last.find(guild, head)) {
            return Ok(Some(init));
        }
        let Some(init) = read().await? else { return Ok(None) };
        self.read.fetch_add(1, Ordering::Relaxed);
        *last = LastRead(Some((guild, init.at, Arc::downgrade(&init.dispatch))));
        let dispatch = Arc::clone(&init.dispatch);
        self.keep(guild, init);
        Ok(Some(dispatch))
    }

    /// How many guilds were read and encoded so far.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The guild as it is now. Everything that changed it up to the reader's place must have been told by `touch`.
    fn find(&self, guild: Id) -> Option<Arc<Dispatch>> {
        self.lock().inits.get(&guild).map(|init| Arc::clone(&init.dispatch))
    }

    /// Keeps a guild, unless it changed since it was read.
    fn keep(&self, guild: Id, init: GuildInit) {
        let mut kept = self.lock();
        let size = init.dispatch.text().len();
        if kept.has_changed(guild, init.at) || size > MAX_BYTES {
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

    /// Those of these guilds that are not known to be there.
    pub(super) fn unknown(&self, guilds: &[Id]) -> Vec<Id> {
        let kept = self.lock();
        guilds.iter().filter(|guild| !kept.known.contains(guild)).copied().collect()
    }

    /// Takes note that there is such a guild, as was read once all up to the place `at` was stored, unless it changed since.
    pub(super) fn know(&self, guild: Id, at: Seq) {
        let mut kept = self.lock();
        if kept.has_changed(guild, at) {
            return;
        }
        if kept.known.len() >= MAX_KNOWN {
            kept.known.clear();
        }
        kept.known.insert(guild);
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
            if *part == Part::Whole {
                kept.known.remove(guild);
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
        kept.known.clear();
        kept.changed.clear();
        kept.since = head;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose turn to be read a guild shares. The lower bits of ids that one node makes are mostly the same, and the product's upper
/// bits mix all.
const fn turn_of(guild: Id) -> usize {
    ((guild.as_u64().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % TURNS as u64) as usize
}

impl LastRead {
    /// The guild, if it was read at the place `head` or after it.
    fn find(&self, guild: Id, head: Seq) -> Option<Arc<Dispatch>> {
        let (read, at, dispatch) = self.0.as_ref()?;
        if *read == guild && *at >= head { dispatch.upgrade() } else { None }
    }
}

impl Kept {
    /// Whether what was read of a guild at a place may no longer hold.
    fn has_changed(&self, guild: Id, at: Seq) -> bool {
        at < self.since || self.changed.get(&guild).is_some_and(|changed| *changed > at)
    }

    fn drop_init(&mut self, guild: Id) {
        if let Some(init) = self.inits.remove(&guild) {
            self.bytes -= init.dispatch.text().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use sanmon_core::id::Snowflakes;
    use sanmon_core::time::UnixMillis;

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
    fn guilds_of_one_node_take_all_turns() {
        let mut snowflakes = Snowflakes::new(3);
        let ids = (0..1000).map(|at| snowflakes.next(UnixMillis::from_millis(1_700_000_000_000 + 40 * at)));
        let mut guilds = [0; TURNS];
        ids.for_each(|id| guilds[turn_of(id)] += 1);
        assert!(guilds.iter().all(|guilds| (5..=40).contains(guilds)), "{guilds:?}");
    }

    #[test]
    fn a_guild_is_known_until_it_changes() {
        let (inits, guild) = (GuildInits::new(Seq::new(10)), Id::new(1).unwrap());
        inits.know(guild, Seq::new(9));
        assert_eq!(inits.unknown(&[guild]), [guild], "read before all that is known");
        inits.know(guild, Seq::new(10));
        assert!(inits.unknown(&[guild]).is_empty());
        inits.touch(&[Touched { guild, part: Part::Presences }], Seq::new(12));
        assert!(inits.unknown(&[guild]).is_empty(), "who is about is no matter");
        inits.touch(&[Touched { guild, part: Part::Whole }], Seq::new(13));
        assert_eq!(inits.unknown(&[guild]), [guild]);
        inits.know(guild, Seq::new(12));
        assert_eq!(inits.unknown(&[guild]), [guild], "it may be gone since");
        inits.know(guild, Seq::new(13));
        assert!(inits.unknown(&[guild]).is_empty());
        inits.clear(Seq::new(14));
        assert_eq!(inits.unknown(&[guild]), [guild]);
    }

    #[tokio::test]
    async fn who_asks_at_the_same_time_shares_one_reading() {
        let (inits, guild) = (&GuildInits::new(Seq::new(0)), Id::new(1).unwrap());
        let read = |at: u64| {
            inits.find_or_read(guild, Seq::new(at), async move || {
                tokio::task::yield_now().await;
                // It changes before it can be kept.
                inits.touch(&[Touched { guild, part: Part::Whole }], Seq::new(at + 1));
                Ok::<_, ()>(Some(init(at, 0)))
            })
        };
        let (first, same, earlier, later) = tokio::join!(read(5), read(5), read(4), read(6));
        let [first, same, earlier, later] = [first, same, earlier, later].map(|init| init.unwrap().unwrap());
        assert!(Arc::ptr_eq(&first, &same) && Arc::ptr_eq(&first, &earlier));
        assert!(!Arc::ptr_eq(&first, &later), "it has seen more");
        assert_eq!(inits.read(), 2);
        drop((first, same, earlier, later));
        read(6).await.unwrap().unwrap();
        assert_eq!(inits.read(), 3, "what nobody holds any longer is not held here");
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
