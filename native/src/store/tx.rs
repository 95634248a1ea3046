//! The transaction that a change of the store runs in.

use std::sync::Arc;

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft, Entry};
use sanmon_core::event::Seq;
use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;
use sqlx::AnyConnection;

use super::error::{Refusal, StoreError};
use super::ids::Ids;
use crate::log::rows::LogState;
use crate::log::{ChangeNumber, Parcel};

/// The writer's transaction, lent to one change after the other.
///
/// What is stored and what is emitted become durable together, or not at all.
#[derive(Debug)]
pub(crate) struct Tx {
    conn: AnyConnection,
    now: UnixMillis,
    ids: Ids,
    begun: LogState,
    last: ChangeNumber,
    emitted: Emitted,
    touched: Vec<Touched>,
    revokes_keys: bool,
    extent: Extent,
}

/// What is around the statements of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// A transaction that has begun.
    Begun,
    /// Nothing so far: all that is stored are entries of this machine's log, for which one statement may do.
    Unbegun,
}

/// What a transaction emitted so far.
#[derive(Debug)]
pub(super) enum Emitted {
    /// Entries, whose numbers are their places in the log of this machine.
    Entries(Vec<Arc<Entry>>),
    /// What goes into the outbox of a log that many machines share.
    Parcels(Vec<Parcel>),
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
    last: ChangeNumber,
    emitted: usize,
    touched: usize,
}

/// What a transaction leaves behind once it is committed.
pub(super) struct Finished {
    pub(super) conn: AnyConnection,
    pub(super) ids: Ids,
    pub(super) emitted: Emitted,
    pub(super) touched: Vec<Touched>,
    pub(super) revokes_keys: bool,
}

impl Tx {
    /// A transaction in the state `begun` of the log.
    pub(super) const fn new(
        conn: AnyConnection,
        now: UnixMillis,
        ids: Ids,
        begun: LogState,
        emitted: Emitted,
        extent: Extent,
    ) -> Self {
        Self { conn, now, ids, begun, last: begun.last, emitted, touched: Vec::new(), revokes_keys: false, extent }
    }

    /// What is around its statements.
    pub(super) const fn extent(&self) -> Extent {
        self.extent
    }

    /// The connection to run SQL on. The transaction is the writer's to begin and to end.
    pub(crate) fn conn(&mut self) -> &mut AnyConnection {
        &mut self.conn
    }

    /// Puts an event into the log, after those that were emitted before, and says its number.
    ///
    /// A change that alters what GUILD_INIT shows of a guild must emit something that names the guild: what is kept of
    /// encoded guilds is dropped by it.
    pub(crate) fn emit(&mut self, draft: Draft) -> ChangeNumber {
        self.touch(&draft);
        self.number(draft)
    }

    /// Takes note that an operator key is no longer valid.
    pub(super) fn revoke_keys(&mut self) {
        self.revokes_keys = true;
    }

    /// Takes note that presences of a guild changed of which it is told nothing.
    pub(super) fn touch_presences(&mut self, guild: Id) {
        self.touched.push(Touched { guild, part: Part::Presences });
    }

    /// Puts an event into the log of this machine that changes nothing that is stored.
    pub(super) fn place(&mut self, draft: Draft) -> Seq {
        Seq::new(self.number(draft).as_u64())
    }

    fn number(&mut self, draft: Draft) -> ChangeNumber {
        self.last = self.last.next();
        match &mut self.emitted {
            Emitted::Entries(entries) => {
                entries.push(Arc::new(draft.place(Seq::new(self.last.as_u64()), self.now)));
            }
            Emitted::Parcels(parcels) => parcels.push(Parcel::of(self.last, self.now, &draft)),
        }
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

    /// The number of the last entry so far.
    pub(super) const fn last(&self) -> ChangeNumber {
        self.last
    }

    /// The log's state so far, if it is not what it was at the start.
    pub(super) fn moved_on(&self) -> Option<LogState> {
        let state = LogState { last: self.last, last_id: self.ids.last() };
        (state != self.begun).then_some(state)
    }

    /// The connection, and what waits to be stored.
    pub(super) fn unstored(&mut self) -> (&mut AnyConnection, &Emitted) {
        (&mut self.conn, &self.emitted)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { last: self.last, emitted: self.emitted.len(), touched: self.touched.len() }
    }

    pub(super) fn rewind(&mut self, mark: Mark) {
        self.last = mark.last;
        match &mut self.emitted {
            Emitted::Entries(entries) => entries.truncate(mark.emitted),
            Emitted::Parcels(parcels) => parcels.truncate(mark.emitted),
        }
        self.touched.truncate(mark.touched);
    }

    /// Refuses what was emitted since the mark if the shared log would never take it: it would block the outbox for ever.
    pub(super) fn check_sizes(&self, mark: Mark, max_bytes: usize) -> Result<(), StoreError> {
        let Emitted::Parcels(parcels) = &self.emitted else { return Ok(()) };
        match parcels[mark.emitted..].iter().map(Parcel::bytes).find(|bytes| *bytes > max_bytes) {
            Some(bytes) => {
                let message = format!("this would be told by an event of {bytes} bytes, and {max_bytes} can be sent");
                Err(Refusal::invalid(message).into())
            }
            None => Ok(()),
        }
    }

    pub(super) fn finish(self) -> Finished {
        let Self { conn, ids, emitted, touched, revokes_keys, .. } = self;
        Finished { conn, ids, emitted, touched, revokes_keys }
    }

    fn touch(&mut self, draft: &Draft) {
        // Where many machines share the log, its entries say this to all of them.
        if matches!(self.emitted, Emitted::Entries(_)) {
            let name = draft.event.as_ref().map(|event| event.t().as_str());
            self.touched.extend(touched_by(name, &draft.audience, draft.change.as_ref()));
        }
    }
}

impl Emitted {
    /// How many entries.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Entries(entries) => entries.len(),
            Self::Parcels(parcels) => parcels.len(),
        }
    }
}

/// The guilds that an entry says something of: one with the event `name`, if it has one.
pub(super) fn touched_by(name: Option<&str>, audience: &Audience, change: Option<&Change>) -> Vec<Touched> {
    let part = match name {
        Some("PRESENCE_UPDATE" | "GUILD_MEMBER_ADD" | "GUILD_MEMBER_REMOVE" | "GUILD_JOIN") => Part::Presences,
        // Users and invites are no part of GUILD_INIT.
        Some("USER_UPDATE" | "INVITE_CREATE" | "INVITE_DELETE") => return Vec::new(),
        _ => Part::Whole,
    };
    let of_audience = match audience {
        Audience::Guild(guild) => std::slice::from_ref(guild),
        Audience::UserAndGuilds { guilds, .. } => guilds,
        _ => &[],
    };
    let mut touched: Vec<Touched> = of_audience.iter().map(|guild| Touched { guild: *guild, part }).collect();
    match change {
        Some(Change::Joined { guild, .. } | Change::Left { guild, .. }) => {
            touched.push(Touched { guild: *guild, part: Part::Presences });
        }
        Some(Change::GuildGone { guild }) => touched.push(Touched { guild: *guild, part: Part::Whole }),
        _ => {}
    }
    touched
}
