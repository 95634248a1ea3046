//! An application above a client: what it was told, and whether that is what happened.

use std::collections::{BTreeMap, BTreeSet};

use crate::letter::Letter;
use crate::oracle::Oracle;

/// One application over any number of connections, and over restarts if it keeps its state.
#[derive(Debug)]
pub(crate) struct Reader {
    user: u64,
    /// Up to where it has everything; none before the first READY.
    last: Option<u64>,
    /// The place of the last READY.
    since: u64,
    /// A reset came, the READY that follows did not.
    reset: bool,
    pub(crate) resets: u64,
    /// GUILD_INITs that are yet to come.
    inits: usize,
    guilds: BTreeSet<u64>,
    /// How others show, as far as it was told.
    presences: BTreeMap<u64, u8>,
    /// Users of whom a presence was skipped: a newer one has to come.
    owed: BTreeMap<u64, u64>,
    pub(crate) heard: u64,
}

impl Reader {
    pub(crate) const fn new(user: u64) -> Self {
        Self {
            user,
            last: None,
            since: 0,
            reset: false,
            resets: 0,
            inits: 0,
            guilds: BTreeSet::new(),
            presences: BTreeMap::new(),
            owed: BTreeMap::new(),
            heard: 0,
        }
    }

    /// The client says that all of it will be replaced.
    pub(crate) fn reset(&mut self) -> Result<(), String> {
        self.resets += 1;
        if std::mem::replace(&mut self.reset, true) {
            return Err("two resets for one READY".into());
        }
        if self.last.is_none() { Err("a reset of nothing".into()) } else { Ok(()) }
    }

    /// The client hands on an event.
    pub(crate) fn take(&mut self, oracle: &Oracle, letter: &Letter) -> Result<(), String> {
        match letter.t.as_str() {
            "READY" => self.take_ready(letter),
            "GUILD_INIT" => self.take_init(letter),
            "RESUMED" if self.last.is_none() || self.reset || self.inits > 0 => Err("RESUMED over no state".into()),
            "RESUMED" => Ok(()),
            "RECONNECT" | "PONG" => Err(format!("{} is between the machines", letter.t)),
            _ => self.take_event(oracle, letter),
        }
    }

    fn take_ready(&mut self, letter: &Letter) -> Result<(), String> {
        if std::mem::take(&mut self.reset) != self.last.is_some() {
            return Err("a READY replaces state without a reset, or a reset was for nothing".into());
        }
        (self.last, self.since) = (letter.s, letter.s.unwrap_or_default());
        self.inits = letter.d["guilds"].as_u64().unwrap_or(u64::MAX) as usize;
        self.guilds.clear();
        self.presences.clear();
        self.owed.clear();
        Ok(())
    }

    fn take_init(&mut self, letter: &Letter) -> Result<(), String> {
        self.inits = self.inits.checked_sub(1).ok_or("more GUILD_INITs than announced")?;
        self.guilds.extend(letter.d["id"].as_u64());
        self.presences.extend(letter.presences());
        Ok(())
    }

    fn take_event(&mut self, oracle: &Oracle, letter: &Letter) -> Result<(), String> {
        let (Some(last), Some(s)) = (self.last, letter.s) else { return Err("an event before any READY".into()) };
        if self.reset {
            return Err(format!("{s} between a reset and its READY"));
        }
        if s <= last {
            return Err(format!("the application is told {s} after {last}"));
        }
        self.skip(oracle, last, s - 1)?;
        self.last = Some(s);
        self.heard += 1;
        let guild = letter.d["id"].as_u64();
        match letter.t.as_str() {
            "GUILD_JOIN" => self.guilds.extend(guild),
            "GUILD_DELETE" => self.guilds.retain(|own| Some(*own) != guild),
            "PRESENCE_UPDATE" => {
                let (user, kind) = (letter.id.unwrap_or_default(), letter.d["type"].as_u64().unwrap_or_default());
                self.owed.remove(&user);
                self.presences.insert(user, kind as u8);
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing between was told: only what may be left out is fine.
    fn skip(&mut self, oracle: &Oracle, last: u64, until: u64) -> Result<(), String> {
        for fact in oracle.between(last, until).iter().filter(|fact| fact.hearers.contains(&self.user)) {
            match fact.presence_of {
                _ if fact.here => {}
                Some(user) => {
                    self.owed.insert(user, fact.s);
                }
                None => return Err(format!("the application was never told {}", fact.s)),
            }
        }
        Ok(())
    }

    /// Up to where an application that ends has everything: what its next run may resume from.
    pub(crate) const fn position(&self) -> Option<u64> {
        self.last
    }

    /// All is quiet: the application has everything.
    pub(crate) fn conclude(&mut self, oracle: &Oracle) -> Result<(), String> {
        let last = self.last.ok_or("never got in")?;
        if self.reset || self.inits > 0 {
            return Err("its state is not whole".into());
        }
        self.skip(oracle, last, oracle.head())?;
        if let Some((user, s)) = self.owed.first_key_value() {
            return Err(format!("the presence of user {user} at {s} was skipped, and no newer one came"));
        }
        let due = oracle.guilds_at(self.user, oracle.head());
        if self.guilds != due {
            return Err(format!("it knows the guilds {:?}, due are {due:?}", self.guilds));
        }
        for (user, kind) in oracle.last_presences(self.user, self.since) {
            if self.presences.get(&user) != Some(&kind) {
                return Err(format!("it sees user {user} as {:?}, who shows as {kind}", self.presences.get(&user)));
            }
        }
        Ok(())
    }
}
