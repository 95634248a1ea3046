//! Where a connection stands that is brought up to its thread's place in the log.

use std::sync::Arc;
use std::vec;

use bytes::Bytes;
use sanmon_core::audience::Listener;
use sanmon_core::codec::Dispatch;
use sanmon_core::entry::Entry;
use sanmon_core::event::{Presence, Seq};

use super::ring::{Lagged, Ring};

/// Bytes that are written at once to a connection that catches up, but for a larger frame. What the socket does not take of
/// them has to leave before anything else does, a pong above all: on a slow link, within the bound on a frame's age.
const CHUNK_BYTES: usize = 64 << 10;
/// Missed entries that are loaded at once.
const PAGE: usize = 64;
/// Entries of the ring that are looked at between two writes.
const WALK: usize = 256;
/// How often the ring may move on before a connection is through: one that is slower than the log never gets there.
const MAX_ROUNDS: u8 = 8;

/// A cursor that the socket pulls: nothing is taken from it while the socket would block.
#[derive(Debug)]
pub(super) struct CatchUp {
    /// What the user hears, true at `at`.
    pub(super) listener: Listener,
    /// The place up to which everything was sent, once `source` is used up.
    pub(super) at: Seq,
    /// Where the next frames come from.
    pub(super) source: Source,
    /// How often the ring had moved on before the connection was through with what it got.
    pub(super) rounds: u8,
    /// The presence that the user chose last, shown once the connection is live.
    pub(super) chosen: Option<Presence>,
}

/// Where a connection that catches up takes its next frames from.
#[derive(Debug)]
pub(super) enum Source {
    /// The GUILD_INITs behind READY.
    Inits(vec::IntoIter<Arc<Dispatch>>),
    /// The entries behind RESUMED, page by page.
    Missed {
        /// The places of entries that were not loaded yet.
        seqs: vec::IntoIter<Seq>,
        /// Those that were.
        page: vec::IntoIter<Arc<Entry>>,
    },
    /// The loader was asked for the next page, and gives back what comes behind it.
    Page(vec::IntoIter<Seq>),
    /// The ring of recent entries, up to where the thread stands; then the connection is live.
    Ring,
    /// The ring no longer reached back to where the connection stood: the loader was asked.
    Again,
}

/// What there is to do next for a connection that catches up.
#[derive(Debug)]
pub(super) enum Step {
    /// Write these frames, perhaps none, and go on.
    Write(Vec<Bytes>),
    /// Ask the loader for the entries at these places.
    Load(Vec<Seq>),
    /// Ask the loader for everything since this place: the ring has moved on.
    LoadSince(Seq),
    /// Close it as too slow: the ring has moved on too often.
    GiveUp,
    /// Wait until the thread is where the connection stands.
    MeetThread,
    /// Wait for what the loader was asked for.
    MeetLoader,
    /// Nothing is missing: the connection is live.
    GoLive,
}

impl CatchUp {
    /// Takes the next step of a connection on a thread that stands at `place`; `frame` makes an event's frame.
    pub(super) fn step(&mut self, ring: &Ring, place: Seq, frame: impl Fn(&Dispatch) -> Bytes) -> Step {
        match &self.source {
            Source::Inits(_) => self.step_inits(frame),
            Source::Missed { .. } => self.step_missed(frame),
            Source::Ring => self.step_ring(ring, place, frame),
            Source::Page(_) | Source::Again => Step::MeetLoader,
        }
    }

    fn step_inits(&mut self, frame: impl Fn(&Dispatch) -> Bytes) -> Step {
        let mut chunk = Chunk::default();
        if let Source::Inits(inits) = &mut self.source {
            while !chunk.is_full() {
                let Some(init) = inits.next() else {
                    self.source = Source::Ring;
                    break;
                };
                chunk.push(frame(&init));
            }
        }
        Step::Write(chunk.frames)
    }

    fn step_missed(&mut self, frame: impl Fn(&Dispatch) -> Bytes) -> Step {
        let Source::Missed { seqs, page } = &mut self.source else { return Step::MeetLoader };
        if page.len() > 0 {
            let mut chunk = Chunk::default();
            while !chunk.is_full() {
                let Some(entry) = page.next() else { break };
                chunk.extend(entry.dispatch.as_ref().map(&frame));
            }
            return Step::Write(chunk.frames);
        }
        let places: Vec<_> = seqs.by_ref().take(PAGE).collect();
        if places.is_empty() {
            self.source = Source::Ring;
            return Step::Write(Vec::new());
        }
        self.source = Source::Page(std::mem::take(seqs));
        Step::Load(places)
    }

    fn step_ring(&mut self, ring: &Ring, place: Seq, frame: impl Fn(&Dispatch) -> Bytes) -> Step {
        if place < self.at {
            return Step::MeetThread;
        }
        let entries = match ring.between(self.at, place, WALK) {
            Ok(entries) if entries.is_empty() => return Step::GoLive,
            Ok(entries) => entries,
            Err(Lagged) => {
                self.rounds += 1;
                if self.rounds > MAX_ROUNDS {
                    return Step::GiveUp;
                }
                self.source = Source::Again;
                return Step::LoadSince(self.at);
            }
        };
        let mut chunk = Chunk::default();
        for entry in entries {
            if chunk.is_full() {
                break;
            }
            self.at = entry.seq;
            if self.listener.meet(&entry) {
                chunk.extend(entry.dispatch.as_ref().map(&frame));
            }
        }
        Step::Write(chunk.frames)
    }
}

/// Frames to be written at once.
#[derive(Debug, Default)]
struct Chunk {
    frames: Vec<Bytes>,
    bytes: usize,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.bytes >= CHUNK_BYTES
    }

    fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push(frame);
    }

    fn extend(&mut self, frame: Option<Bytes>) {
        frame.into_iter().for_each(|frame| self.push(frame));
    }
}

#[cfg(test)]
mod tests {
    use sanmon_core::audience::Audience;
    use sanmon_core::entry::Draft;
    use sanmon_core::event::{Envelope, EventName};
    use sanmon_core::id::Id;
    use sanmon_core::time::UnixMillis;

    use super::*;

    /// An event whose frame is a little larger than this.
    fn entry(seq: u64, bytes: usize) -> Arc<Entry> {
        let event = Envelope::new("BIG".parse::<EventName>().unwrap()).with_d(&"x".repeat(bytes));
        Arc::new(Draft::new(event, Audience::Everyone).place(Seq::new(seq), UnixMillis::default()))
    }

    fn catch_up(at: u64, source: Source) -> CatchUp {
        let listener = Listener::new(Id::new(1).unwrap(), Vec::new());
        CatchUp { listener, at: Seq::new(at), source, rounds: 0, chosen: None }
    }

    /// How many frames each step writes, up to the step that writes none, which comes back.
    fn steps(catch_up: &mut CatchUp, ring: &Ring, place: u64) -> (Vec<usize>, Step) {
        let mut counts = Vec::new();
        loop {
            match catch_up.step(ring, Seq::new(place), |dispatch| dispatch.frame(Default::default()).clone()) {
                Step::Write(frames) if frames.is_empty() => {}
                Step::Write(frames) => counts.push(frames.len()),
                other => return (counts, other),
            }
        }
    }

    #[test]
    fn a_chunk_is_bounded_in_bytes_whatever_it_is_of() {
        let ring = Ring::new();
        ring.begin(Seq::new(10));
        let entries: Vec<_> = (11..=16).map(|seq| entry(seq, CHUNK_BYTES / 2)).collect();
        ring.push(&entries);
        let (counts, end) = steps(&mut catch_up(10, Source::Ring), &ring, 16);
        assert_eq!(counts, [2, 2, 2]);
        assert!(matches!(end, Step::GoLive));

        let init =
            |seq| Arc::new(Arc::into_inner(entry(seq, CHUNK_BYTES / 2)).and_then(|entry| entry.dispatch).unwrap());
        let inits: Vec<_> = (11..=16).map(init).collect();
        let (counts, _) = steps(&mut catch_up(16, Source::Inits(inits.into_iter())), &ring, 16);
        assert_eq!(counts, [2, 2, 2]);

        let page = vec![entry(17, CHUNK_BYTES * 2), entry(18, 1), entry(19, 1)].into_iter();
        let missed = Source::Missed { seqs: vec![Seq::new(20)].into_iter(), page };
        let (counts, end) = steps(&mut catch_up(16, missed), &ring, 16);
        assert_eq!(counts, [1, 2]);
        assert!(matches!(end, Step::Load(places) if places == [Seq::new(20)]));
    }

    #[test]
    fn the_ring_is_waited_for_and_left_when_it_has_moved_on() {
        let ring = Ring::new();
        ring.begin(Seq::new(10));
        let (_, ahead) = steps(&mut catch_up(11, Source::Ring), &ring, 10);
        assert!(matches!(ahead, Step::MeetThread));
        let mut late = catch_up(9, Source::Ring);
        let (_, behind) = steps(&mut late, &ring, 10);
        assert!(matches!(behind, Step::LoadSince(at) if at == Seq::new(9)));
        assert!(matches!(steps(&mut late, &ring, 10).1, Step::MeetLoader));
        assert_eq!(late.rounds, 1);
        (late.source, late.rounds) = (Source::Ring, MAX_ROUNDS);
        assert!(matches!(steps(&mut late, &ring, 10).1, Step::GiveUp));
    }
}
