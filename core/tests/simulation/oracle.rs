//! What happened and who must have heard it, told by plain sets of numbers and by nothing of the code under test.

use std::collections::{BTreeMap, BTreeSet};

use crate::deed::{Deed, To};

/// The last place of the log before the first entry of this world.
pub(crate) const BEFORE: u64 = 5_000;

/// One entry of the log as the oracle knows it.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) s: u64,
    /// The users whose every connection hears it.
    pub(crate) hearers: BTreeSet<u64>,
    /// Only for who is connected when it happens.
    pub(crate) here: bool,
    /// The user whose presence it tells: a newer one makes it worthless.
    pub(crate) presence_of: Option<u64>,
}

/// All that happened, and the rules of the protocol in their plainest form.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    facts: Vec<Fact>,
    users: BTreeSet<u64>,
    /// Who is in each guild.
    members: BTreeMap<u64, BTreeSet<u64>>,
    /// The guilds of each user, from a place on.
    guilds: BTreeMap<u64, Vec<(u64, BTreeSet<u64>)>>,
    /// How each user shows, from a place on.
    shown: BTreeMap<u64, Vec<(u64, u8)>>,
    /// The place of the entry after which a session is not valid.
    revoked: BTreeMap<u64, u64>,
    /// Whose each session is.
    owners: BTreeMap<u64, u64>,
    /// The last place that the log no longer holds.
    floor: u64,
}

impl Oracle {
    pub(crate) fn new(users: impl IntoIterator<Item = u64>) -> Self {
        Self { users: users.into_iter().collect(), floor: BEFORE, ..Self::default() }
    }

    /// A session was minted.
    pub(crate) fn minted(&mut self, session: u64, user: u64) {
        self.owners.insert(session, user);
    }

    /// The log forgot this place and what was before.
    pub(crate) fn forgot(&mut self, floor: u64) {
        self.floor = floor;
    }

    /// The log holds one more entry. Membership counts from its first entry to its last, both included.
    pub(crate) fn happened(&mut self, deed: &Deed) {
        let s = self.head() + 1;
        let mut fact = Fact { s, hearers: BTreeSet::new(), here: false, presence_of: None };
        match deed {
            Deed::News(to) => fact.hearers = self.named(to),
            Deed::Here(to) => (fact.hearers, fact.here) = (self.named(to), true),
            Deed::Join { guild, user } => {
                self.members.entry(*guild).or_default().insert(*user);
                self.note_guilds(*user, s);
                fact.hearers.insert(*user);
            }
            Deed::Leave { guild, user } => {
                fact.hearers.insert(*user);
                self.members.entry(*guild).or_default().remove(user);
                self.note_guilds(*user, s);
            }
            Deed::MemberAdd { guild, .. } | Deed::MemberRemove { guild, .. } => fact.hearers = self.members_of(*guild),
            Deed::GuildGone { guild } => {
                fact.hearers = self.members.remove(guild).unwrap_or_default();
                for user in &fact.hearers {
                    self.note_guilds(*user, s);
                }
            }
            Deed::Shows { user, kind } => {
                fact.hearers =
                    self.members.values().filter(|members| members.contains(user)).flatten().copied().collect();
                fact.hearers.insert(*user);
                fact.presence_of = Some(*user);
                self.shown.entry(*user).or_default().push((s, *kind));
            }
            Deed::SessionRevoked { session } => {
                self.revoked.entry(*session).or_insert(s);
            }
            Deed::UserRevoked { user } => {
                for (session, _) in self.owners.iter().filter(|(_, owner)| *owner == user) {
                    self.revoked.entry(*session).or_insert(s);
                }
            }
        }
        self.facts.push(fact);
    }

    pub(crate) fn head(&self) -> u64 {
        BEFORE + self.facts.len() as u64
    }

    /// The entries after `after` and not after `until`.
    pub(crate) fn between(&self, after: u64, until: u64) -> &[Fact] {
        let index = |s: u64| (s.max(BEFORE) - BEFORE) as usize;
        let end = index(until).min(self.facts.len());
        &self.facts[index(after).min(end)..end]
    }

    pub(crate) fn at(&self, s: u64) -> Option<&Fact> {
        self.facts.get(usize::try_from(s.checked_sub(BEFORE + 1)?).ok()?)
    }

    /// What a resume replays to a user: all that the user must have heard, but for HERE.
    pub(crate) fn replayed(&self, user: u64, after: u64, until: u64) -> u64 {
        let due = |fact: &&Fact| fact.hearers.contains(&user) && !fact.here;
        self.between(after, until).iter().filter(due).count() as u64
    }

    /// Whether the log can serve a resume from this place now.
    pub(crate) fn holds(&self, place: u64) -> bool {
        (self.floor..=self.head()).contains(&place)
    }

    /// The guilds of a user once the entry at `s` has happened.
    pub(crate) fn guilds_at(&self, user: u64, s: u64) -> BTreeSet<u64> {
        latest(self.guilds.get(&user), s).unwrap_or_default()
    }

    /// The members of a guild who do not show as offline once the entry at `s` has happened.
    pub(crate) fn presences_at(&self, guild: u64, s: u64) -> BTreeMap<u64, u8> {
        let inside = self.users.iter().filter(|user| self.guilds_at(**user, s).contains(&guild));
        inside.map(|user| (*user, self.shown_at(*user, s))).filter(|(_, kind)| *kind != 4).collect()
    }

    /// How a user shows once the entry at `s` has happened.
    pub(crate) fn shown_at(&self, user: u64, s: u64) -> u8 {
        latest(self.shown.get(&user), s).unwrap_or(4)
    }

    /// The newest presence of each user of which this one must have heard after a place.
    pub(crate) fn last_presences(&self, hearer: u64, after: u64) -> BTreeMap<u64, u8> {
        let heard = self.between(after, self.head()).iter().filter(|fact| fact.hearers.contains(&hearer));
        heard.filter_map(|fact| Some((fact.presence_of?, self.shown_at(fact.presence_of?, fact.s)))).collect()
    }

    /// The place of the entry that ended a session.
    pub(crate) fn revoked_at(&self, session: u64) -> Option<u64> {
        self.revoked.get(&session).copied()
    }

    fn members_of(&self, guild: u64) -> BTreeSet<u64> {
        self.members.get(&guild).cloned().unwrap_or_default()
    }

    fn named(&self, to: &To) -> BTreeSet<u64> {
        match to {
            To::Everyone => self.users.clone(),
            To::User(user) => BTreeSet::from([*user]),
            To::Users(users) => users.iter().copied().collect(),
            To::Guild(guild) => self.members_of(*guild),
        }
    }

    fn note_guilds(&mut self, user: u64, s: u64) {
        let inside = self.members.iter().filter(|(_, members)| members.contains(&user)).map(|(guild, _)| *guild);
        let inside = inside.collect();
        self.guilds.entry(user).or_default().push((s, inside));
    }
}

/// What stands at `s` or last before it.
fn latest<T: Clone>(changes: Option<&Vec<(u64, T)>>, s: u64) -> Option<T> {
    let changes = changes?;
    let count = changes.partition_point(|(at, _)| *at <= s);
    Some(changes[count.checked_sub(1)?].1.clone())
}
