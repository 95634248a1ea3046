//! What one connection may and must carry, judged as its bytes arrive at the client and before the client sees them.

use std::collections::BTreeSet;

use crate::letter::Letter;
use crate::oracle::Oracle;

/// The judge of one connection. What it finds wrong it says as text.
#[derive(Debug)]
pub(crate) struct Ear {
    user: u64,
    session: u64,
    /// What the client asked to resume from.
    asked: Option<u64>,
    /// What the server has read for it, in the order of reading.
    reads: Vec<Read>,
    /// Up to where it heard everything, once it was answered.
    last: Option<u64>,
    /// GUILD_INITs that are yet to come, and the guilds of those that came.
    inits: usize,
    guilds: BTreeSet<u64>,
    /// Places of the log that were or will be replayed, after the first and up to the second: HERE is not among them.
    replays: Vec<(u64, u64)>,
    /// Whether the connection ever would have blocked: then presences may be skipped for newer ones.
    pub(crate) was_slow: bool,
}

/// What the server read of the log and the store at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    /// The log's last place then.
    pub(crate) head: u64,
    /// The log still held everything that was asked for.
    pub(crate) held: bool,
}

impl Ear {
    pub(crate) const fn new(user: u64, session: u64, asked: Option<u64>) -> Self {
        Self {
            user,
            session,
            asked,
            reads: Vec::new(),
            last: None,
            inits: 0,
            guilds: BTreeSet::new(),
            replays: Vec::new(),
            was_slow: false,
        }
    }

    /// The server reads what the client starts from.
    pub(crate) fn read(&mut self, oracle: &Oracle) {
        let held = self.asked.is_some_and(|asked| oracle.holds(asked));
        self.reads.push(Read { head: oracle.head(), held });
    }

    /// The server reads again what came after `at`, since its ring had moved on.
    pub(crate) fn read_again(&mut self, oracle: &Oracle, at: u64) {
        self.replays.push((at, oracle.head()));
    }

    /// Takes one message that arrived.
    pub(crate) fn hear(&mut self, oracle: &Oracle, letter: &Letter) -> Result<(), String> {
        match letter.t.as_str() {
            "READY" => self.hear_ready(letter),
            "RESUMED" => self.hear_resumed(oracle, letter),
            "GUILD_INIT" => self.hear_init(oracle, letter),
            "RECONNECT" | "PONG" => Ok(()),
            _ => self.hear_event(oracle, letter),
        }
    }

    fn hear_ready(&mut self, letter: &Letter) -> Result<(), String> {
        let [read] = self.reads[..] else { return Err("READY without a read".into()) };
        if self.last.is_some() {
            return Err("a second answer".into());
        }
        if read.held {
            return Err(format!("the log held all after {:?}, and yet READY came", self.asked));
        }
        let refused = letter.d["resumed"].as_bool();
        if refused != self.asked.map(|_| false) {
            return Err(format!("asked for {:?}, READY says resumed: {refused:?}", self.asked));
        }
        if letter.s != Some(read.head) {
            return Err(format!("READY at {:?}, read at {}", letter.s, read.head));
        }
        self.last = letter.s;
        self.inits = letter.d["guilds"].as_u64().unwrap_or(u64::MAX) as usize;
        Ok(())
    }

    fn hear_resumed(&mut self, oracle: &Oracle, letter: &Letter) -> Result<(), String> {
        let ([read], Some(asked)) = (&self.reads[..], self.asked) else { return Err("RESUMED unasked".into()) };
        if self.last.is_some() || !read.held || letter.s != Some(asked) {
            return Err(format!("RESUMED {:?} after {:?}, asked {asked}, {read:?}", letter.s, self.last));
        }
        let due = oracle.replayed(self.user, asked, read.head);
        if letter.d["replayed"].as_u64() != Some(due) {
            return Err(format!("RESUMED says {}, due are {due}", letter.d["replayed"]));
        }
        self.replays.push((asked, read.head));
        self.last = Some(asked);
        Ok(())
    }

    fn hear_init(&mut self, oracle: &Oracle, letter: &Letter) -> Result<(), String> {
        let (Some(at), Some(guild)) = (self.reads.first().map(|read| read.head), letter.d["id"].as_u64()) else {
            return Err("a GUILD_INIT out of place".into());
        };
        self.inits = self.inits.checked_sub(1).ok_or("more GUILD_INITs than announced")?;
        self.guilds.insert(guild);
        let due = oracle.presences_at(guild, at);
        if letter.presences() != due {
            return Err(format!("presences in guild {guild} at {at}: {:?}, due are {due:?}", letter.presences()));
        }
        let due = oracle.guilds_at(self.user, at);
        if self.inits == 0 && self.guilds != due {
            return Err(format!("the guilds at {at}: {:?}, due are {due:?}", self.guilds));
        }
        Ok(())
    }

    fn hear_event(&mut self, oracle: &Oracle, letter: &Letter) -> Result<(), String> {
        let (Some(last), Some(s)) = (self.last, letter.s) else { return Err(format!("{letter:?} before an answer")) };
        if s <= last {
            return Err(format!("{s} after {last}: double or out of order"));
        }
        let fact = oracle.at(s).ok_or_else(|| format!("{s} never happened"))?;
        if !fact.hearers.contains(&self.user) {
            return Err(format!("{s} is not for user {}", self.user));
        }
        if fact.here && self.is_replayed(s) {
            return Err(format!("HERE {s} was replayed"));
        }
        if oracle.revoked_at(self.session).is_some_and(|revoked| s > revoked) {
            return Err(format!("{s} on a session that was revoked before"));
        }
        for missed in oracle.between(last, s - 1).iter().filter(|fact| fact.hearers.contains(&self.user)) {
            let is_due = if missed.here { !self.is_replayed(missed.s) } else { true };
            if is_due && !(missed.presence_of.is_some() && self.was_slow) {
                return Err(format!("{} is missing between {last} and {s}", missed.s));
            }
        }
        self.last = Some(s);
        Ok(())
    }

    fn is_replayed(&self, s: u64) -> bool {
        self.replays.iter().any(|(after, until)| s > *after && s <= *until)
    }
}
