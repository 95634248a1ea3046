//! One client of a swarm: identify, resume, come back, and keep count.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mio::{Registry, Token};
use sanmon_core::gateway::{Advice, Backoff};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::Board;
use super::link::{Link, Piece, ReadEnd};
use crate::Opcode;

/// How long a connection stands until the next failure is the first again: core's rule.
const STABLE: Duration = Duration::from_secs(30);

/// When a client that lost its connection tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// After the delays of a proper client: core's.
    ByTheRules,
    /// After this pause.
    After(Duration),
}

/// What a client has to tell at the end.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The place of its first whole state.
    pub since: Option<u64>,
    /// The numbers of the events that came.
    pub seen: Vec<u64>,
    /// Whether each `s` was larger than the one before it.
    pub is_in_order: bool,
    /// What else came.
    pub notes: Vec<Note>,
    /// The guilds of each whole state that it got.
    pub states: Vec<usize>,
    /// READY said that the position could not be resumed.
    pub refused: u32,
    /// Close codes, and when they came.
    pub closes: Vec<(Instant, u16)>,
    /// When it was live again, each time.
    pub arrivals: Vec<Instant>,
    /// When it was told to reconnect.
    pub told: Option<Instant>,
}

/// An event beside the numbered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// A user shows as offline.
    Offline {
        /// The user.
        user: u64,
    },
    /// A user is in the guild from this place on.
    Added {
        /// The user.
        user: u64,
        /// The place.
        s: u64,
    },
    /// A user is in the guild up to this place.
    Removed {
        /// The user.
        user: u64,
        /// The place.
        s: u64,
    },
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    session_id: String,
    encoding: &'static str,
    manner: Return,
    backoff: Backoff,
    link: Option<Link>,
    phase: Phase,
    place: Place,
    due: Instant,
    /// When it is to come back after a RECONNECT.
    moving: Option<Instant>,
    /// Where the log is for this client; what a resume starts from.
    position: Option<u64>,
    record: Record,
}

/// Where a client connects.
#[derive(Clone, Copy, Debug)]
struct Place {
    client: usize,
    losses: usize,
}

impl Place {
    /// One address after the other; those who lose the same one go to different ones.
    fn of(self, addresses: &[SocketAddr]) -> SocketAddr {
        let others = addresses.len().saturating_sub(1).max(1);
        let step = 1 + (self.client / addresses.len()) % others;
        addresses[(self.client + self.losses * step) % addresses.len()]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Without a connection.
    Away,
    /// On the way to READY or RESUMED.
    Arriving,
    /// So many GUILD_INITs are to come before the position is `s`.
    Inits {
        left: usize,
        all: usize,
        s: u64,
    },
    Live,
    /// The server said to stop.
    Ended,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    s: Option<u64>,
    id: Option<u64>,
    #[serde(borrow)]
    d: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    n: u64,
    guilds: usize,
    resumed: Option<bool>,
    delay_ms: u64,
    #[serde(rename = "type")]
    kind: u8,
    user: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
}

impl Client {
    pub(super) fn new(session_id: String, encoding: &'static str, manner: Return, seed: u64) -> Self {
        Self {
            session_id,
            encoding,
            manner,
            backoff: Backoff::new(seed),
            link: None,
            phase: Phase::Away,
            place: Place { client: seed as usize, losses: 0 },
            due: Instant::now(),
            moving: None,
            position: None,
            record: Record { is_in_order: true, ..Record::default() },
        }
    }

    pub(super) fn into_record(self) -> Record {
        self.record
    }

    pub(super) fn connect_if_due(
        &mut self,
        now: Instant,
        addresses: &[SocketAddr],
        registry: &Registry,
        token: Token,
        hold: Option<usize>,
        board: &Board,
    ) {
        if self.phase != Phase::Away || now < self.due {
            return;
        }
        match Link::open(self.place.of(addresses), registry, token, hold) {
            Ok(link) => (self.link, self.phase) = (Some(link), Phase::Arriving),
            Err(_) => self.lose(board),
        }
    }

    pub(super) fn on_ready(&mut self, is_writable: bool, buffer: &mut [u8], board: &Board) {
        let Some(link) = &mut self.link else { return };
        if is_writable && !link.on_writable() {
            return self.lose(board);
        }
        self.read(buffer, board);
    }

    /// Drops the connection without a word.
    pub(super) fn cut(&mut self, board: &Board) {
        if self.link.is_some() {
            self.lose(board);
        }
    }

    /// Reads on after it had to hold still.
    pub(super) fn release(&mut self, buffer: &mut [u8], board: &Board) {
        if let Some(link) = &mut self.link
            && link.limit.take().is_some_and(|limit| link.read >= limit)
        {
            board.held.fetch_sub(1, Relaxed);
            self.read(buffer, board);
        }
    }

    fn read(&mut self, buffer: &mut [u8], board: &Board) {
        let Some(mut link) = self.link.take() else { return };
        let was_held = link.limit.is_some_and(|limit| link.read >= limit);
        let end = link.read(buffer, |link, piece| self.take(link, piece, board));
        let is_held = end == ReadEnd::Held;
        if is_held && !was_held {
            board.held.fetch_add(1, Relaxed);
        }
        self.link = Some(link);
        if end == ReadEnd::Gone {
            self.lose(board);
        }
    }

    /// The connection is gone. The client comes back when it was told to, or when its manner says.
    fn lose(&mut self, board: &Board) {
        if let Some(link) = self.link.take()
            && link.limit.is_some_and(|limit| link.read >= limit)
        {
            board.held.fetch_sub(1, Relaxed);
        }
        self.place.losses += 1;
        let was_live = self.phase == Phase::Live;
        if was_live {
            board.live.fetch_sub(1, Relaxed);
        }
        if self.phase != Phase::Ended {
            self.phase = Phase::Away;
        }
        self.due = match (self.moving.take(), self.manner) {
            (Some(moment), _) => moment,
            (None, Return::ByTheRules) => {
                if was_live && self.record.arrivals.last().is_some_and(|since| since.elapsed() >= STABLE) {
                    self.backoff.reset();
                }
                Instant::now() + self.backoff.delay()
            }
            (None, Return::After(pause)) => Instant::now() + pause,
        };
    }

    /// Takes what came; whether the connection goes on.
    fn take(&mut self, link: &mut Link, piece: Piece, board: &Board) -> bool {
        match piece {
            Piece::Opened => {
                let mut identify = json!({ "session_id": self.session_id, "encoding": self.encoding });
                if let Some(position) = self.position {
                    identify["seq"] = position.into();
                }
                link.send(Opcode::Text, identify.to_string().into_bytes());
                true
            }
            Piece::Refused => false,
            Piece::Frame(1, text) => {
                self.hear(&text, board);
                true
            }
            Piece::Frame(2, body) => {
                let text = miniz_oxide::inflate::decompress_to_vec_zlib(&body).expect("one whole zlib stream");
                self.hear(&text, board);
                true
            }
            Piece::Frame(9, payload) => {
                link.send(Opcode::Pong, payload);
                true
            }
            Piece::Frame(8, payload) => {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                link.send(Opcode::Close, code.to_be_bytes().to_vec());
                self.record.closes.push((Instant::now(), code));
                board.closed.fetch_add(1, Relaxed);
                if Advice::of(code) == Advice::Stop {
                    if self.phase == Phase::Live {
                        board.live.fetch_sub(1, Relaxed);
                    }
                    self.phase = Phase::Ended;
                    board.ended.fetch_add(1, Relaxed);
                }
                false
            }
            Piece::Frame(..) => true,
        }
    }

    fn hear(&mut self, text: &[u8], board: &Board) {
        let frame: Frame<'_> = serde_json::from_slice(text).expect("a frame of JSON");
        let data =
            || -> Data { frame.d.map_or_else(Data::default, |d| serde_json::from_str(d.get()).unwrap_or_default()) };
        match &*frame.t {
            "READY" => {
                board.fresh.fetch_add(1, Relaxed);
                let data = data();
                self.record.refused += u32::from(data.resumed == Some(false));
                let s = frame.s.expect("READY says where the log is");
                self.phase = Phase::Inits { left: data.guilds, all: data.guilds, s };
                return self.arrive_if_whole(board);
            }
            "RESUMED" => {
                board.resumed.fetch_add(1, Relaxed);
                self.go_live(board);
                return;
            }
            "GUILD_INIT" => {
                if let Phase::Inits { left, .. } = &mut self.phase {
                    *left -= 1;
                }
                return self.arrive_if_whole(board);
            }
            "RECONNECT" => {
                self.record.told = Some(Instant::now());
                self.moving = Some(Instant::now() + Duration::from_millis(data().delay_ms));
                return;
            }
            _ => {}
        }
        let Some(s) = frame.s else { return };
        self.record.is_in_order &= self.position.is_none_or(|position| s > position);
        self.position = self.position.max(Some(s));
        match &*frame.t {
            "NUMBER" => {
                self.record.seen.push(data().n);
                board.numbers.fetch_add(1, Relaxed);
            }
            "MARK" => {
                board.marks.fetch_add(1, Relaxed);
            }
            "PRESENCE_UPDATE" if data().kind == 4 => {
                self.record.notes.extend(frame.id.map(|user| Note::Offline { user }));
                board.offline.fetch_add(1, Relaxed);
            }
            "GUILD_MEMBER_ADD" => self.record.notes.extend(data().user.map(|user| Note::Added { user: user.id, s })),
            "GUILD_MEMBER_REMOVE" => {
                self.record.notes.extend(data().user.map(|user| Note::Removed { user: user.id, s }));
            }
            _ => {}
        }
    }

    fn arrive_if_whole(&mut self, board: &Board) {
        if let Phase::Inits { left: 0, all, s } = self.phase {
            self.position = Some(s);
            self.record.since.get_or_insert(s);
            self.record.states.push(all);
            self.go_live(board);
        }
    }

    fn go_live(&mut self, board: &Board) {
        self.phase = Phase::Live;
        self.record.arrivals.push(Instant::now());
        board.live.fetch_add(1, Relaxed);
    }
}
