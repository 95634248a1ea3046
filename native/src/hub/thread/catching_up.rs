//! From an identify to live without a gap: the state at a place H of the log, then what came after H, then live.

use bytes::Bytes;
use sanmon_core::audience::{Listener, Slot};
use sanmon_core::codec::Dispatch;
use sanmon_core::entry::{Change, Entry};
use sanmon_core::event::Seq;
use sanmon_core::gateway::{CatchUp, CatchUpLimits, CatchUpStep, Close, Code, Lagged, Lane, Principal, Welcome};
use sanmon_core::id::Id;

use super::{Thread, device_of, live};
use crate::hub::connection::{Key, Newcomer, Phase, Standing, frame_of, unwritten, write_frames};
use crate::hub::loader::{Loaded, Loader, Page};
use crate::hub::mailbox::Unanswered;
use crate::hub::thread::tables::{Bounds, TooMany};

/// How long a client whose user has too many connections is told to stay away, in milliseconds.
const TOO_MANY_WAIT_MS: u64 = 10_000;

impl Thread {
    /// A connection whose user is known comes to this thread, which owns the user.
    pub(super) fn arrive(&mut self, key: Key, asked_at: Seq, after: Option<Seq>) {
        let Some(connection) = live(&mut self.connections, key) else { return };
        let Some(who) = connection.session.principal() else { return };
        // From here on revocations find the connection by the tables; those between the question and now do not.
        match self.shared.ring.any_between(asked_at, self.place, |entry| revokes(entry, who)) {
            Ok(false) => {}
            Ok(true) => return self.end(key, Close::new(Code::Revoked)),
            Err(Lagged) => return self.fail(key),
        }
        let bounds = Bounds {
            connections: self.shared.bounds.max_connections_per_user,
            identifies_per_second: self.shared.bounds.max_identifies_per_second,
        };
        match self.tables.join(self.now, who, key.slot, bounds) {
            Ok(()) => connection.standing = Standing::Known,
            Err(too_many) => return self.turn_away(key, who, too_many),
        }
        match self.shared.backend.get() {
            Some(backend) => backend.loader.load(self.index, key, who.user, after),
            None => self.fail(key),
        }
    }

    /// The user has more connections, or opens them faster, than one may.
    fn turn_away(&mut self, key: Key, who: Principal, too_many: TooMany) {
        let (what, ms) = match too_many {
            TooMany::Connections => ("connections", TOO_MANY_WAIT_MS),
            TooMany::Identifies(limited) => ("identifies", u64::try_from(limited.wait.as_millis()).unwrap_or(u64::MAX)),
        };
        self.shared.metrics.identifies_refused.with_label_values(&[what]).inc();
        if let Some(times) = self.shared.tallies.identifies.note(self.now) {
            tracing::warn!(times, user = who.user.as_u64(), what, "identifies were refused: a user has too many");
        }
        let reason = format!(r#"{{"r":"{what}","ms":{ms}}}"#);
        self.end(key, Close { code: Code::RateLimited as u16, reason });
    }

    /// The store says what the connection starts from.
    pub(super) fn on_loaded(&mut self, key: Key, answer: Result<Box<Loaded>, Unanswered>) {
        match answer {
            // It may have been read before the node knew.
            Ok(_) if self.shared.admission.is_cut_off() => self.dismiss(key),
            Ok(loaded) => self.begin_catch_up(key, *loaded),
            Err(unanswered) => self.give_up(key, unanswered),
        }
        self.drive(key);
        self.pull(key);
    }

    fn begin_catch_up(&mut self, key: Key, loaded: Loaded) {
        let now = self.now;
        let Some(connection) = live(&mut self.connections, key) else { return };
        let Some(user) = connection.session.user().filter(|_| !connection.is_closing()) else { return };
        let session = &mut connection.session;
        let newcomer = match loaded {
            Loaded::Fresh(snapshot) => {
                let Some(backend) = self.shared.backend.get() else { return };
                let welcome = Welcome {
                    user: &snapshot.user,
                    guilds: u32::try_from(snapshot.inits.len()).unwrap_or(u32::MAX),
                    url: &backend.public_url,
                    resume_window: self.shared.bounds.resume_window,
                };
                session.handle_ready(now, snapshot.head, &welcome);
                self.shared.metrics.identifies.with_label_values(&["fresh"]).inc();
                let listener = Listener::new(user, snapshot.guilds);
                let catch_up = CatchUp::from_state(listener, snapshot.head, snapshot.inits);
                Newcomer { catch_up, chosen: snapshot.chosen }
            }
            Loaded::Missed(after, missed) => {
                let listener = Listener::new(user, missed.guilds);
                if let Phase::CatchingUp(newcomer) = &mut connection.phase {
                    // It was told RESUMED already, and goes on from where the ring had left it.
                    return newcomer.catch_up.handle_replay(listener, missed.head, missed.replay);
                }
                session.handle_resumed(now, after, missed.count);
                self.shared.metrics.identifies.with_label_values(&["resumed"]).inc();
                let catch_up = CatchUp::from_replay(listener, missed.head, missed.replay);
                Newcomer { catch_up, chosen: missed.chosen }
            }
        };
        connection.phase = Phase::CatchingUp(Box::new(newcomer));
    }

    /// The store gives the next of the entries that the connection missed.
    pub(super) fn on_page(&mut self, key: Key, answer: Result<Page, Unanswered>) {
        let Some(connection) = self.connection(key) else { return };
        let Phase::CatchingUp(newcomer) = &mut connection.phase else { return };
        match answer {
            Ok(Page { entries, rest }) => newcomer.catch_up.handle_page(entries, rest),
            Err(unanswered) => self.give_up(key, unanswered),
        }
        self.pull(key);
    }

    /// Sends a connection that catches up as much as its socket takes; makes it live at the end.
    pub(super) fn pull(&mut self, key: Key) {
        while let Some(step) = self.next_step(key) {
            match step {
                CatchUpStep::Write(frames) => {
                    if !self.send_chunk(key, &frames) {
                        break;
                    }
                    continue;
                }
                CatchUpStep::Load(replay) => self.ask(key, |loader, thread, _| loader.page(thread, key, replay)),
                CatchUpStep::LoadSince(at) => {
                    self.shared.metrics.catch_up_rounds.inc();
                    self.ask(key, |loader, thread, user| loader.load_again(thread, key, user, at));
                }
                CatchUpStep::GiveUp => self.overflow(key),
                CatchUpStep::MeetDriver => self.waiting.push(key),
                CatchUpStep::MeetAnswer => {}
                CatchUpStep::GoLive => self.go_live(key),
            }
            break;
        }
        self.drive(key);
    }

    /// What there is to do next; nothing while the socket would block.
    fn next_step(&mut self, key: Key) -> Option<CatchUpStep> {
        let connection = live(&mut self.connections, key)?;
        let encoding = connection.session.encoding();
        let Phase::CatchingUp(newcomer) = &mut connection.phase else { return None };
        if connection.queue.is_some() || connection.session.is_closed() {
            return None;
        }
        let frame = |dispatch: &Dispatch| frame_of(dispatch, encoding, &self.deflater, &self.shared.metrics).clone();
        Some(newcomer.catch_up.step(&CatchUpLimits::default(), &self.shared.ring, self.place, frame))
    }

    /// Asks the loader for something that the connection needs.
    fn ask(&mut self, key: Key, question: impl FnOnce(&Loader, usize, Id)) {
        let Some(user) = self.connection(key).and_then(|connection| connection.session.user()) else { return };
        match self.shared.backend.get() {
            Some(backend) => question(&backend.loader, self.index, user),
            None => self.fail(key),
        }
    }

    /// Writes frames that the connection pulled; those that the socket does not take are not counted as live events.
    /// Whether the connection is still there.
    fn send_chunk(&mut self, key: Key, frames: &[Bytes]) -> bool {
        let Some(connection) = live(&mut self.connections, key) else { return false };
        let Ok(written) = write_frames(&mut connection.stream, frames.iter()) else {
            self.remove(key);
            return false;
        };
        self.written += written as u64;
        for (frame, ()) in unwritten(frames.iter().map(|frame| (frame, ())), written) {
            let (bounds, metrics) = (&self.shared.bounds, &self.shared.metrics);
            if connection.push(self.now, frame, Lane::CatchUp, &bounds.queue, metrics).is_err() {
                self.overflow(key);
                return false;
            }
        }
        self.shared.metrics.events_delivered.inc_by(frames.len() as u64);
        true
    }

    /// The connection has had everything up to where this thread stands: from the next entry on it hears with the others.
    fn go_live(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = live(&mut self.connections, key) else { return };
        let Some(user) = connection.session.user() else { return };
        let Phase::CatchingUp(newcomer) = std::mem::replace(&mut connection.phase, Phase::Open) else { return };
        let Newcomer { catch_up, chosen } = *newcomer;
        connection.standing = Standing::Subscribed;
        connection.session.handle_live(now);
        self.subscriptions.subscribe(Slot(key.slot), user, catch_up.into_guilds());
        if self.subscriptions.connections_of(user).len() == 1 {
            self.shared.metrics.users_connected.inc();
        }
        self.shared.attendance.came(user);
        if let Some(backend) = self.shared.backend.get() {
            backend.presences.connected(user, device_of(self.index, key), chosen);
        }
    }
}

/// Whether the entry ends this session.
fn revokes(entry: &Entry, who: Principal) -> bool {
    match entry.change {
        Some(Change::SessionRevoked { session }) => session == who.session,
        Some(Change::UserRevoked { user }) => user == who.user,
        Some(Change::Joined { .. } | Change::Left { .. } | Change::GuildGone { .. }) | None => false,
    }
}
