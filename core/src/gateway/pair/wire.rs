//! One connection: the session at its far end, a bounded queue before it, and packets that take their time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::Dice;
use super::server::{Answer, Loaded, Server, USER, id};
use crate::audience::Listener;
use crate::codec::{Dispatch, Message};
use crate::entry::Entry;
use crate::event::Seq;
use crate::gateway::{
    Close, Code, Lane, Limits, Principal, QueueLimits, RateWindow, SendQueue, Session, SessionOutput, Welcome,
};
use crate::time::Moment;

/// Small, so that runs of a hundred events reach it.
const QUEUE: QueueLimits = QueueLimits { max_bytes: 400, max_age: Duration::from_secs(10) };
/// How long anything travels at most, in milliseconds.
const LATENCY: u64 = 80;

/// What travels on a connection.
#[derive(Clone, Debug)]
pub(super) enum Packet {
    Message(Message),
    Ping,
    Pong,
    Close(u16, String),
}

pub(super) struct Wire {
    pub(super) session: Session,
    to_server: VecDeque<(Moment, Packet)>,
    to_client: VecDeque<(Moment, Packet)>,
    queue: SendQueue,
    stalled_until: Moment,
    swallows: bool,
    dice: Dice,
    closed: bool,
    /// A question: when the loader reads, when its answer arrives.
    question: Option<(Moment, Moment, Answer)>,
    loaded: Option<Loaded>,
    /// What the user hears from where the connection is in the log.
    listener: Option<Listener>,
}

impl Wire {
    pub(super) fn new(now: Moment, phase_seed: u64) -> Self {
        Self {
            session: Session::new(now, Arc::new(Limits::default()), phase_seed),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            queue: SendQueue::new(),
            stalled_until: now,
            swallows: false,
            dice: Dice(phase_seed),
            closed: false,
            question: None,
            loaded: None,
            listener: None,
        }
    }

    pub(super) fn swallow(&mut self) {
        self.swallows = true;
        self.to_server.clear();
        self.to_client.clear();
    }

    pub(super) fn stall(&mut self, until: Moment) {
        self.stalled_until = until;
    }

    /// From the client, arriving at `at` or behind what is on its way already.
    pub(super) fn transmit(&mut self, at: Moment, packet: Packet) {
        if !self.swallows {
            let at = self.to_server.back().map_or(at, |(last, _)| at.max(*last));
            self.to_server.push_back((at, packet));
        }
    }

    /// What has arrived at the client.
    pub(super) fn receive(&mut self, now: Moment) -> Option<Packet> {
        self.to_client.pop_front_if(|(at, _)| *at <= now).map(|(_, packet)| packet)
    }

    pub(super) fn ask(&mut self, soon: Moment, later: Moment, answer: Answer) {
        self.question = Some((soon, later, answer));
    }

    pub(super) fn send_control(&mut self, now: Moment, frame: Bytes) {
        // READY and RESUMED begin the catching up, the rest is small: all the same to these tests.
        self.send(now, frame, Lane::CatchUp);
    }

    pub(super) fn close(&mut self, now: Moment, close: &Close) {
        self.closed = true;
        // Whatever waits is lost with a slow reader, so the close comes behind what was written only.
        self.flush(now);
        self.queue = SendQueue::new();
        self.arrive(now, Packet::Close(close.code, close.reason.clone()));
    }

    pub(super) fn was_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn is_over(&self) -> bool {
        self.session.is_closed()
    }

    /// The log grew: a live connection hears of it.
    pub(super) fn meet(&mut self, now: Moment, entry: &Entry) {
        let Some(listener) = &mut self.listener else { return };
        if listener.meet(entry) {
            let lane = entry.presence_of.map_or(Lane::Live, Lane::Presence);
            let frame = entry.dispatch.as_ref().unwrap().frame(self.session.encoding()).clone();
            self.send(now, frame, lane);
        }
    }

    /// When anything happens here next; `awake` says from when on the client reads, if it does.
    pub(super) fn next(&self, awake: Option<Moment>) -> Option<Moment> {
        let packets = self.to_server.front().map(|(at, _)| *at);
        let reads = awake.and_then(|awake| self.to_client.front().map(|(at, _)| (*at).max(awake)));
        let question =
            self.question.as_ref().map(|(soon, later, _)| if self.loaded.is_some() { *later } else { *soon });
        let flush = if self.queue.is_empty() { None } else { Some(self.stalled_until) };
        let overdue = self.queue.deadline(&QUEUE);
        let times = [packets, reads, question, flush, overdue, self.session.deadline()];
        times.into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, now: Moment, rate: &mut RateWindow, server: &Server) {
        while let Some((_, packet)) = self.to_server.pop_front_if(|(at, _)| *at <= now) {
            self.session.handle_bytes(now);
            match packet {
                Packet::Message(message) => {
                    let rate = self.session.user().map(|_| &mut *rate);
                    self.session.handle_message(now, &message, rate);
                }
                Packet::Ping => self.session.handle_ping(now, b""),
                Packet::Pong => self.session.handle_pong(now),
                Packet::Close(code, _) => self.session.handle_closed_by_peer(now, Some(code)),
            }
        }
        self.load(now, server);
        self.flush(now);
        if self.queue.check(now, &QUEUE).is_err() {
            self.session.handle_close(now, Close::new(Code::SlowConsumer));
        }
        self.session.handle_timeout(now);
    }

    /// Reads at one time, answers at another: the log grows in between.
    fn load(&mut self, now: Moment, server: &Server) {
        let Some((soon, later, answer)) = self.question else { return };
        match answer {
            Answer::Principal if soon <= now => {
                self.question = None;
                let principal = Principal { user: id(USER), session: id(7), expires: None };
                self.session.handle_authenticated(now, Some(principal));
            }
            Answer::History { after } if soon <= now && self.loaded.is_none() => {
                self.loaded = Some(server.load(after));
            }
            Answer::History { after } if later <= now => {
                self.question = None;
                if let Some(loaded) = self.loaded.take() {
                    self.catch_up(now, server, loaded, after.unwrap_or_default());
                }
            }
            Answer::Principal | Answer::History { .. } => {}
        }
    }

    fn catch_up(&mut self, now: Moment, server: &Server, loaded: Loaded, after: Seq) {
        let encoding = self.session.encoding();
        if let Some(missed) = &loaded.missed {
            self.session.handle_resumed(now, after, missed.len() as u64);
            self.drain_session(now);
            for entry in missed {
                self.send(now, entry.dispatch.as_ref().unwrap().frame(encoding).clone(), Lane::CatchUp);
            }
        } else {
            let user = RawValue::from_string(format!(r#"{{"id":{USER},"username":"ann"}}"#)).unwrap();
            let guilds = u32::try_from(loaded.guilds.len()).unwrap();
            let resume_window = Duration::from_secs(300);
            let welcome = Welcome { user: &user, guilds, url: super::URL, resume_window };
            self.session.handle_ready(now, loaded.head, &welcome);
            self.drain_session(now);
            for guild in &loaded.guilds {
                let init = Dispatch::new(format!(r#"{{"t":"GUILD_INIT","d":{{"id":{guild}}}}}"#));
                self.send(now, init.frame(encoding).clone(), Lane::CatchUp);
            }
        }
        let mut listener = Listener::new(id(USER), loaded.guilds);
        for entry in server.after(loaded.head) {
            if listener.meet(entry) {
                self.send(now, entry.dispatch.as_ref().unwrap().frame(encoding).clone(), Lane::CatchUp);
            }
        }
        self.listener = Some(listener);
        self.session.handle_live(now);
    }

    /// Sends what the session says first, so that it stands before what the driver adds.
    fn drain_session(&mut self, now: Moment) {
        while let Some(output) = self.session.poll_output() {
            let SessionOutput::Send(frame) = output else { panic!("{output:?}") };
            self.send(now, frame, Lane::CatchUp);
        }
    }

    fn send(&mut self, now: Moment, frame: Bytes, lane: Lane) {
        if self.session.is_closed() && lane != Lane::CatchUp {
            return;
        }
        if self.queue.push(now, frame, lane, &QUEUE).is_err() {
            self.session.handle_close(now, Close::new(Code::SlowConsumer));
        }
        self.flush(now);
    }

    /// Writes what waits, unless the socket would block.
    fn flush(&mut self, now: Moment) {
        if now < self.stalled_until {
            return;
        }
        let bytes: Vec<u8> = self.queue.chunks().flatten().copied().collect();
        self.queue.advance(bytes.len());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let packet = read(&mut rest);
            self.arrive(now, packet);
        }
    }

    fn arrive(&mut self, now: Moment, packet: Packet) {
        if !self.swallows {
            let at = now + Duration::from_millis(1 + self.dice.roll(LATENCY));
            let at = self.to_client.back().map_or(at, |(last, _)| at.max(*last));
            self.to_client.push_back((at, packet));
        }
    }
}

/// Reads one whole server frame off the front.
fn read(bytes: &mut &[u8]) -> Packet {
    let (header, len) = match bytes[1] {
        126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
        len => (2, usize::from(len)),
    };
    let payload = Bytes::copy_from_slice(&bytes[header..header + len]);
    let opcode = bytes[0];
    *bytes = &bytes[header + len..];
    match opcode {
        0x81 => Packet::Message(Message::Text(payload)),
        0x82 => Packet::Message(Message::Binary(payload)),
        0x89 => Packet::Ping,
        0x8A => Packet::Pong,
        _ => panic!("a frame that begins with {opcode:#x}"),
    }
}
