//! The server's end of coming to live without a gap: all state or all that was missed, then what came after it, then live.

use std::sync::Arc;
use std::vec;

use bytes::Bytes;

use crate::audience::Listener;
use crate::codec::Dispatch;
use crate::entry::Entry;
use crate::event::Seq;
use crate::history::Replay;
use crate::id::Id;

/// The newest entries of the log, as a driver holds them for connections that are live.
pub trait Recent {
    /// At most `most` entries after the place `after` and not after `until`, in order.
    ///
    /// # Errors
    /// [`Lagged`].
    fn between(&self, after: Seq, until: Seq, most: usize) -> Result<Vec<Arc<Entry>>, Lagged>;
}

/// Some of the entries that were asked for are no longer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the newest entries no longer reach back that far")]
pub struct Lagged;

/// How large the steps of a connection are that catches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUpLimits {
    /// Bytes that are written at once, but for a larger frame. What the socket does not take of them has to leave before
    /// anything else does, a pong above all: on a slow link, within the bound on a frame's age.
    pub chunk_bytes: usize,
    /// Recent entries that are looked at between two writes.
    pub walk: usize,
    /// How often the recent entries may move on before a connection is through: one that is slower than the log never gets
    /// there.
    pub rounds: u8,
}

impl Default for CatchUpLimits {
    fn default() -> Self {
        Self { chunk_bytes: 64 << 10, walk: 256, rounds: 8 }
    }
}

/// A connection that is brought up to where its driver stands in the log: a cursor that the socket pulls. Nothing is taken from
/// it while the socket would block, and it holds no more than one page of what is to come.
#[derive(Debug)]
pub struct CatchUp {
    /// What the user hears, true at `at`.
    listener: Listener,
    /// The place up to which everything was sent, once `source` is used up.
    at: Seq,
    /// Where the next frames come from.
    source: Source,
    /// How often the recent entries had moved on before the connection was through with what it got.
    rounds: u8,
}

/// Where a connection that catches up takes its next frames from.
#[derive(Debug)]
enum Source {
    /// The GUILD_INITs behind READY.
    Inits(vec::IntoIter<Arc<Dispatch>>),
    /// The entries behind RESUMED, page by page.
    Missed {
        /// Those that were loaded.
        page: vec::IntoIter<Arc<Entry>>,
        /// What comes behind them.
        rest: Replay,
    },
    /// The next page was asked for.
    Page,
    /// The recent entries, up to where the driver stands; then the connection is live.
    Recent,
    /// They no longer reached back to where the connection stood: what it missed since then was asked for.
    Again,
}

/// What there is to do next for a connection that catches up.
#[derive(Debug)]
pub enum CatchUpStep {
    /// Write these frames, perhaps none, and go on.
    Write(Vec<Bytes>),
    /// Load the next page of this, and give it to [`CatchUp::handle_page`].
    Load(Replay),
    /// Look up all that was missed since this place, and give it to [`CatchUp::handle_replay`].
    LoadSince(Seq),
    /// Close it as too slow: the recent entries have moved on too often.
    GiveUp,
    /// Wait until the driver is where the connection stands.
    MeetDriver,
    /// Wait for what was asked for.
    MeetAnswer,
    /// Nothing is missing: from the driver's place on, [`CatchUp::into_guilds`] tells what the connection hears.
    GoLive,
}

impl CatchUp {
    /// Begins behind READY: with the state at the place `at`, in which the user hears what `listener` does.
    pub fn from_state(listener: Listener, at: Seq, inits: Vec<Arc<Dispatch>>) -> Self {
        Self { listener, at, source: Source::Inits(inits.into_iter()), rounds: 0 }
    }

    /// Begins behind RESUMED: with what was missed up to the place `at`, at which the user hears what `listener` does.
    pub fn from_replay(listener: Listener, at: Seq, replay: Replay) -> Self {
        Self { listener, at, source: Source::missed(Vec::new(), replay), rounds: 0 }
    }

    /// What [`CatchUpStep::LoadSince`] asked for, as [`Self::from_replay`] takes it.
    pub fn handle_replay(&mut self, listener: Listener, at: Seq, replay: Replay) {
        if let Source::Again = self.source {
            (self.listener, self.at, self.source) = (listener, at, Source::missed(Vec::new(), replay));
        }
    }

    /// What [`CatchUpStep::Load`] asked for: the entries, and what comes behind them.
    pub fn handle_page(&mut self, entries: Vec<Arc<Entry>>, rest: Replay) {
        if let Source::Page = self.source {
            self.source = Source::missed(entries, rest);
        }
    }

    /// Takes the next step of a connection whose driver stands at `place`; `frame` makes an event's frame.
    pub fn step(
        &mut self,
        limits: &CatchUpLimits,
        recent: &impl Recent,
        place: Seq,
        frame: impl Fn(&Dispatch) -> Bytes,
    ) -> CatchUpStep {
        let chunk = Chunk { frames: Vec::new(), bytes: 0, limit: limits.chunk_bytes };
        match &self.source {
            Source::Inits(_) => self.step_inits(chunk, frame),
            Source::Missed { .. } => self.step_missed(chunk, frame),
            Source::Recent => self.step_recent(limits, chunk, recent, place, frame),
            Source::Page | Source::Again => CatchUpStep::MeetAnswer,
        }
    }

    /// The guilds that the user is in where the connection stands.
    pub fn into_guilds(self) -> Vec<Id> {
        self.listener.into_guilds()
    }

    fn step_inits(&mut self, mut chunk: Chunk, frame: impl Fn(&Dispatch) -> Bytes) -> CatchUpStep {
        if let Source::Inits(inits) = &mut self.source {
            while !chunk.is_full() {
                let Some(init) = inits.next() else {
                    self.source = Source::Recent;
                    break;
                };
                chunk.push(frame(&init));
            }
        }
        CatchUpStep::Write(chunk.frames)
    }

    fn step_missed(&mut self, mut chunk: Chunk, frame: impl Fn(&Dispatch) -> Bytes) -> CatchUpStep {
        let Source::Missed { page, rest } = &mut self.source else { return CatchUpStep::MeetAnswer };
        while !chunk.is_full() {
            let Some(entry) = page.next() else { break };
            chunk.extend(entry.dispatch.as_ref().map(&frame));
        }
        if !chunk.frames.is_empty() {
            return CatchUpStep::Write(chunk.frames);
        }
        if rest.is_done() {
            self.source = Source::Recent;
            return CatchUpStep::Write(Vec::new());
        }
        let rest = rest.clone();
        self.source = Source::Page;
        CatchUpStep::Load(rest)
    }

    fn step_recent(
        &mut self,
        limits: &CatchUpLimits,
        mut chunk: Chunk,
        recent: &impl Recent,
        place: Seq,
        frame: impl Fn(&Dispatch) -> Bytes,
    ) -> CatchUpStep {
        if place < self.at {
            return CatchUpStep::MeetDriver;
        }
        let entries = match recent.between(self.at, place, limits.walk) {
            Ok(entries) if entries.is_empty() => return CatchUpStep::GoLive,
            Ok(entries) => entries,
            Err(Lagged) => {
                self.rounds += 1;
                if self.rounds > limits.rounds {
                    return CatchUpStep::GiveUp;
                }
                self.source = Source::Again;
                return CatchUpStep::LoadSince(self.at);
            }
        };
        for entry in entries {
            if chunk.is_full() {
                break;
            }
            self.at = entry.seq;
            if self.listener.meet(&entry) {
                chunk.extend(entry.dispatch.as_ref().map(&frame));
            }
        }
        CatchUpStep::Write(chunk.frames)
    }
}

impl Source {
    fn missed(page: Vec<Arc<Entry>>, rest: Replay) -> Self {
        Self::Missed { page: page.into_iter(), rest }
    }
}

/// Frames to be written at once.
#[derive(Debug)]
struct Chunk {
    frames: Vec<Bytes>,
    bytes: usize,
    limit: usize,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.bytes >= self.limit
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
    use super::*;
    use crate::audience::Audience;
    use crate::entry::Draft;
    use crate::event::{Envelope, EventName};
    use crate::time::UnixMillis;

    const LIMITS: CatchUpLimits = CatchUpLimits { chunk_bytes: 1000, walk: 4, rounds: 8 };

    /// Entries from the place behind the floor on.
    struct Ring(Seq, Vec<Arc<Entry>>);

    impl Recent for Ring {
        fn between(&self, after: Seq, until: Seq, most: usize) -> Result<Vec<Arc<Entry>>, Lagged> {
            if after < self.0 {
                return Err(Lagged);
            }
            let entries = self.1.iter().filter(|entry| entry.seq > after && entry.seq <= until);
            Ok(entries.take(most).cloned().collect())
        }
    }

    fn user() -> Id {
        Id::new(1).unwrap()
    }

    /// An event whose frame is a little larger than this.
    fn entry(seq: u64, bytes: usize) -> Arc<Entry> {
        let event = Envelope::new("BIG".parse::<EventName>().unwrap()).with_d(&"x".repeat(bytes));
        Arc::new(Draft::new(event, Audience::Everyone).place(Seq::new(seq), UnixMillis::default()))
    }

    fn listener() -> Listener {
        Listener::new(user(), Vec::new())
    }

    fn replay(after: u64, through: u64) -> Replay {
        Replay::new(user(), [], Seq::new(after), Seq::new(through))
    }

    /// How many frames each step writes, up to the step that writes none, which comes back.
    fn steps(catch_up: &mut CatchUp, ring: &Ring, place: u64) -> (Vec<usize>, CatchUpStep) {
        let mut counts = Vec::new();
        loop {
            let frame = |dispatch: &Dispatch| dispatch.frame(Default::default()).clone();
            match catch_up.step(&LIMITS, ring, Seq::new(place), frame) {
                CatchUpStep::Write(frames) if frames.is_empty() => {}
                CatchUpStep::Write(frames) => counts.push(frames.len()),
                other => return (counts, other),
            }
        }
    }

    #[test]
    fn a_chunk_is_bounded_in_bytes_whatever_it_is_of() {
        let ring = Ring(Seq::new(10), (11..=16).map(|seq| entry(seq, 500)).collect());
        let mut late = CatchUp::from_replay(listener(), Seq::new(10), replay(10, 10));
        let (counts, end) = steps(&mut late, &ring, 16);
        assert_eq!(counts, [2, 2, 2]);
        assert!(matches!(end, CatchUpStep::GoLive));

        let init = |seq| Arc::new(Arc::into_inner(entry(seq, 500)).and_then(|entry| entry.dispatch).unwrap());
        let mut new = CatchUp::from_state(listener(), Seq::new(16), (11..=16).map(init).collect());
        let (counts, end) = steps(&mut new, &ring, 16);
        assert_eq!(counts, [2, 2, 2]);
        assert!(matches!(end, CatchUpStep::GoLive));
    }

    #[test]
    fn a_replay_is_asked_for_by_pages() {
        let ring = Ring(Seq::new(20), Vec::new());
        let mut late = CatchUp::from_replay(listener(), Seq::new(20), replay(16, 20));
        assert!(matches!(steps(&mut late, &ring, 20), (none, CatchUpStep::Load(_)) if none.is_empty()));
        assert!(matches!(steps(&mut late, &ring, 20).1, CatchUpStep::MeetAnswer));
        late.handle_page(vec![entry(17, 2000), entry(18, 1), entry(19, 1)], replay(19, 20));
        let (counts, next) = steps(&mut late, &ring, 20);
        assert_eq!(counts, [1, 2]);
        let CatchUpStep::Load(rest) = next else { panic!("{next:?}") };
        assert!(!rest.is_done());
        late.handle_page(vec![entry(20, 1)], replay(20, 20));
        assert!(matches!(steps(&mut late, &ring, 20), (counts, CatchUpStep::GoLive) if counts == [1]));
        // What nobody asked for changes nothing.
        late.handle_page(vec![entry(17, 1)], replay(17, 20));
        late.handle_replay(listener(), Seq::new(30), replay(16, 20));
        assert!(matches!(steps(&mut late, &ring, 20), (none, CatchUpStep::GoLive) if none.is_empty()));
    }

    #[test]
    fn recent_entries_are_waited_for_and_left_when_they_have_moved_on() {
        let ring = Ring(Seq::new(10), Vec::new());
        let mut ahead = CatchUp::from_replay(listener(), Seq::new(11), replay(11, 11));
        assert!(matches!(steps(&mut ahead, &ring, 10).1, CatchUpStep::MeetDriver));
        let mut late = CatchUp::from_replay(listener(), Seq::new(9), replay(9, 9));
        for _ in 0..LIMITS.rounds {
            assert!(matches!(steps(&mut late, &ring, 10).1, CatchUpStep::LoadSince(at) if at == Seq::new(9)));
            assert!(matches!(steps(&mut late, &ring, 10).1, CatchUpStep::MeetAnswer));
            late.handle_replay(listener(), Seq::new(9), replay(9, 9));
        }
        assert!(matches!(steps(&mut late, &ring, 10).1, CatchUpStep::GiveUp));
    }
}
