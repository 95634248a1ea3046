//! The transaction that a change of the store runs in.

use std::sync::Arc;

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;
use sqlx::AnyConnection;

use super::ids::Ids;

/// The writer's transaction, lent to one change after the other.
///
/// What is stored and what is emitted become durable together, or not at all.
#[derive(Debug)]
pub(crate) struct Tx {
    conn: AnyConnection,
    now: UnixMillis,
    ids: Ids,
    last: Seq,
    entries: Vec<Arc<Entry>>,
    touched: Vec<Touched>,
}

/// A guild of which what GUILD_INIT shows may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) guild: Id,
    pub(super) part: Part,
}

/// The part of GUILD_INIT that an entry may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Who is about.
    Presences,
    /// All of it.
    Whole,
}

/// A point in a transaction to which a refused change is taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    last: Seq,
    entries: usize,
    touched: usize,
}

/// What a transaction leaves behind once it is committed.
pub(super) struct Finished {
    pub(super) conn: AnyConnection,
    pub(super) ids: Ids,
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) touched: Vec<Touched>,
}

impl Tx {
    pub(super) const fn new(conn: AnyConnection, now: UnixMillis, ids: Ids, last: Seq) -> Self {
        Self { conn, now, ids, last, entries: Vec::new(), touched: Vec::new() }
    }

    /// The connection to run SQL on. The transaction is the writer's to begin and to end.
    pub(crate) fn conn(&mut self) -> &mut AnyConnection {
        &mut self.conn
    }

    /// Puts an event into the log, after those that were emitted before, and says its place.
    ///
    /// A change that alters what GUILD_INIT shows of a guild must emit something that names the guild: what is kept of
    /// encoded guilds is dropped by it.
    pub(crate) fn emit(&mut self, draft: Draft) -> Seq {
        self.touch(&draft);
        self.place(draft)
    }

    /// Takes note that presences of a guild changed of which it is told nothing.
    pub(super) fn touch_presences(&mut self, guild: Id) {
        self.touched.push(Touched { guild, part: Part::Presences });
    }

    /// Puts an event into the log that changes nothing that is stored.
    pub(super) fn place(&mut self, draft: Draft) -> Seq {
        self.last = self.last.next();
        self.entries.push(Arc::new(draft.place(self.last, self.now)));
        self.last
    }

    /// A new id, larger than every one that this store made before.
    pub(crate) fn new_id(&mut self) -> Id {
        self.ids.next(self.now)
    }

    /// The time of this transaction.
    pub(crate) const fn now(&self) -> UnixMillis {
        self.now
    }

    /// The place of the last entry so far.
    pub(super) const fn last(&self) -> Seq {
        self.last
    }

    pub(super) const fn last_id(&self) -> u64 {
        self.ids.last()
    }

    /// The connection, and the entries that wait to be stored.
    pub(super) fn unstored(&mut self) -> (&mut AnyConnection, &[Arc<Entry>]) {
        (&mut self.conn, &self.entries)
    }

    pub(super) const fn mark(&self) -> Mark {
        Mark { last: self.last, entries: self.entries.len(), touched: self.touched.len() }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.last = mark.last;
        self.entries.truncate(mark.entries);
        self.touched.truncate(mark.touched);
    }

    pub(super) fn finish(self) -> Finished {
        Finished { conn: self.conn, ids: self.ids, entries: self.entries, touched: self.touched }
    }

    fn touch(&mut self, draft: &Draft) {
        let part = match draft.event.as_ref().map(|event| event.t().as_str()) {
            Some("PRESENCE_UPDATE" | "GUILD_MEMBER_ADD" | "GUILD_MEMBER_REMOVE" | "GUILD_JOIN") => Part::Presences,
            // Users and invites are no part of GUILD_INIT.
            Some("USER_UPDATE" | "INVITE_CREATE" | "INVITE_DELETE") => return,
            _ => Part::Whole,
        };
        let of_audience = match &draft.audience {
            Audience::Guild(guild) => std::slice::from_ref(guild),
            Audience::UserAndGuilds { guilds, .. } => guilds,
            _ => &[],
        };
        self.touched.extend(of_audience.iter().map(|guild| Touched { guild: *guild, part }));
        match draft.change {
            Some(Change::Joined { guild, .. } | Change::Left { guild, .. }) => {
                self.touched.push(Touched { guild, part: Part::Presences });
            }
            Some(Change::GuildGone { guild }) => self.touched.push(Touched { guild, part: Part::Whole }),
            _ => {}
        }
    }
}
