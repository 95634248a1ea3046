//! A tiny server: a log, its index, and who is in which guild.

use std::sync::Arc;

use crate::audience::{Audience, Listener};
use crate::entry::{Change, Draft, Entry};
use crate::event::Seq;
use crate::history::{History, Membership};
use crate::id::Id;
use crate::time::UnixMillis;

/// The user whose client this is all about.
pub(super) const USER: u64 = 1;
/// The last place of a log before this one.
const FLOOR: Seq = Seq::new(1000);

/// What may happen on a platform.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// An event for everyone.
    Everyone,
    /// An event for one user.
    User(u64),
    /// An event for a guild.
    Guild(u64),
    /// A presence of a user who shares the guilds 10 and 11.
    Presence(u64),
    /// A HERE notification for everyone.
    Here,
    /// The client's user joins a guild.
    Join(u64),
    /// The client's user leaves a guild.
    Leave(u64),
    /// A guild is deleted.
    GuildGone(u64),
}

/// A question of a session that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Who this is.
    Principal,
    /// What was missed.
    History {
        /// Since when.
        after: Option<Seq>,
    },
}

/// What a loader reads: all of it true at `head`.
pub(super) struct Loaded {
    pub(super) head: Seq,
    /// The user's guilds.
    pub(super) guilds: Vec<Id>,
    /// The missed entries, if the client asked for them and the log still holds them.
    pub(super) missed: Option<Vec<Arc<Entry>>>,
}

pub(super) struct Server {
    pub(super) log: Vec<Arc<Entry>>,
    history: History,
    floor: Seq,
    memberships: Vec<Membership>,
}

pub(super) fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

impl Server {
    pub(super) fn new() -> Self {
        Self { log: Vec::new(), history: History::new(FLOOR), floor: FLOOR, memberships: Vec::new() }
    }

    pub(super) fn happen(&mut self, happening: &Happening) -> Arc<Entry> {
        let seq = self.head().next();
        let user = id(USER);
        let (json, audience, change) = match *happening {
            Happening::Everyone => (r#"{"t":"X"}"#.into(), Audience::Everyone, None),
            Happening::User(user) => (r#"{"t":"X","d":{"to":"user"}}"#.into(), Audience::Users(vec![id(user)]), None),
            Happening::Guild(guild) => (r#"{"t":"X","d":{"to":"guild"}}"#.into(), Audience::Guild(id(guild)), None),
            Happening::Presence(user) => {
                let audience = Audience::UserAndGuilds { user: id(user), guilds: vec![id(10), id(11)] };
                (format!(r#"{{"t":"PRESENCE_UPDATE","id":{user},"d":{{"type":1}}}}"#), audience, None)
            }
            Happening::Here => (r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{}}"#.into(), Audience::Everyone, None),
            Happening::Join(guild) => {
                let guild = id(guild);
                if !self.guilds().contains(&guild) {
                    self.memberships.push(Membership { guild, from: seq, to: None });
                }
                let json = format!(r#"{{"t":"GUILD_JOIN","d":{{"id":{guild}}}}}"#);
                (json, Audience::Users(vec![user]), Some(Change::Joined { guild, user }))
            }
            Happening::Leave(guild) => {
                self.end_membership(id(guild), seq);
                let json = format!(r#"{{"t":"GUILD_DELETE","d":{{"id":{guild}}}}}"#);
                (json, Audience::Users(vec![user]), Some(Change::Left { guild: id(guild), user }))
            }
            Happening::GuildGone(guild) => {
                self.end_membership(id(guild), seq);
                let json = format!(r#"{{"t":"GUILD_DELETE","d":{{"id":{guild}}}}}"#);
                (json, Audience::Guild(id(guild)), Some(Change::GuildGone { guild: id(guild) }))
            }
        };
        let draft = Draft { event: Some(json.parse().unwrap()), audience, change };
        let entry = Arc::new(draft.place(seq, UnixMillis::default()));
        self.history.push(&entry);
        self.log.push(entry.clone());
        entry
    }

    pub(super) fn head(&self) -> Seq {
        self.history.head()
    }

    pub(super) fn load(&self, after: Option<Seq>) -> Loaded {
        let missed = after.and_then(|after| self.history.missed(id(USER), &self.memberships, after));
        let entry = |seq: Seq| self.log[usize::try_from(seq.as_u64() - FLOOR.as_u64() - 1).unwrap()].clone();
        let missed = missed.map(|seqs| seqs.into_iter().map(entry).collect());
        Loaded { head: self.head(), guilds: self.guilds(), missed }
    }

    /// The entries after `seq`.
    pub(super) fn after(&self, seq: Seq) -> &[Arc<Entry>] {
        let start = self.log.partition_point(|entry| entry.seq <= seq);
        &self.log[start..]
    }

    pub(super) fn forget(&mut self, percent: u64) {
        let (floor, head) = (self.floor.as_u64(), self.head().as_u64());
        self.floor = Seq::new(floor + (head - floor) * percent / 100);
        self.history.forget_through(self.floor);
    }

    /// The index is gone with the process, the log is not.
    pub(super) fn restart(&mut self) {
        self.history = History::new(self.floor);
        for entry in self.log.iter().filter(|entry| entry.seq > self.floor) {
            self.history.push(entry);
        }
    }

    /// What the client's user hears of the whole log, and the guilds after each entry, told by following it from its start.
    pub(super) fn heard(&self) -> Vec<(Arc<Entry>, bool, Vec<Id>)> {
        let mut listener = Listener::new(id(USER), vec![]);
        let met = self.log.iter().map(|entry| {
            let heard = listener.meet(entry);
            (entry.clone(), heard, listener.clone().into_guilds())
        });
        met.collect()
    }

    fn guilds(&self) -> Vec<Id> {
        self.memberships.iter().filter(|stretch| stretch.to.is_none()).map(|stretch| stretch.guild).collect()
    }

    fn end_membership(&mut self, guild: Id, seq: Seq) {
        for stretch in &mut self.memberships {
            if stretch.guild == guild && stretch.to.is_none() {
                stretch.to = Some(seq);
            }
        }
    }
}
