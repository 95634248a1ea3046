//! A case of the conformance list: what a client sends, and what must come of it.

use std::sync::Arc;

use harness::{Encoding, Opcode, RawFrame, RawSocket, Server, Setup, User};
use serde_json::{Value, json};
use tokio::task::{JoinError, JoinSet};

/// The largest message here: Autobahn's sections 1 and 5 send up to 65,536 octets.
const MAX_MESSAGE: usize = 1 << 17;
/// Cases that run at once.
const AT_ONCE: usize = 16;
/// The `d` of the message that proves a connection alive.
const STILL_HERE: &str = "still here";

/// One case. Its id is the one that Autobahn's test suite gives to it; an id with a letter is a relative of that case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    id: String,
    /// What is written, one write after the other.
    writes: Vec<Vec<u8>>,
    /// What the server answers, in this order, before the end.
    answers: Vec<Answer>,
    end: End,
}

/// What a server says to one client alone.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// The answer to a ping frame.
    Pong(Vec<u8>),
    /// The answer to a message with PING: its `d`.
    Said(String),
}

/// How a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The connection takes messages as if nothing had been.
    Lives,
    /// The server closes with this code.
    Closed(u16),
}

/// How a case's connection came to be.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Json,
    /// The client offers to compress messages; the server does not take it up.
    Offering,
    Zlib,
}

impl Case {
    pub(crate) fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), writes: Vec::new(), answers: Vec::new(), end: End::Lives }
    }

    /// Writes a frame.
    pub(crate) fn send(self, frame: &RawFrame) -> Self {
        self.write(&frame.to_bytes())
    }

    /// Writes several frames at once.
    pub(crate) fn send_all(self, frames: &[RawFrame]) -> Self {
        let bytes: Vec<u8> = frames.iter().flat_map(RawFrame::to_bytes).collect();
        self.write(&bytes)
    }

    /// Writes frames octet by octet.
    pub(crate) fn chop(self, frames: &[RawFrame]) -> Self {
        self.chop_into(1, frames)
    }

    /// Writes frames in pieces.
    pub(crate) fn chop_into(mut self, octets: usize, frames: &[RawFrame]) -> Self {
        let bytes: Vec<u8> = frames.iter().flat_map(RawFrame::to_bytes).collect();
        self.writes.extend(bytes.chunks(octets).map(<[u8]>::to_vec));
        self
    }

    pub(crate) fn write(mut self, bytes: &[u8]) -> Self {
        self.writes.push(bytes.to_vec());
        self
    }

    pub(crate) fn pong(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.answers.push(Answer::Pong(payload.into()));
        self
    }

    pub(crate) fn said(mut self, d: impl Into<String>) -> Self {
        self.answers.push(Answer::Said(d.into()));
        self
    }

    pub(crate) fn closed(mut self, code: u16) -> Self {
        self.end = End::Closed(code);
        self
    }

    /// Runs the case on a connection of its own.
    async fn run(self, server: &Server, user: &User, mode: Mode) {
        let headers = match mode {
            Mode::Json | Mode::Zlib => "",
            Mode::Offering => "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        };
        let encoding = if matches!(mode, Mode::Zlib) { Encoding::Zlib } else { Encoding::Json };
        let mut socket = RawSocket::connect_with(server, headers).await;
        let name = if encoding == Encoding::Zlib { "zlib" } else { "json" };
        let identify = json!({ "session_id": user.session_id, "encoding": name });
        socket.send(&RawFrame::new(Opcode::Text, identify.to_string())).await;
        let (opcode, payload) = socket.next().await.expect("READY");
        assert_eq!(read(opcode, &payload)["t"], "READY");

        for bytes in &self.writes {
            socket.send_bytes(bytes).await;
        }
        let mut answers = self.answers;
        if self.end == End::Lives {
            socket.send(&RawFrame::new(Opcode::Ping, STILL_HERE)).await;
            socket.send(&RawFrame::new(Opcode::Text, ping(STILL_HERE))).await;
            answers.extend([Answer::Pong(STILL_HERE.into()), Answer::Said(STILL_HERE.to_owned())]);
        }
        let mut answers = answers.into_iter();
        loop {
            let (opcode, payload) = socket.next().await.expect("an end with a close frame");
            if opcode == Opcode::Close.bits() {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                let expected = match self.end {
                    End::Lives => panic!("closed with {code:?} {}", String::from_utf8_lossy(&payload)),
                    End::Closed(code) => Some(code),
                };
                assert_eq!(code, expected, "{}", String::from_utf8_lossy(&payload));
                assert_eq!(answers.next(), None, "never came");
                return assert_eq!(socket.next().await, None, "behind the close");
            }
            let answer = if opcode == Opcode::Pong.bits() {
                Answer::Pong(payload)
            } else {
                let event = read(opcode, &payload);
                if event["t"] != "PONG" {
                    continue;
                }
                Answer::Said(event["d"].as_str().expect("a text").to_owned())
            };
            assert_eq!(Some(&answer), answers.next().as_ref());
            if self.end == End::Lives && answers.len() == 0 {
                return;
            }
        }
    }
}

/// The message that asks for a PONG with the same `d`.
pub(crate) fn ping(d: &str) -> String {
    json!({ "t": "PING", "d": d }).to_string()
}

/// The same, filled up to this many octets; also the `d`.
pub(crate) fn ping_of(octets: usize) -> (String, String) {
    let d = "*".repeat(octets.checked_sub(ping("").len()).expect("room for the message itself"));
    (ping(&d), d)
}

pub(crate) fn text(payload: impl Into<Vec<u8>>) -> RawFrame {
    RawFrame::new(Opcode::Text, payload)
}

pub(crate) fn more(payload: impl Into<Vec<u8>>) -> RawFrame {
    RawFrame::new(Opcode::Continuation, payload)
}

/// Bytes as a text message of fragments of this many octets, an empty one at the end.
pub(crate) fn fragments(octets: usize, payload: &[u8]) -> Vec<RawFrame> {
    let mut frames = vec![text("").unfinished()];
    frames.extend(payload.chunks(octets).map(|octets| more(octets).unfinished()));
    frames.push(more(""));
    frames
}

/// Runs all cases: over json, over json with compression offered, and over zlib. Says of each that fails what was wrong.
pub(crate) async fn run(cases: Vec<Case>) {
    let setup = Setup::new().set("max_message_bytes", MAX_MESSAGE).set("max_messages_per_minute", 1_000_000);
    let setup = setup.set("max_connections_per_user", 10_000).set("max_identifies_per_second", 10_000);
    let server = Arc::new(setup.start().await);
    let user = server.user("ada").await;
    let (mut running, mut failed) = (JoinSet::new(), Vec::new());
    let modes = [Mode::Json, Mode::Offering, Mode::Zlib];
    for (mode, case) in modes.into_iter().flat_map(|mode| cases.iter().map(move |case| (mode, case.clone()))) {
        if running.len() == AT_ONCE {
            failed.extend(running.join_next().await.and_then(outcome));
        }
        let (server, user, name) = (Arc::clone(&server), user.clone(), format!("{} ({mode:?})", case.id));
        running.spawn(async move { (name, tokio::spawn(async move { case.run(&server, &user, mode).await }).await) });
    }
    while let Some(done) = running.join_next().await {
        failed.extend(outcome(done));
    }
    failed.sort();
    assert!(failed.is_empty(), "of {} cases failed:\n{}", cases.len(), failed.join("\n"));
}

/// What was wrong with a case, if anything was.
fn outcome(done: Result<(String, Result<(), JoinError>), JoinError>) -> Option<String> {
    let (name, end) = done.expect("it waits and nothing else");
    let panic = end.err()?.into_panic();
    let what = panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|&what| what.to_owned()));
    Some(format!("{name}: {}", what.unwrap_or_default()))
}

/// An event in either encoding.
fn read(opcode: u8, payload: &[u8]) -> Value {
    if opcode == Opcode::Binary.bits() {
        let text = miniz_oxide::inflate::decompress_to_vec_zlib(payload).expect("one whole zlib stream");
        return serde_json::from_slice(&text).expect("JSON");
    }
    assert_eq!(opcode, Opcode::Text.bits());
    serde_json::from_slice(payload).expect("JSON")
}
