//! What survives every crash: the log, and the store of users, sessions, guilds and presences.

use std::collections::BTreeMap;
use std::sync::Arc;

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft, Entry};
use sanmon_core::event::{Presence, PresenceKind, Seq};
use sanmon_core::gateway::Principal;
use sanmon_core::history::{History, Membership, Replay};
use sanmon_core::id::Id;
use sanmon_core::time::{Moment, UnixMillis};

use crate::deed::{Deed, To};
use crate::oracle::BEFORE;

pub(crate) fn id(number: u64) -> Id {
    Id::new(number).expect("an id of this world")
}

/// One session of a user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionRow {
    pub(crate) user: u64,
    pub(crate) expires: Option<Moment>,
    pub(crate) revoked: bool,
}

/// All that a user may see at one place of the log.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) head: Seq,
    /// Each guild with the presences that it shows.
    pub(crate) guilds: Vec<(u64, Vec<(u64, u8)>)>,
}

/// What a user missed up to one place of the log.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) head: Seq,
    pub(crate) guilds: Vec<Id>,
    pub(crate) replay: Replay,
    pub(crate) count: u64,
}

#[derive(Debug)]
pub(crate) struct Platform {
    log: Vec<Arc<Entry>>,
    /// The index of the log, as a running process has it.
    history: History,
    floor: Seq,
    stays: BTreeMap<u64, Vec<Membership>>,
    pub(crate) guilds: Vec<u64>,
    pub(crate) sessions: BTreeMap<u64, SessionRow>,
    pub(crate) shown: BTreeMap<u64, u8>,
    pub(crate) chosen: BTreeMap<u64, Presence>,
}

impl Platform {
    pub(crate) fn new(guilds: Vec<u64>) -> Self {
        let floor = Seq::new(BEFORE);
        Self {
            log: Vec::new(),
            history: History::new(floor),
            floor,
            stays: BTreeMap::new(),
            guilds,
            sessions: BTreeMap::new(),
            shown: BTreeMap::new(),
            chosen: BTreeMap::new(),
        }
    }

    /// Whether the deed can still be done: what it changes may have changed while it waited.
    pub(crate) fn accepts(&self, deed: &Deed) -> bool {
        match deed {
            Deed::Join { guild, user } => !self.is_in(*user, *guild) && self.guilds.contains(guild),
            Deed::Leave { guild, user } => self.is_in(*user, *guild),
            Deed::GuildGone { guild } => self.guilds.contains(guild),
            _ => true,
        }
    }

    /// Puts one entry at the end of the log and changes what it changes.
    pub(crate) fn commit(&mut self, deed: &Deed) -> Arc<Entry> {
        let seq = self.history.head().next();
        let entry = Arc::new(self.draft(deed, seq).place(seq, UnixMillis::default()));
        self.history.push(&entry);
        self.log.push(entry.clone());
        entry
    }

    fn draft(&mut self, deed: &Deed, seq: Seq) -> Draft {
        let event = |json: String| json.parse().expect("an event");
        match deed {
            Deed::News(to) => {
                let padding = "x".repeat((seq.as_u64() * 7 % 60) as usize);
                Draft::new(event(format!(r#"{{"t":"NEWS","d":"{padding}"}}"#)), audience(to))
            }
            Deed::Here(to) => {
                Draft::new(event(r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{}}"#.into()), audience(to))
            }
            Deed::Join { guild, user } => {
                self.stays.entry(*user).or_default().push(Membership { guild: id(*guild), from: seq, to: None });
                let event = event(format!(r#"{{"t":"GUILD_JOIN","d":{{"id":{guild}}}}}"#));
                let change = Change::Joined { guild: id(*guild), user: id(*user) };
                Draft::new(event, Audience::Users(vec![id(*user)])).with_change(change)
            }
            Deed::Leave { guild, user } => {
                self.end_stay(*user, *guild, seq);
                let event = event(format!(r#"{{"t":"GUILD_DELETE","d":{{"id":{guild}}}}}"#));
                let change = Change::Left { guild: id(*guild), user: id(*user) };
                Draft::new(event, Audience::Users(vec![id(*user)])).with_change(change)
            }
            Deed::MemberAdd { guild, user } => member("GUILD_MEMBER_ADD", *guild, *user),
            Deed::MemberRemove { guild, user } => member("GUILD_MEMBER_REMOVE", *guild, *user),
            Deed::GuildGone { guild } => {
                let users: Vec<u64> = self.stays.keys().copied().collect();
                users.iter().for_each(|user| self.end_stay(*user, *guild, seq));
                self.guilds.retain(|other| other != guild);
                let event = event(format!(r#"{{"t":"GUILD_DELETE","d":{{"id":{guild}}}}}"#));
                Draft::new(event, Audience::Guild(id(*guild))).with_change(Change::GuildGone { guild: id(*guild) })
            }
            Deed::Shows { user, kind } => {
                self.shown.insert(*user, *kind);
                let event = event(format!(r#"{{"t":"PRESENCE_UPDATE","id":{user},"d":{{"type":{kind}}}}}"#));
                let guilds = self.guilds_of(*user);
                Draft::new(event, Audience::UserAndGuilds { user: id(*user), guilds })
            }
            Deed::SessionRevoked { session } => {
                if let Some(row) = self.sessions.get_mut(session) {
                    row.revoked = true;
                }
                Draft::silent(Change::SessionRevoked { session: id(*session) })
            }
            Deed::UserRevoked { user } => {
                self.sessions.values_mut().filter(|row| row.user == *user).for_each(|row| row.revoked = true);
                Draft::silent(Change::UserRevoked { user: id(*user) })
            }
        }
    }

    /// Whose session this is, if it is valid now.
    pub(crate) fn authenticate(&self, now: Moment, session: u64) -> Option<Principal> {
        let row = self.sessions.get(&session)?;
        let is_valid = !row.revoked && row.expires.is_none_or(|expires| now < expires);
        is_valid.then(|| Principal { user: id(row.user), session: id(session), expires: row.expires })
    }

    pub(crate) fn snapshot(&self, user: u64) -> Snapshot {
        let shown = |guild: u64| {
            let inside = self.shown.iter().filter(|(user, kind)| **kind != 4 && self.is_in(**user, guild));
            inside.map(|(user, kind)| (*user, *kind)).collect()
        };
        let guilds = self.guilds_of(user).into_iter().map(|guild| (guild.as_u64(), shown(guild.as_u64())));
        Snapshot { head: self.history.head(), guilds: guilds.collect() }
    }

    pub(crate) fn missed(&self, user: u64, after: Seq) -> Option<Missed> {
        let stays = self.stays.get(&user).map_or(&[][..], Vec::as_slice);
        let (guilds, head) = (self.guilds_of(user), self.history.head());
        let replay = Replay::new(id(user), stays, after, head);
        let count = self.history.count(&replay)?;
        Some(Missed { head, guilds, replay, count })
    }

    /// The next entries of a replay, at most so many, while the log holds them.
    pub(crate) fn next_page(&self, replay: &mut Replay, most: usize) -> Option<Vec<Arc<Entry>>> {
        let places = self.history.next_page(replay, most)?;
        places.iter().map(|seq| self.entry(*seq).cloned()).collect()
    }

    /// The entry at a place, while the log holds it.
    pub(crate) fn entry(&self, seq: Seq) -> Option<&Arc<Entry>> {
        if seq <= self.floor {
            return None;
        }
        self.log.get(usize::try_from(seq.as_u64().checked_sub(BEFORE + 1)?).ok()?)
    }

    /// All entries after a place.
    pub(crate) fn after(&self, seq: Seq) -> &[Arc<Entry>] {
        &self.log[((seq.as_u64() - BEFORE) as usize).min(self.log.len())..]
    }

    pub(crate) fn head(&self) -> Seq {
        self.history.head()
    }

    /// Retention: the log forgets a part of what it holds, in percent. The last place that it no longer holds.
    pub(crate) fn forget(&mut self, percent: u64) -> u64 {
        let held = self.head().as_u64() - self.floor.as_u64();
        self.floor = Seq::new(self.floor.as_u64() + held * percent / 100);
        self.history.forget_through(self.floor);
        self.floor.as_u64()
    }

    /// A process that starts makes its index from what the log holds.
    pub(crate) fn reindex(&mut self) {
        let mut history = History::new(self.floor);
        self.after(self.floor).iter().for_each(|entry| history.push(entry));
        self.history = history;
    }

    /// The users whom the store shows as not offline.
    pub(crate) fn shown_online(&self) -> Vec<Id> {
        self.shown.iter().filter(|(_, kind)| **kind != 4).map(|(user, _)| id(*user)).collect()
    }

    pub(crate) fn is_in(&self, user: u64, guild: u64) -> bool {
        self.guilds_of(user).contains(&id(guild))
    }

    fn guilds_of(&self, user: u64) -> Vec<Id> {
        let stays = self.stays.get(&user).map_or(&[][..], Vec::as_slice);
        stays.iter().filter(|stay| stay.to.is_none()).map(|stay| stay.guild).collect()
    }

    fn end_stay(&mut self, user: u64, guild: u64, seq: Seq) {
        let stays = self.stays.get_mut(&user).into_iter().flatten();
        stays.filter(|stay| stay.to.is_none() && stay.guild == id(guild)).for_each(|stay| stay.to = Some(seq));
    }
}

fn audience(to: &To) -> Audience {
    match to {
        To::Everyone => Audience::Everyone,
        To::User(user) => Audience::Users(vec![id(*user)]),
        To::Users(users) => Audience::Users(users.iter().map(|user| id(*user)).collect()),
        To::Guild(guild) => Audience::Guild(id(*guild)),
    }
}

fn member(name: &str, guild: u64, user: u64) -> Draft {
    let json = format!(r#"{{"t":"{name}","d":{{"guild_id":{guild},"user":{{"id":{user},"username":"u"}}}}}}"#);
    Draft::new(json.parse().expect("an event"), Audience::Guild(id(guild)))
}

/// The kind of a presence, as its number on the wire.
pub(crate) fn number_of(kind: PresenceKind) -> u8 {
    kind.into()
}
