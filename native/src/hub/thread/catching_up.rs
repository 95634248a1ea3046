//! From an identify to live without a gap: the state at a place H of the log, then what came after H, then live.

use bytes::Bytes;
use sanmon_core::audience::{Listener, Slot};
use sanmon_core::codec::{Dispatch, Encoding};
use sanmon_core::entry::{Change, Entry};
use sanmon_core::event::Seq;
use sanmon_core::gateway::{Close, Code, Lane, Principal, Welcome};

use super::{Thread, device_of, live};
use crate::hub::catch_up::{CatchUp, Source};
use crate::hub::connection::{Key, Phase, Standing, frame_of, unwritten, write_frames};
use crate::hub::loader::{Loaded, Page};
use crate::hub::mailbox::Unanswered;
use crate::hub::ring::Lagged;
use crate::hub::thread::tables::TooMany;

/// Frames that are written at once to a connection that catches up.
const CHUNK: usize = 32;
/// Missed entries that are loaded at once.
const PAGE: usize = 64;
/// Entries of the ring that are looked at between two writes.
const WALK: usize = 256;
/// How often the ring may move on before a connection is through: one that is slower than the log never gets there.
const MAX_ROUNDS: u8 = 8;
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
        match self.tables.join(who, key.slot, self.shared.bounds.max_connections_per_user) {
            Ok(()) => connection.standing = Standing::Known,
            Err(TooMany) => {
                let reason = format!(r#"{{"r":"connections","ms":{TOO_MANY_WAIT_MS}}}"#);
                return self.end(key, Close { code: Code::RateLimited as u16, reason });
            }
        }
        match self.shared.backend.get() {
            Some(backend) => backend.loader.load(self.index, key, who.user, after),
            None => self.fail(key),
        }
    }

    /// The store says what the connection starts from.
    pub(super) fn on_loaded(&mut self, key: Key, answer: Result<Box<Loaded>, Unanswered>) {
        match answer {
            Ok(loaded) => self.begin_catch_up(key, *loaded),
            Err(Unanswered) => self.fail(key),
        }
        self.drive(key);
        self.pull(key);
    }

    fn begin_catch_up(&mut self, key: Key, loaded: Loaded) {
        let now = self.now;
        let Some(connection) = live(&mut self.connections, key) else { return };
        let Some(user) = connection.session.user().filter(|_| !connection.is_closing()) else { return };
        let session = &mut connection.session;
        let (guilds, at, source, chosen) = match loaded {
            Loaded::Fresh(snapshot, chosen) => {
                let Some(backend) = self.shared.backend.get() else { return };
                let welcome = Welcome {
                    user: &snapshot.user,
                    guilds: u32::try_from(snapshot.inits.len()).unwrap_or(u32::MAX),
                    url: &backend.public_url,
                    resume_window: self.shared.bounds.resume_window,
                };
                session.handle_ready(now, snapshot.head, &welcome);
                self.shared.metrics.identifies.with_label_values(&["fresh"]).inc();
                (snapshot.guilds, snapshot.head, Source::Inits(snapshot.inits.into_iter()), chosen)
            }
            Loaded::Missed(after, missed, chosen) => {
                if let Phase::CatchingUp(_) = connection.phase {
                    // It was told RESUMED already, and goes on from where the ring had left it.
                } else {
                    session.handle_resumed(now, after, missed.seqs.len() as u64);
                    self.shared.metrics.identifies.with_label_values(&["resumed"]).inc();
                }
                let source = Source::Missed { seqs: missed.seqs.into_iter(), page: Vec::new().into_iter() };
                (missed.guilds, missed.head, source, chosen)
            }
        };
        let (rounds, chosen) = match &mut connection.phase {
            Phase::CatchingUp(before) => (before.rounds, before.chosen.take()),
            _ => (0, chosen),
        };
        let listener = Listener::new(user, guilds);
        connection.phase = Phase::CatchingUp(Box::new(CatchUp { listener, at, source, rounds, chosen }));
    }

    /// The store gives the next of the entries that the connection missed.
    pub(super) fn on_page(&mut self, key: Key, answer: Result<Page, Unanswered>) {
        let Some(connection) = self.connection(key) else { return };
        let Phase::CatchingUp(catch_up) = &mut connection.phase else { return };
        let Source::Page(seqs) = &mut catch_up.source else { return };
        let seqs = std::mem::take(seqs);
        match answer {
            Ok(page) => catch_up.source = Source::Missed { seqs, page: page.entries.into_iter() },
            Err(Unanswered) => self.fail(key),
        }
        self.pull(key);
    }

    /// Sends a connection that catches up as much as its socket takes; makes it live at the end.
    pub(super) fn pull(&mut self, key: Key) {
        while let Some(frames) = self.next_frames(key) {
            if !self.send_chunk(key, &frames) {
                break;
            }
        }
        self.drive(key);
    }

    /// The next frames for the connection, perhaps none; `None` when there is nothing to do until something happens.
    fn next_frames(&mut self, key: Key) -> Option<Vec<Bytes>> {
        let connection = live(&mut self.connections, key)?;
        let encoding = connection.session.encoding();
        let user = connection.session.user()?;
        let Phase::CatchingUp(catch_up) = &mut connection.phase else { return None };
        if connection.queue.is_some() || connection.session.is_closed() {
            return None;
        }
        let loader = &self.shared.backend.get()?.loader;
        let frame =
            |dispatch: &Dispatch, encoding: Encoding| frame_of(dispatch, encoding, &self.shared.metrics).clone();
        match &mut catch_up.source {
            Source::Inits(inits) if inits.len() == 0 => catch_up.source = Source::Ring,
            Source::Inits(inits) => {
                return Some(inits.by_ref().take(CHUNK).map(|init| frame(&init, encoding)).collect());
            }
            Source::Missed { seqs, page } if page.len() == 0 => {
                if seqs.len() == 0 {
                    catch_up.source = Source::Ring;
                } else {
                    loader.page(self.index, key, seqs.by_ref().take(PAGE).collect());
                    catch_up.source = Source::Page(std::mem::take(seqs));
                    return None;
                }
            }
            Source::Missed { page, .. } => {
                let entries = page.by_ref().take(CHUNK);
                return Some(entries.filter_map(|entry| Some(frame(entry.dispatch.as_ref()?, encoding))).collect());
            }
            Source::Page(_) | Source::Again => return None,
            Source::Ring if self.place < catch_up.at => {
                self.waiting.push(key);
                return None;
            }
            Source::Ring => match self.shared.ring.between(catch_up.at, self.place, WALK) {
                Ok(entries) if entries.is_empty() => {
                    self.go_live(key);
                    return None;
                }
                Ok(entries) => {
                    catch_up.at = entries.last().map_or(catch_up.at, |entry| entry.seq);
                    let heard = entries.iter().filter(|entry| catch_up.listener.meet(entry));
                    return Some(heard.filter_map(|entry| Some(frame(entry.dispatch.as_ref()?, encoding))).collect());
                }
                Err(Lagged) => {
                    catch_up.rounds += 1;
                    self.shared.metrics.catch_up_rounds.inc();
                    if catch_up.rounds > MAX_ROUNDS {
                        self.overflow(key);
                    } else {
                        catch_up.source = Source::Again;
                        loader.load_again(self.index, key, user, catch_up.at);
                    }
                    return None;
                }
            },
        }
        Some(Vec::new())
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
        let Phase::CatchingUp(catch_up) = std::mem::replace(&mut connection.phase, Phase::Open) else { return };
        connection.standing = Standing::Subscribed;
        connection.session.handle_live(now);
        self.subscriptions.subscribe(Slot(key.slot), user, catch_up.listener.into_guilds());
        if self.subscriptions.connections_of(user).len() == 1 {
            self.shared.metrics.users_connected.inc();
        }
        if let Some(backend) = self.shared.backend.get() {
            backend.presences.connected(user, device_of(self.index, key), catch_up.chosen);
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
