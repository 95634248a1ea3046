//! The clients of a storm and their connections, on one clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sanmon_core::audience::{Audience, Slot};
use sanmon_core::codec::{Dispatch, Encoding, Message};
use sanmon_core::entry::Entry;
use sanmon_core::event::{Envelope, Seq};
use sanmon_core::gateway::{
    Client, ClientOptions, ClientOutput, Incoming, Limits, Principal, RateWindow, Session, SessionOutput, Welcome,
};
use sanmon_core::time::Moment;

use super::server::{RETRY_AFTER, Server, concerns, guild, user};
use crate::dice::Dice;
use crate::frames::{Frames, Packet};
use crate::world::user_object;

const URL: &str = "wss://one";
/// How often the server publishes to everyone while its clients come back.
const NEWS: Duration = Duration::from_millis(1_000);

/// What came of a storm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) resumed: u64,
    pub(super) resets: u64,
    /// Connections that clients tried to open, from the crash on.
    pub(super) tries: u64,
    /// Connections that a running server was asked for in its busiest second and tenth of a second.
    pub(super) peak_per_second: u64,
    pub(super) peak_per_tenth: u64,
    /// From the restart on.
    pub(super) half_resumed_after: Duration,
    pub(super) all_resumed_after: Duration,
    /// Events that were replayed.
    pub(super) replayed: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resumed, tries, peak_per_second, peak_per_tenth, replayed, .. } = self;
        let (half, all) = (self.half_resumed_after, self.all_resumed_after);
        write!(f, "{resumed} resumed, half after {half:?}, all after {all:?}; {tries} tries, of these ")?;
        write!(f, "{peak_per_second} in the busiest second and {peak_per_tenth} in its busiest tenth; ")?;
        write!(f, "{replayed} events replayed")
    }
}

pub(super) struct Crowd {
    now: Moment,
    dice: Dice,
    server: Server,
    seats: Vec<Seat>,
    agenda: BinaryHeap<Reverse<(Moment, u64)>>,
    /// What is due, by the number in the agenda.
    plans: std::collections::HashMap<u64, (u32, u32, Plan)>,
    planned: u64,
    limits: Arc<Limits>,
    crashed: bool,
    arrivals: Vec<Moment>,
    tries: u64,
    resumes: Vec<Moment>,
    replayed: u64,
    resets: u64,
}

/// A client and the server's end of its connection.
struct Seat {
    client: Client<Seq>,
    session: Option<Session>,
    rate: RateWindow,
    /// Counts connections: what was meant for an earlier one is void.
    connection: u32,
    /// Up to where it heard everything.
    last: Option<Seq>,
    /// When its machine wants to be woken, as far as that was planned.
    alarm: Option<Moment>,
    latency: u64,
}

enum Plan {
    /// The driver's answer to a question of the client.
    Discover,
    Connect,
    Secret,
    /// A machine wants to be woken.
    ClientClock,
    ServerClock,
    /// A message arrives at the server, a frame at the client.
    Up(Packet),
    Down(Bytes),
    /// The store answers.
    Who,
    State(Option<Seq>),
    /// The connection is broken, and the client is told.
    Broken,
}

impl Crowd {
    pub(super) fn new(clients: u32, seed: u64) -> Self {
        let now = Moment::from_millis(1_000_000);
        let mut crowd = Self {
            now,
            dice: Dice::new(seed),
            server: Server::new(now),
            seats: Vec::new(),
            agenda: BinaryHeap::new(),
            plans: std::collections::HashMap::new(),
            planned: 0,
            limits: Arc::new(Limits::default()),
            crashed: false,
            arrivals: Vec::new(),
            tries: 0,
            resumes: Vec::new(),
            replayed: 0,
            resets: 0,
        };
        for index in 0..clients {
            let options = ClientOptions { url: Some(URL.into()), ..ClientOptions::default() };
            crowd.seats.push(Seat {
                client: Client::new(now, options, crowd.dice.next()),
                session: None,
                rate: RateWindow::default(),
                connection: 0,
                last: None,
                alarm: None,
                latency: crowd.dice.between(5, 100),
            });
            crowd.obey(index);
        }
        crowd
    }

    /// Everyone connects, hears some events, and stays long enough to be stable.
    pub(super) fn gather(&mut self) {
        self.run(Duration::from_secs(20));
        for number in 0..20 {
            self.publish(number, Hearing::Live);
        }
        self.run(Duration::from_secs(40));
        assert!(
            self.seats.iter().all(|seat| seat.client.position() == Some(self.server.head()) || seat.last.is_some())
        );
        self.tries = 0;
    }

    /// The server crashes with events that it committed and sent to nobody, and comes back.
    pub(super) fn crash(&mut self, down: Duration, rate: Option<u64>) {
        for number in 0..20 {
            self.publish(number, Hearing::Nobody);
        }
        self.crashed = true;
        self.server.crash(self.now + down, rate);
        for index in 0..self.seats.len() as u32 {
            self.seats[index as usize].session = None;
            let at = self.now + Duration::from_millis(self.seats[index as usize].latency);
            self.plan(at, index, Plan::Broken);
        }
        self.run(down);
        for number in 0..300 {
            if self.resumes.len() == self.seats.len() {
                break;
            }
            self.publish(if number % 2 == 0 { 0 } else { number }, Hearing::Live);
            self.run(NEWS);
        }
        self.run(Duration::from_secs(1));
    }

    pub(super) fn outcome(&self) -> Outcome {
        for (index, seat) in self.seats.iter().enumerate() {
            let last = seat.last.expect("everyone was connected before");
            let missing = self.server.entries(last).iter().find(|entry| concerns(entry, index as u32));
            assert!(missing.is_none(), "client {index} has heard up to {last:?} and never {missing:?}");
        }
        let after = |at: Option<&Moment>| at.map_or(Duration::MAX, |at| at.since(self.server.up_at));
        Outcome {
            resumed: self.resumes.len() as u64,
            resets: self.resets,
            tries: self.tries,
            peak_per_second: busiest(&self.arrivals, 1000),
            peak_per_tenth: busiest(&self.arrivals, 100),
            half_resumed_after: after(self.resumes.get(self.seats.len() / 2)),
            all_resumed_after: after(self.resumes.get(self.seats.len() - 1)),
            replayed: self.replayed,
        }
    }

    /// One event: for everyone, for a guild, or for one user, by its number.
    fn publish(&mut self, number: u32, hearing: Hearing) {
        let someone = self.dice.below(self.seats.len() as u64) as u32;
        let audience = match number % 4 {
            0 => Audience::Everyone,
            1 => Audience::Guild(guild(someone)),
            _ => Audience::Users(vec![user(someone)]),
        };
        let entry = self.server.publish(audience);
        if let Hearing::Live = hearing {
            let mut out = Vec::new();
            self.server.subscriptions.meet(&entry, &mut out);
            out.sort_unstable();
            let frame = entry.dispatch.as_ref().expect("an event").frame(Encoding::Json);
            out.into_iter().for_each(|Slot(index)| self.send(index, frame.clone()));
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(Reverse((at, number))) = self.agenda.peek().copied().filter(|Reverse((at, _))| *at <= end) {
            self.agenda.pop();
            self.now = self.now.max(at);
            if let Some((index, connection, plan)) = self.plans.remove(&number) {
                self.act(index, connection, plan);
            }
        }
        self.now = end;
    }

    fn plan(&mut self, at: Moment, index: u32, plan: Plan) {
        self.planned += 1;
        self.agenda.push(Reverse((at, self.planned)));
        self.plans.insert(self.planned, (index, self.seats[index as usize].connection, plan));
    }

    fn act(&mut self, index: u32, connection: u32, plan: Plan) {
        let now = self.now;
        let seat = &mut self.seats[index as usize];
        let is_void = connection != seat.connection;
        match plan {
            Plan::ClientClock => {
                if seat.alarm.take_if(|at| *at <= now).is_some() {
                    seat.client.handle_timeout(now);
                }
            }
            _ if is_void => return,
            Plan::Discover if self.server.has_room(now) => seat.client.handle_discovered(now, URL.into()),
            Plan::Discover if now >= self.server.up_at => seat.client.handle_discovery_failed(now, Some(RETRY_AFTER)),
            Plan::Discover => seat.client.handle_discovery_failed(now, None),
            Plan::Connect => return self.connect(index),
            Plan::Secret => seat.client.handle_session(now, "secret"),
            Plan::ServerClock => {
                if let Some(session) = &mut seat.session {
                    session.handle_timeout(now);
                    return self.serve(index, Wake::Again);
                }
            }
            Plan::Up(packet) => return self.take(index, packet),
            Plan::Down(frame) => return self.read(index, &frame),
            Plan::Who => {
                if let Some(session) = &mut seat.session {
                    let principal = Principal { user: user(index), session: user(index), expires: None };
                    session.handle_authenticated(now, Some(principal));
                }
                return self.serve(index, Wake::AsPlanned);
            }
            Plan::State(after) => return self.answer(index, after),
            Plan::Broken => {
                seat.connection += 1;
                seat.client.handle_closed(now, None, "");
            }
        }
        self.obey(index);
    }

    fn connect(&mut self, index: u32) {
        let now = self.now;
        self.tries += 1;
        if self.crashed && now >= self.server.up_at {
            self.arrivals.push(now);
        }
        let is_admitted = self.server.admit(now);
        let seat = &mut self.seats[index as usize];
        if is_admitted {
            seat.session = Some(Session::new(now, self.limits.clone(), self.dice.next()));
            seat.client.handle_opened(now);
            self.serve(index, Wake::Again);
        } else {
            seat.client.handle_closed(now, None, "");
        }
        self.obey(index);
    }

    /// What the client sent comes to the server.
    fn take(&mut self, index: u32, packet: Packet) {
        let seat = &mut self.seats[index as usize];
        let Some(session) = &mut seat.session else { return };
        session.handle_bytes(self.now);
        if let Packet::Message(message) = packet {
            let rate = session.user().map(|_| &mut seat.rate);
            session.handle_message(self.now, &message, rate);
        }
        self.serve(index, Wake::AsPlanned);
    }

    fn serve(&mut self, index: u32, wake: Wake) {
        while let Some(session) = &mut self.seats[index as usize].session {
            let Some(output) = session.poll_output() else { break };
            match output {
                SessionOutput::Authenticate { .. } => {
                    let at = self.server.answered_at(self.now);
                    self.plan(at, index, Plan::Who);
                }
                SessionOutput::Replay { after, .. } => {
                    let at = self.server.answered_at(self.now);
                    self.plan(at, index, Plan::State(after));
                }
                SessionOutput::Send(frame) => self.send(index, frame),
                SessionOutput::Presence(_) => {}
                SessionOutput::Close(close) => panic!("the server closes client {index}: {close:?}"),
            }
        }
        let deadline = self.seats[index as usize].session.as_ref().and_then(Session::deadline);
        if let (Wake::Again, Some(at)) = (wake, deadline) {
            self.plan(at, index, Plan::ServerClock);
        }
    }

    /// The store says what the client starts from, and the server sends it.
    fn answer(&mut self, index: u32, after: Option<Seq>) {
        let now = self.now;
        let missed = after.and_then(|after| Some((after, self.server.missed(index, after)?)));
        let head = self.server.head();
        let Some(session) = &mut self.seats[index as usize].session else { return };
        let mut frames = Vec::new();
        match missed {
            Some((after, missed)) => {
                self.replayed += missed.len() as u64;
                session.handle_resumed(now, after, missed.len() as u64);
                let frame = |entry: &Arc<Entry>| entry.dispatch.as_ref().map(|it| it.frame(Encoding::Json).clone());
                frames.extend(missed.iter().filter_map(frame));
            }
            None => {
                let user = user_object(user(index).as_u64());
                let resume_window = Duration::from_secs(300);
                session.handle_ready(now, head, &Welcome { user: &user, guilds: 1, url: URL, resume_window });
                let json = format!(r#"{{"t":"GUILD_INIT","d":{{"id":{}}}}}"#, guild(index));
                frames.push(Dispatch::new(json).frame(Encoding::Json).clone());
            }
        }
        self.serve(index, Wake::AsPlanned);
        frames.into_iter().for_each(|frame| self.send(index, frame));
        if let Some(session) = &mut self.seats[index as usize].session {
            session.handle_live(now);
            self.server.subscribe(index);
        }
        self.serve(index, Wake::AsPlanned);
    }

    fn send(&mut self, index: u32, frame: Bytes) {
        let at = self.now + Duration::from_millis(self.seats[index as usize].latency);
        self.plan(at, index, Plan::Down(frame));
    }

    /// A frame comes to the client.
    fn read(&mut self, index: u32, frame: &Bytes) {
        let mut frames = Frames::default();
        frames.push(frame);
        match frames.pop() {
            Some(Packet::Message(Message::Text(text))) => {
                let text = std::str::from_utf8(&text).expect("text");
                let envelope: Envelope = text.parse().expect("an envelope");
                let Incoming { kind, s, payload } = Incoming::split(envelope).expect("whole control frames");
                match payload.t().as_str() {
                    "READY" => self.seats[index as usize].last = s,
                    "RESUMED" => self.resumes.push(self.now),
                    "NEWS" => self.check(index, s.expect("a place")),
                    _ => {}
                }
                let incoming = Incoming { kind, s, payload: s.unwrap_or_default() };
                self.seats[index as usize].client.handle_incoming(self.now, incoming);
            }
            Some(Packet::Ping) => {
                self.seats[index as usize].client.handle_bytes(self.now);
                self.reply(index, Packet::Pong);
            }
            other => panic!("{other:?}"),
        }
        self.obey(index);
    }

    /// No gap and no double on the wire, whatever the client makes of it.
    fn check(&mut self, index: u32, s: Seq) {
        let last = self.seats[index as usize].last.expect("a READY before");
        let due = self.server.entries(last).iter().find(|entry| concerns(entry, index));
        assert_eq!(due.map(|entry| entry.seq), Some(s), "client {index} has heard up to {last:?}");
        self.seats[index as usize].last = Some(s);
    }

    fn reply(&mut self, index: u32, packet: Packet) {
        let at = self.now + Duration::from_millis(self.seats[index as usize].latency);
        self.plan(at, index, Plan::Up(packet));
    }

    fn obey(&mut self, index: u32) {
        while let Some(output) = self.seats[index as usize].client.poll_output() {
            let soon = self.now + Duration::from_millis(2 * self.seats[index as usize].latency);
            match output {
                ClientOutput::Discover => self.plan(soon, index, Plan::Discover),
                ClientOutput::Connect { .. } => self.plan(soon, index, Plan::Connect),
                ClientOutput::NeedSession => self.plan(self.now, index, Plan::Secret),
                ClientOutput::Send(message) => self.reply(index, Packet::Message(message)),
                ClientOutput::Reset => self.resets += 1,
                ClientOutput::Event(_) | ClientOutput::State(_) => {}
                ClientOutput::Close(_) => {
                    let seat = &mut self.seats[index as usize];
                    (seat.connection, seat.session) = (seat.connection + 1, None);
                }
                ClientOutput::Ended(reason) => panic!("client {index} ended: {reason}"),
            }
        }
        let seat = &mut self.seats[index as usize];
        if let Some(at) = seat.client.deadline().filter(|at| seat.alarm.is_none_or(|alarm| *at < alarm)) {
            seat.alarm = Some(at);
            self.plan(at, index, Plan::ClientClock);
        }
    }
}

/// Who hears an event as it happens.
#[derive(Clone, Copy)]
enum Hearing {
    Live,
    Nobody,
}

/// Whether a machine has to be told of its time once more.
#[derive(Clone, Copy)]
enum Wake {
    Again,
    AsPlanned,
}

/// The most of these moments that fall into a stretch of so many milliseconds.
fn busiest(moments: &[Moment], stretch: u64) -> u64 {
    let mut first = 0;
    let mut most = 0;
    for (index, moment) in moments.iter().enumerate() {
        while moments[first].as_millis() + stretch <= moment.as_millis() {
            first += 1;
        }
        most = most.max(index - first + 1);
    }
    most as u64
}
