//! Fan-out: what the log says, written to whom it concerns, in one write per socket and batch.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use sanmon_core::audience::Slot;
use sanmon_core::codec::Encoding;
use sanmon_core::entry::{Change, Entry};
use sanmon_core::gateway::{Close, Code, Lagged, Lane};
use sanmon_core::id::Id;

use super::Thread;
use crate::hub::connection::{Standing, frame_of, unwritten, write_bytes, write_frames};

/// Entries that are met before what came of them is written.
const BATCH: usize = 256;
/// Batches before sockets and commands have their turn.
const BATCHES_IN_TURN: usize = 16;
/// Deliveries that are gathered before they are written, so that a batch for everyone stays small in memory.
const MAX_LINKS: usize = 1 << 18;
/// Bytes that are joined for one write; more go out as they lie.
const MAX_JOINED: usize = 64 << 10;
/// Connections that are fetched from memory at the same time.
const AHEAD: usize = 16;
/// No further link.
const END: u32 = u32::MAX;

/// What the entries of a batch mean for each connection: a chain of entries per slot, all chains in one buffer that is
/// used again and again.
#[derive(Debug, Default)]
pub(super) struct Batch {
    links: Vec<Link>,
    /// By slot, the ends of its chain.
    chains: Vec<Chain>,
    /// Slots with a chain.
    slots: Vec<u32>,
    /// Who hears the entry at hand.
    heard: Vec<Slot>,
}

/// The frames of a chain, one behind the other, as one write takes them. Most who hear several entries of a batch hear the same
/// ones, so this is made once for many of them; one write of bytes that lie together costs the kernel less, too.
#[derive(Debug, Default)]
pub(super) struct Joined {
    json: Run,
    zlib: Run,
}

/// Frames of one encoding.
#[derive(Debug, Default)]
struct Run {
    /// The entries that it was made of.
    entries: Vec<usize>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    entry: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Chain {
    first: u32,
    last: u32,
}

/// What became of a connection's part of a batch.
enum Outcome {
    /// The socket took all of it.
    Written,
    /// Some of it waits for the socket.
    Queued,
    /// Too much waits for the socket.
    Overflow,
    /// The socket is broken.
    Dead,
}

impl Batch {
    const EMPTY: Chain = Chain { first: END, last: END };

    /// Adds the entry at this index for everyone who hears it.
    fn add(&mut self, entry: u32) {
        for Slot(slot) in self.heard.drain(..) {
            if self.chains.len() <= slot as usize {
                self.chains.resize(slot as usize + 1, Self::EMPTY);
            }
            let link = self.links.len() as u32;
            self.links.push(Link { entry, next: END });
            let chain = &mut self.chains[slot as usize];
            if chain.first == END {
                self.slots.push(slot);
                chain.first = link;
            } else {
                self.links[chain.last as usize].next = link;
            }
            chain.last = link;
        }
    }

    /// The indexes of the entries for `slot`, in order.
    fn of(&self, slot: u32) -> impl Iterator<Item = usize> + Clone {
        let first = self.chains.get(slot as usize).map_or(END, |chain| chain.first);
        std::iter::successors((first != END).then_some(first), |link| {
            let next = self.links[*link as usize].next;
            (next != END).then_some(next)
        })
        .map(|link| self.links[link as usize].entry as usize)
    }

    fn clear_chain(&mut self, slot: u32) {
        if let Some(chain) = self.chains.get_mut(slot as usize) {
            *chain = Self::EMPTY;
        }
    }
}

impl Joined {
    /// The bytes of these frames, unless there are too many of them.
    fn bytes_of<'a>(
        &mut self,
        entries: impl Iterator<Item = usize> + Clone,
        encoding: Encoding,
        frames: impl Iterator<Item = &'a Bytes> + Clone,
    ) -> Option<&[u8]> {
        let run = match encoding {
            Encoding::Json => &mut self.json,
            Encoding::Zlib => &mut self.zlib,
        };
        if run.entries.iter().copied().eq(entries.clone()) {
            return Some(&run.bytes);
        }
        if frames.clone().map(Bytes::len).sum::<usize>() > MAX_JOINED {
            return None;
        }
        run.clear();
        frames.for_each(|frame| run.bytes.extend_from_slice(frame));
        run.entries.extend(entries);
        Some(&run.bytes)
    }

    /// Forgets what was joined, since the same indexes are other entries now.
    fn clear(&mut self) {
        self.json.clear();
        self.zlib.clear();
    }
}

impl Run {
    fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
    }
}

impl Thread {
    /// Meets every entry that came into the ring.
    pub(super) fn meet_entries(&mut self, entries: &mut Vec<Arc<Entry>>) {
        for _ in 0..BATCHES_IN_TURN {
            entries.clear();
            match self.shared.ring.take(&mut self.cursor, BATCH, entries) {
                Ok(place) => {
                    self.meet_batch(entries);
                    self.place = place;
                }
                Err(Lagged) => self.lose_track(),
            }
            if entries.len() < BATCH {
                break;
            }
        }
        entries.clear();
        self.waiting.sort_unstable();
        self.waiting.dedup();
        for key in std::mem::take(&mut self.waiting) {
            self.pull(key);
        }
    }

    fn meet_batch(&mut self, entries: &[Arc<Entry>]) {
        for (index, entry) in entries.iter().enumerate() {
            self.subscriptions.meet(entry, &mut self.batch.heard);
            if entry.dispatch.is_some() {
                self.batch.add(index as u32);
            }
            match entry.change {
                Some(Change::SessionRevoked { session }) => self.revoke_session(session, entries),
                Some(Change::UserRevoked { user }) => self.revoke_user(user, entries),
                Some(Change::Joined { .. } | Change::Left { .. } | Change::GuildGone { .. }) | None => {}
            }
            if self.batch.links.len() >= MAX_LINKS {
                self.write_batch(entries);
            }
        }
        self.write_batch(entries);
    }

    /// Writes the chains of all slots.
    fn write_batch(&mut self, entries: &[Arc<Entry>]) {
        self.shared.metrics.events_delivered.inc_by(self.batch.links.len() as u64);
        let mut slots = std::mem::take(&mut self.batch.slots);
        // As they lie in memory, here and more or less in the kernel.
        slots.sort_unstable();
        for slots in slots.chunks(AHEAD) {
            self.look_ahead(slots);
            for slot in slots {
                self.write_chain(*slot, entries);
            }
        }
        slots.clear();
        self.batch.slots = slots;
        self.batch.links.clear();
        self.joined.clear();
    }

    /// Has the processor fetch these connections at the same time. Each write puts much of the kernel into its caches, so that of
    /// thousands of connections none is there when its turn comes; waiting for one after the other took a tenth of all time.
    fn look_ahead(&self, slots: &[u32]) {
        let connections = slots.iter().filter_map(|slot| self.connections.get(*slot as usize));
        black_box(connections.fold(0, |sum, connection| sum + connection.glance()));
    }

    /// Writes what the batch has for one connection, in one write if the socket takes it.
    fn write_chain(&mut self, slot: u32, entries: &[Arc<Entry>]) {
        let outcome = self.try_chain(slot, entries);
        self.batch.clear_chain(slot);
        let Some(key) = self.key_of(slot as usize) else { return };
        match outcome {
            Outcome::Written => {}
            Outcome::Queued => self.arm(key),
            Outcome::Overflow => {
                self.overflow(key);
                self.drive(key);
            }
            Outcome::Dead => self.remove(key),
        }
    }

    fn try_chain(&mut self, slot: u32, entries: &[Arc<Entry>]) -> Outcome {
        let Some(connection) = self.connections.get_mut(slot as usize) else { return Outcome::Written };
        let encoding = connection.session.encoding();
        let (bounds, metrics, deflater) = (&self.shared.bounds, &self.shared.metrics, &self.deflater);
        let frames = self.batch.of(slot).filter_map(|index| {
            let entry = &entries[index];
            let frame = frame_of(entry.dispatch.as_ref()?, encoding, deflater, metrics);
            Some((frame, entry.presence_of))
        });
        let written = match &connection.queue {
            None => {
                let (stream, plain) = (&mut connection.stream, frames.clone().map(|(frame, _)| frame));
                let joined = match plain.clone().nth(1) {
                    Some(_) => self.joined.bytes_of(self.batch.of(slot), encoding, plain.clone()),
                    None => None,
                };
                match joined {
                    Some(bytes) => write_bytes(stream, bytes),
                    None => write_frames(stream, plain),
                }
            }
            Some(_) => Ok(0),
        };
        let Ok(written) = written else { return Outcome::Dead };
        self.written += written as u64;
        let mut outcome = Outcome::Written;
        for (frame, presence_of) in unwritten(frames, written) {
            outcome = Outcome::Queued;
            let lane = presence_of.map_or(Lane::Live, Lane::Presence);
            if connection.push(self.now, frame, lane, &bounds.queue, metrics).is_err() {
                return Outcome::Overflow;
            }
        }
        outcome
    }

    /// The connections of a revoked session have had everything before; nothing after reaches them.
    fn revoke_session(&mut self, session: Id, entries: &[Arc<Entry>]) {
        let slots: Vec<u32> = self.tables.slots_of(session).collect();
        self.revoke(slots, entries);
    }

    fn revoke_user(&mut self, user: Id, entries: &[Arc<Entry>]) {
        let slots = self.tables.slots_of_user(user).collect();
        self.revoke(slots, entries);
    }

    fn revoke(&mut self, slots: Vec<u32>, entries: &[Arc<Entry>]) {
        for slot in slots {
            self.write_chain(slot, entries);
            if let Some(key) = self.key_of(slot as usize) {
                self.end(key, Close::new(Code::Revoked));
                self.drive(key);
            }
        }
    }

    /// This thread lagged so far that entries are gone from the ring, or the log began anew with entries missing: whom they
    /// concerned is unknown, so everyone who could have heard them is sent to resume.
    fn lose_track(&mut self) {
        let code = if self.shared.ring.began_anew_since(self.cursor) {
            Code::Internal
        } else {
            tracing::error!(thread = self.index, "a hub thread lagged behind the log; its connections have to resume");
            Code::SlowConsumer
        };
        (self.place, self.cursor) = self.shared.ring.end();
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for key in slots.into_iter().filter_map(|slot| self.key_of(slot)).collect::<Vec<_>>() {
            if self.connection(key).is_some_and(|connection| connection.standing != Standing::Stranger) {
                self.end(key, Close::new(code));
                self.drive(key);
            }
        }
    }
}
