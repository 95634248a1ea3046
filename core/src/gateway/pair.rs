//! Both ends of the gateway, joined by a virtual clock and a lossy link: every event arrives once, in order, or a reset
//! says that it could not.

mod server;
mod view;
mod wire;

use std::time::Duration;

use proptest::prelude::*;

use self::server::{Answer, Happening, Server};
use self::view::View;
use self::wire::{Packet, Wire};
use super::{Client, ClientOptions, ClientOutput, Incoming, RateWindow, SessionOutput};
use crate::codec::{Encoding, Message, text_of};
use crate::event::{Envelope, Reconnect};
use crate::time::Moment;

/// Where the client finds the server. There is one; every address leads to it.
const URL: &str = "wss://gw/gateway";

/// What happens to the two while they talk.
#[derive(Clone, Debug)]
enum Op {
    /// The server's log grows.
    Happen(Happening),
    /// Time goes by, in milliseconds.
    Wait(u64),
    /// The connection breaks, and both ends know.
    Break,
    /// The connection swallows everything from now on, and nobody is told.
    Swallow,
    /// The client's socket takes nothing for a while, in milliseconds.
    Stall(u64),
    /// The log forgets a part of what it holds, in percent.
    Forget(u64),
    /// The server tells its connections to move, with a delay in milliseconds.
    Drain(u64),
    /// The server is gone for a while, in milliseconds, and comes back with its log.
    Crash(u64),
    /// The client's machine sleeps, in milliseconds, and wakes.
    Sleep(u64),
}

/// Draws delays; the same seed makes the same run.
struct Dice(u64);

impl Dice {
    /// A number below `bound`.
    fn roll(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

struct World {
    now: Moment,
    dice: Dice,
    server: Server,
    rate: RateWindow,
    /// Connections as the server sees them; the client is on the last at most.
    wires: Vec<Wire>,
    attached: bool,
    client: Client<Envelope>,
    encoding: Encoding,
    /// When the driver's answer to a question of the client is due.
    errand: Option<(Moment, Errand)>,
    /// Until when the server can't be reached.
    down_until: Moment,
    /// Until when the client's machine sleeps.
    asleep_until: Moment,
    view: View,
}

/// What the client's driver was asked to do.
#[derive(Clone, Copy)]
enum Errand {
    Discover,
    Connect,
    Session,
}

impl World {
    fn new(seed: u64, encoding: Encoding) -> Self {
        let now = Moment::from_millis(1_000_000);
        Self {
            now,
            dice: Dice(seed),
            server: Server::new(),
            rate: RateWindow::default(),
            wires: Vec::new(),
            attached: false,
            client: Client::new(now, ClientOptions { encoding, ..ClientOptions::default() }, seed),
            encoding,
            errand: None,
            down_until: now,
            asleep_until: now,
            view: View::default(),
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Happen(happening) => {
                let entry = self.server.happen(happening);
                for wire in &mut self.wires {
                    wire.meet(self.now, &entry);
                }
            }
            Op::Wait(millis) => self.run(self.now + Duration::from_millis(*millis)),
            Op::Break => {
                self.wires.clear();
                self.lose();
            }
            Op::Swallow => self.wires.iter_mut().for_each(Wire::swallow),
            Op::Stall(millis) => {
                let until = self.now + Duration::from_millis(*millis);
                self.wires.iter_mut().for_each(|wire| wire.stall(until));
            }
            Op::Forget(percent) => self.server.forget(*percent),
            Op::Drain(delay_ms) => {
                let reconnect = Reconnect { url: Some(URL.into()), delay_ms: *delay_ms };
                for wire in &mut self.wires {
                    wire.session.handle_drain(self.now, &reconnect);
                }
            }
            Op::Crash(millis) => {
                self.down_until = self.now + Duration::from_millis(*millis);
                self.server.restart();
                self.wires.clear();
                self.lose();
            }
            Op::Sleep(millis) => {
                self.asleep_until = self.now + Duration::from_millis(*millis);
                self.run(self.asleep_until);
                self.client.handle_wake(self.now);
            }
        }
        self.settle();
    }

    /// The client's connection is gone without a word.
    fn lose(&mut self) {
        if std::mem::take(&mut self.attached) {
            self.client.handle_closed(self.now, None, "");
        }
    }

    /// Lets both live until `end`.
    fn run(&mut self, end: Moment) {
        self.settle();
        for _ in 0..1_000_000 {
            let next = self.next().filter(|next| *next <= end);
            self.now = next.map_or(end, |next| next.max(self.now));
            if next.is_none() {
                return;
            }
            self.tick();
            self.settle();
        }
        panic!("a million events and no end: {:?}", self.client);
    }

    /// When anything happens next.
    fn next(&self) -> Option<Moment> {
        let client = self.errand.map(|errand| errand.0).into_iter().chain(self.client.deadline());
        let client = client.map(|at| at.max(self.asleep_until));
        let wires = self.wires.iter().enumerate().filter_map(|(index, wire)| {
            let reads = self.attached && index + 1 == self.wires.len();
            wire.next(if reads { Some(self.asleep_until) } else { None })
        });
        client.chain(wires).min()
    }

    fn tick(&mut self) {
        let now = self.now;
        for wire in &mut self.wires {
            wire.tick(now, &mut self.rate, &self.server);
        }
        if now < self.asleep_until {
            return;
        }
        while self.attached {
            let Some(packet) = self.wires.last_mut().and_then(|wire| wire.receive(now)) else { break };
            self.deliver(packet);
            self.settle_client();
        }
        if let Some((_, errand)) = self.errand.take_if(|(at, _)| *at <= now) {
            self.answer(errand);
            self.settle_client();
        }
        self.client.handle_timeout(now);
    }

    fn answer(&mut self, errand: Errand) {
        let reachable = self.now >= self.down_until;
        match errand {
            Errand::Discover if reachable => self.client.handle_discovered(self.now, URL.into()),
            Errand::Discover => self.client.handle_discovery_failed(self.now, None),
            Errand::Connect if reachable => {
                self.wires.push(Wire::new(self.now, self.dice.roll(u64::MAX)));
                self.attached = true;
                self.client.handle_opened(self.now);
            }
            Errand::Connect => self.client.handle_closed(self.now, None, ""),
            Errand::Session => self.client.handle_session(self.now, "secret"),
        }
    }

    fn deliver(&mut self, packet: Packet) {
        self.client.handle_bytes(self.now);
        match packet {
            Packet::Message(message) => {
                let binary = matches!(message, Message::Binary(_));
                assert_eq!(binary, self.encoding == Encoding::Zlib, "every frame comes in the connection's encoding");
                let text = text_of(&message, self.encoding, 1 << 20).unwrap();
                self.client.handle_incoming(self.now, Incoming::split(text.parse().unwrap()).unwrap());
            }
            Packet::Ping => self.transmit(Packet::Pong),
            Packet::Pong => {}
            Packet::Close(code, reason) => {
                self.attached = false;
                self.client.handle_closed(self.now, Some(code), &reason);
            }
        }
    }

    fn transmit(&mut self, packet: Packet) {
        let delay = Duration::from_millis(1 + self.dice.roll(80));
        self.wires.last_mut().unwrap().transmit(self.now + delay, packet);
    }

    /// Does what the machines want, until they want nothing.
    fn settle(&mut self) {
        for index in 0..self.wires.len() {
            while let Some(output) = self.wires[index].session.poll_output() {
                self.serve(index, output);
            }
        }
        let attached = self.attached;
        let last = self.wires.len();
        let mut index = 0;
        self.wires.retain(|wire| {
            index += 1;
            !wire.is_over() || (attached && index == last)
        });
        self.settle_client();
    }

    fn serve(&mut self, index: usize, output: SessionOutput) {
        let soon = self.now + Duration::from_millis(1 + self.dice.roll(300));
        let later = soon + Duration::from_millis(self.dice.roll(300));
        let wire = &mut self.wires[index];
        assert!(!wire.was_closed(), "{output:?} after a close");
        match output {
            SessionOutput::Authenticate { session_id } => {
                assert_eq!(session_id, "secret");
                wire.ask(soon, later, Answer::Principal);
            }
            SessionOutput::Replay { after, .. } => wire.ask(soon, later, Answer::History { after }),
            SessionOutput::Send(frame) => wire.send_control(self.now, frame),
            SessionOutput::Presence(_) => {}
            SessionOutput::Close(close) => wire.close(self.now, &close),
        }
    }

    fn settle_client(&mut self) {
        while let Some(output) = self.client.poll_output() {
            assert!(!self.view.ended, "{output:?} after the end");
            let soon = self.now + Duration::from_millis(1 + self.dice.roll(100));
            match output {
                ClientOutput::Discover => self.errand = Some((soon, Errand::Discover)),
                ClientOutput::Connect { url } => {
                    assert_eq!(url, URL);
                    self.errand = Some((soon, Errand::Connect));
                }
                ClientOutput::NeedSession => self.errand = Some((soon, Errand::Session)),
                ClientOutput::Send(message) => self.transmit(Packet::Message(message)),
                ClientOutput::Event(envelope) => self.view.event(&envelope),
                ClientOutput::Reset => self.view.reset(),
                ClientOutput::State(_) => {}
                ClientOutput::Close(close) => {
                    self.errand = None;
                    if self.attached {
                        self.transmit(Packet::Close(close.code, close.reason));
                        self.attached = false;
                    }
                }
                ClientOutput::Ended(_) => self.view.ended = true,
            }
        }
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => Just(Happening::Everyone),
        4 => (1u64..4).prop_map(Happening::User),
        6 => (10u64..14).prop_map(Happening::Guild),
        3 => (1u64..4).prop_map(Happening::Presence),
        1 => Just(Happening::Here),
        2 => (10u64..14).prop_map(Happening::Join),
        1 => (10u64..14).prop_map(Happening::Leave),
        1 => (10u64..14).prop_map(Happening::GuildGone),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => happening().prop_map(Op::Happen),
        15 => (0u64..300).prop_map(Op::Wait),
        5 => (0u64..60_000).prop_map(Op::Wait),
        3 => Just(Op::Break),
        1 => Just(Op::Swallow),
        2 => (0u64..20_000).prop_map(Op::Stall),
        1 => (0u64..=100).prop_map(Op::Forget),
        2 => (0u64..5_000).prop_map(Op::Drain),
        1 => (0u64..5_000).prop_map(Op::Crash),
        1 => (0u64..100_000).prop_map(Op::Sleep),
    ]
}

/// Runs the operations, then lets the world come to rest, and compares what the user saw with what happened.
fn play(seed: u64, encoding: Encoding, ops: &[Op]) {
    let mut world = World::new(seed, encoding);
    for op in ops {
        world.apply(op);
    }
    world.apply(&Op::Wait(300_000));
    world.apply(&Op::Happen(Happening::Everyone));
    world.apply(&Op::Wait(10_000));
    assert!(!world.view.ended, "nothing here ends a client: {:?}", world.client);
    world.view.check(&world.server);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_event_arrives_once_in_order_or_a_reset_says_it_could_not(
        seed: u64,
        zlib: bool,
        ops in prop::collection::vec(op(), 0..80),
    ) {
        play(seed, if zlib { Encoding::Zlib } else { Encoding::Json }, &ops);
    }
}

#[test]
fn nothing_is_lost_by_a_break_in_the_middle_of_events() {
    let event = || Op::Happen(Happening::User(1));
    for seed in 0..200 {
        let wait = Op::Wait(seed % 7);
        let ops = [Op::Wait(5_000), event(), wait.clone(), event(), wait, event(), Op::Break, event(), Op::Wait(400)];
        let mut world = World::new(seed, Encoding::Json);
        for op in ops.iter().chain(&ops).chain([&Op::Wait(60_000)]) {
            world.apply(op);
        }
        world.view.check(&world.server);
        assert_eq!(world.view.resets(), 0, "the log held everything");
    }
}

#[test]
fn a_log_that_forgot_what_was_missed_makes_a_reset() {
    let event = || Op::Happen(Happening::User(1));
    let ops = [Op::Wait(5_000), event(), Op::Wait(100), Op::Break, event(), Op::Forget(100), event(), Op::Wait(60_000)];
    let mut world = World::new(1, Encoding::Zlib);
    for op in &ops {
        world.apply(op);
    }
    world.view.check(&world.server);
    assert_eq!(world.view.resets(), 1);
}
