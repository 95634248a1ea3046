//! The server's end of a connection: any order of what can happen to it, on a virtual clock.

use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use sanmon_core::codec::{Message, deflate};
use sanmon_core::event::{Reconnect, Seq};
use sanmon_core::gateway::{Close, Code, Fault, Limits, Principal, RateWindow, Session, SessionOutput, Welcome};
use sanmon_core::id::Id;
use sanmon_core::time::Moment;
use serde_json::value::RawValue;

use crate::wire::{self, ServerFrame};

/// The most operations of a run: none needs more to reach any state.
const LONGEST: usize = 300;
/// What a frame may hold beside what the client itself has sent: READY, RECONNECT, an empty PONG.
const OVERHEAD: usize = 512;
const MINUTE: Duration = Duration::from_secs(60);

/// One thing that happens to a connection.
#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    /// Time goes by, in milliseconds.
    Wait(u16),
    /// Time goes by to the machine's deadline.
    Sleep,
    /// The clock stands at a deadline that the driver has kept although it moved.
    Early,
    /// Bytes that are no whole frame yet.
    Bytes,
    Text(&'a [u8]),
    Binary(&'a [u8]),
    /// A binary message that is a zlib stream of this.
    Stream(&'a [u8]),
    Identify {
        is_zlib: bool,
        seq: Option<u64>,
    },
    Ping {
        d: Option<i8>,
    },
    Presence {
        kind: u8,
    },
    PingFrame(&'a [u8]),
    PongFrame,
    CloseFrame(Option<u16>),
    Broken(u8),
    Known {
        expires_in: Option<u16>,
    },
    Unknown,
    Ready {
        guilds: u32,
    },
    Resumed {
        after: u64,
        replayed: u64,
    },
    Live,
    Revoked,
    Drain {
        has_url: bool,
        delay_ms: u64,
    },
}

/// Where the session must be: what its driver would know without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Identifying,
    Authenticating,
    Loading,
    CatchingUp,
    Live,
    Closed,
}

struct Run {
    session: Session,
    limits: Arc<Limits>,
    now: Moment,
    stage: Stage,
    window: RateWindow,
    /// When messages were taken.
    taken: Vec<Moment>,
    /// The payload of the last ping.
    pinged: Vec<u8>,
}

/// Takes the input as operations, one after the other.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let mut run = Run::new(input.arbitrary().unwrap_or_default());
    for _ in 0..LONGEST {
        if input.is_empty() {
            break;
        }
        let Ok(operation) = input.arbitrary() else { break };
        run.step(operation);
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let limits = Arc::new(Limits { max_message_bytes: 512, max_messages_per_minute: 8, ..Limits::default() });
        let now = Moment::from_millis(1_000_000);
        let session = Session::new(now, Arc::clone(&limits), seed);
        let (stage, window) = (Stage::Identifying, RateWindow::default());
        Self { session, limits, now, stage, window, taken: Vec::new(), pinged: Vec::new() }
    }

    /// Does one thing, and checks what comes of it.
    fn step(&mut self, operation: Operation<'_>) {
        let before = self.stage;
        let said = self.happen(&operation);
        let mut bytes = 0;
        while let Some(output) = self.session.poll_output() {
            assert_ne!(self.stage, Stage::Closed, "{output:?} after the close");
            bytes += self.take(output);
        }
        assert!(bytes <= said + OVERHEAD, "{bytes} bytes for {said}: {operation:?}");
        self.answered(before, &operation);
        self.check();
    }

    /// Hands an operation to the session; how many bytes its answer may repeat.
    fn happen(&mut self, operation: &Operation<'_>) -> usize {
        match *operation {
            Operation::Wait(millis) => self.wait(Duration::from_millis(millis.into())),
            Operation::Sleep => {
                if let Some(deadline) = self.session.deadline() {
                    self.now = self.now.max(deadline);
                    self.session.handle_timeout(self.now);
                    // Whoever calls at the deadline must not be told to call at once again, for ever.
                    assert!(self.session.deadline().is_none_or(|next| next > self.now), "a deadline that stays");
                }
            }
            Operation::Early => self.early(),
            Operation::Bytes => self.session.handle_bytes(self.now),
            Operation::Text(text) => return self.message(Message::Text(Bytes::copy_from_slice(text))),
            Operation::Binary(bytes) => return self.message(Message::Binary(Bytes::copy_from_slice(bytes))),
            Operation::Stream(text) => {
                self.message(Message::Binary(deflate(text).into()));
                return text.len();
            }
            Operation::Identify { is_zlib, seq } => {
                let encoding = if is_zlib { "zlib" } else { "json" };
                let identify = serde_json::json!({ "session_id": "secret", "encoding": encoding, "seq": seq });
                return self.message(Message::Text(identify.to_string().into()));
            }
            Operation::Ping { d: None } => return self.message(Message::Text(Bytes::from_static(br#"{"t":"PING"}"#))),
            Operation::Ping { d: Some(d) } => {
                return self.message(Message::Text(format!(r#"{{"t":"PING","d":{d}}}"#).into()));
            }
            Operation::Presence { kind } => {
                let presence = format!(r#"{{"t":"PRESENCE_UPDATE","d":{{"type":{}}}}}"#, 1 + kind % 4);
                return self.message(Message::Text(presence.into()));
            }
            Operation::PingFrame(payload) => {
                self.pinged = payload.to_vec();
                self.session.handle_ping(self.now, payload);
                return payload.len();
            }
            Operation::PongFrame => self.session.handle_pong(self.now),
            Operation::CloseFrame(code) => self.session.handle_closed_by_peer(self.now, code),
            Operation::Broken(kind) => {
                let faults = [Fault::Protocol("an unknown opcode"), Fault::BadUtf8, Fault::TooBig];
                self.session.handle_fault(self.now, faults[usize::from(kind) % faults.len()]);
            }
            Operation::Known { expires_in } => {
                let expires = expires_in.map(|millis| self.now + Duration::from_millis(millis.into()));
                let id = |number| Id::new(number).expect("an id");
                self.session.handle_authenticated(self.now, Some(Principal { user: id(7), session: id(8), expires }));
            }
            Operation::Unknown => self.session.handle_authenticated(self.now, None),
            Operation::Ready { guilds } => {
                let user = RawValue::from_string(r#"{"id":7,"username":"ada"}"#.to_owned()).expect("JSON");
                let welcome = Welcome { user: &user, guilds, url: "wss://gw/gateway", resume_window: MINUTE };
                self.session.handle_ready(self.now, Seq::new(5), &welcome);
            }
            Operation::Resumed { after, replayed } => {
                self.session.handle_resumed(self.now, Seq::new(after), replayed);
            }
            Operation::Live => self.session.handle_live(self.now),
            Operation::Revoked => self.session.handle_close(self.now, Close::new(Code::Revoked)),
            Operation::Drain { has_url, delay_ms } => {
                let url = has_url.then(|| "wss://other/gateway".to_owned());
                self.session.handle_drain(self.now, &Reconnect { url, delay_ms });
            }
        }
        0
    }

    /// Lets time go by as a driver does: it wakes at every deadline on the way.
    fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.session.handle_timeout(self.now);
            assert!(self.session.deadline().is_none_or(|next| next > self.now), "a deadline that stays");
        }
        self.now = end;
    }

    /// A call before the deadline does nothing at all.
    fn early(&mut self) {
        let deadline = self.session.deadline();
        if deadline.is_none_or(|deadline| self.now < deadline) {
            self.session.handle_timeout(self.now);
            assert_eq!(self.session.poll_output(), None, "before the deadline");
            assert_eq!(self.session.deadline(), deadline);
        }
    }

    /// Hands in a message as a driver does; how many bytes its answer may repeat.
    fn message(&mut self, message: Message) -> usize {
        let (Message::Text(bytes) | Message::Binary(bytes)) = &message;
        let len = bytes.len();
        self.session.handle_bytes(self.now);
        let window = self.session.user().is_some().then_some(&mut self.window);
        let was_open = !self.session.is_closed();
        self.session.handle_message(self.now, &message, window);
        if was_open && !self.session.is_closed() {
            self.taken.push(self.now);
        }
        len
    }

    /// Takes one output, which must fit where the session is; how many bytes it sends.
    fn take(&mut self, output: SessionOutput) -> usize {
        match output {
            SessionOutput::Authenticate { session_id } => {
                assert_eq!(self.stage, Stage::Identifying);
                assert!(!session_id.is_empty());
                self.stage = Stage::Authenticating;
                0
            }
            SessionOutput::Replay { user, .. } => {
                assert_eq!((self.stage, Some(user)), (Stage::Authenticating, self.session.user()));
                self.stage = Stage::Loading;
                0
            }
            SessionOutput::Presence(_) => {
                assert!(matches!(self.stage, Stage::CatchingUp | Stage::Live), "a presence in {:?}", self.stage);
                0
            }
            SessionOutput::Close(close) => {
                wire::assert_close(&close);
                self.stage = Stage::Closed;
                close.frame().len()
            }
            SessionOutput::Send(frame) => {
                match ServerFrame::read(&frame, self.session.encoding()) {
                    ServerFrame::Event(event) => self.event(event.t().as_str()),
                    ServerFrame::Ping(payload) => assert!(payload.is_empty() && self.stage != Stage::Identifying),
                    ServerFrame::Pong(payload) => assert_eq!(payload, self.pinged),
                }
                frame.len()
            }
        }
    }

    fn event(&mut self, t: &str) {
        let is_in_time = match t {
            "READY" | "RESUMED" => self.stage == Stage::Loading,
            "RECONNECT" => !matches!(self.stage, Stage::Identifying | Stage::Authenticating),
            "PONG" => self.stage != Stage::Identifying,
            other => panic!("a session that says {other} by itself"),
        };
        assert!(is_in_time, "{t} in {:?}", self.stage);
        if matches!(t, "READY" | "RESUMED") {
            self.stage = Stage::CatchingUp;
        }
    }

    /// What an operation of the driver must have led to, whether or not it made an output.
    fn answered(&mut self, before: Stage, operation: &Operation<'_>) {
        match operation {
            Operation::Live if before == Stage::CatchingUp => self.stage = Stage::Live,
            Operation::CloseFrame(_) | Operation::Broken(_) | Operation::Revoked | Operation::Drain { .. } => {
                assert_eq!(self.stage, Stage::Closed, "{operation:?}");
            }
            Operation::Known { .. } if before == Stage::Authenticating => {
                assert!(matches!(self.stage, Stage::Loading | Stage::Closed));
            }
            Operation::Unknown if before == Stage::Authenticating => assert_eq!(self.stage, Stage::Closed),
            Operation::Ready { .. } | Operation::Resumed { .. } if before == Stage::Loading => {
                assert_eq!(self.stage, Stage::CatchingUp);
            }
            Operation::Known { .. } | Operation::Unknown | Operation::Ready { .. } | Operation::Resumed { .. } => {
                assert_eq!(self.stage, before, "an answer that nobody asked for");
            }
            _ => {}
        }
    }

    /// What holds at any time.
    fn check(&self) {
        assert_eq!(self.session.is_closed(), self.stage == Stage::Closed);
        assert_eq!(self.session.is_live(), self.stage == Stage::Live);
        assert_eq!(self.session.deadline().is_none(), self.stage == Stage::Closed);
        let is_known = matches!(self.stage, Stage::Loading | Stage::CatchingUp | Stage::Live);
        assert!(self.session.user().is_some() == is_known || self.stage == Stage::Closed);
        if let Some(deadline) = self.session.deadline() {
            let limits = &self.limits;
            let longest = limits.answer_timeout.max(limits.identify_timeout).max(limits.ping_interval);
            assert!(deadline.since(self.now) <= longest, "a deadline that is never");
        }
        // A fixed window lets pass two windows' worth at most in any span of its length.
        let most = 2 * self.limits.max_messages_per_minute as usize;
        assert!(self.taken.iter().rev().take_while(|taken| self.now.since(**taken) < MINUTE).count() <= most);
    }
}
