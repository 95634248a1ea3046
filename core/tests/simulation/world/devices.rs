//! The clients' side: what devices read, and what their clients want of them.

use std::time::Duration;

use sanmon_core::codec::{Encoding, Message, text_of};
use sanmon_core::event::{Envelope, Presence, Seq};
use sanmon_core::gateway::{Client, ClientOptions, ClientOutput, ClientState, EndReason, Incoming, SendQueue, Session};
use sanmon_core::time::Moment;

use super::World;
use super::processes::{node_of, url_of};
use crate::device::{Device, Errand};
use crate::frames::{Frames, Packet};
use crate::letter::Letter;
use crate::link::{Link, Phase, Standing};
use crate::node::Life;
use crate::pipe::Pipe;
use crate::reader::Reader;
use crate::sabotage::Sabotage;

impl Device {
    /// Switched off, and nobody is going to switch it on.
    pub(crate) const fn is_off(&self) -> bool {
        self.client.is_none() && self.starts_at.is_none()
    }
}

impl World {
    pub(super) fn next_of_device(&self, index: usize) -> Option<Moment> {
        let device = &self.devices[index];
        let machine = device.client.as_ref().and_then(Client::deadline);
        let machine = machine.filter(|_| self.sabotage != Some(Sabotage::StoppedClock));
        let errand = device.errand.as_ref().map(|(at, _)| *at);
        let link = device.link.and_then(|link| self.links.get(&link));
        let reads = link.and_then(|link| link.down.next()).map(|at| at.max(device.reads_at));
        let told = link.and_then(|link| {
            let is_end = link.server_gone && link.down.on_the_way().next().is_none();
            link.client_told.or(is_end.then_some(self.now))
        });
        let times = [machine, errand, reads, told, device.starts_at].into_iter().flatten().min();
        match device.asleep_until {
            None => times,
            // Asleep, nothing happens; the wake itself does.
            Some(until) => Some(until),
        }
    }

    pub(super) fn tick_device(&mut self, index: usize) {
        let now = self.now;
        let device = &mut self.devices[index];
        if device.asleep_until.is_some_and(|until| now < until) {
            return;
        }
        if device.asleep_until.take().is_some()
            && let Some(client) = &mut device.client
        {
            client.handle_wake(now);
            self.obey(index);
        }
        if self.devices[index].starts_at.is_some_and(|at| at <= now) {
            self.start_device(index);
        }
        self.read_device(index);
        let device = &mut self.devices[index];
        if let Some((_, errand)) = device.errand.take_if(|(at, _)| *at <= now) {
            self.run_errand(index, errand);
        }
        if let Some(client) =
            self.devices[index].client.as_mut().filter(|_| self.sabotage != Some(Sabotage::StoppedClock))
        {
            client.handle_timeout(now);
        }
        self.obey(index);
    }

    /// The application starts: with the state of an earlier run, if it kept any.
    fn start_device(&mut self, index: usize) {
        let (now, seed) = (self.now, self.dice.next());
        let keeps = self.dice.percent(60);
        let device = &mut self.devices[index];
        device.starts_at = None;
        let position = device.reader.position().filter(|_| keeps).map(Seq::new);
        if position.is_none() {
            device.reader = Reader::new(device.user);
        }
        let options = ClientOptions { encoding: device.encoding, position, ..ClientOptions::default() };
        let mut client = Client::new(now, options, seed);
        if let Some(kind) = device.choice {
            client.handle_presence(now, &Presence::of(kind.try_into().expect("a kind")));
        }
        device.client = Some(client);
        self.tell(|| format!("device {index} starts with {position:?}"));
        self.obey(index);
    }

    /// The application ends, or is killed: its connection goes with it.
    pub(crate) fn stop_device(&mut self, index: usize, back: Option<Moment>) {
        let device = &mut self.devices[index];
        let is_whole = device.client.as_ref().is_some_and(|client| client.position().is_some());
        if !is_whole {
            // What it has is no state to come back to.
            device.reader = Reader::new(device.user);
        }
        (device.client, device.errand, device.starts_at, device.state) = (None, None, back, ClientState::Ended);
        let at = self.now + self.dice.millis(1, self.plan.latency);
        if let Some(link) = device.link.take().and_then(|link| self.links.get_mut(&link)) {
            link.attached = false;
            link.server_told = Some(at);
        }
    }

    fn run_errand(&mut self, index: usize, errand: Errand) {
        let now = self.now;
        let offline = now < self.devices[index].offline_until;
        let open: Vec<usize> = (0..self.nodes.len()).filter(|node| self.is_open(*node)).collect();
        let drains = self.nodes.iter().any(|node| matches!(node.life, Life::Draining { .. }));
        let Some(client) = &mut self.devices[index].client else { return };
        match errand {
            Errand::Discover if offline => client.handle_discovery_failed(now, None),
            Errand::Discover => match self.dice.pick(&open) {
                Some(node) => client.handle_discovered(now, url_of(node)),
                None if drains => client.handle_discovery_failed(now, Some(Duration::from_secs(2))),
                None => client.handle_discovery_failed(now, None),
            },
            Errand::Connect(url) if offline || !open.contains(&node_of(&url)) => client.handle_closed(now, None, ""),
            Errand::Connect(url) => {
                client.handle_opened(now);
                self.connect(index, node_of(&url));
            }
            Errand::Session => {
                let secret = format!("secret-{}", self.devices[index].session);
                if let Some(client) = &mut self.devices[index].client {
                    client.handle_session(now, &secret);
                }
            }
        }
        self.obey(index);
    }

    fn connect(&mut self, device: usize, node: usize) {
        self.last_link += 1;
        self.tally.connections += 1;
        let (id, now) = (self.last_link, self.now);
        let link = Link {
            node,
            slot: self.nodes[node].seat(id),
            attached: true,
            server_gone: false,
            client_told: None,
            server_told: None,
            session: Session::new(now, self.limits.clone(), self.dice.next()),
            up: Pipe::new(self.plan.latency),
            down: Pipe::new(self.plan.latency),
            window: self.plan.window,
            has_room: false,
            queue: SendQueue::new(),
            limits: self.queue_limits(),
            phase: Phase::Open,
            standing: Standing::Stranger,
            question: None,
            asked_at: self.nodes[node].place,
            mark: id,
            ear: None,
        };
        self.links.insert(id, link);
        let device = &mut self.devices[device];
        (device.link, device.frames) = (Some(id), Frames::default());
    }

    /// Reads what has arrived, at the application's pace; then learns whether that was the end.
    fn read_device(&mut self, index: usize) {
        let now = self.now;
        while now >= self.devices[index].reads_at {
            let device = &mut self.devices[index];
            let Some(link) = device.link.and_then(|link| self.links.get_mut(&link)) else { return };
            let Some(bytes) = link.down.receive(now).filter(|_| link.client_told.is_none()) else { break };
            link.has_room = true;
            device.frames.push(&bytes);
            if device.pace > 0 {
                device.reads_at = now + Duration::from_millis(device.pace);
            }
            if let Some(client) = &mut device.client {
                client.handle_bytes(now);
            }
            while self.devices[index].link.is_some() {
                let Some(packet) = self.devices[index].frames.pop() else { break };
                self.take_packet(index, packet);
                self.obey(index);
            }
        }
        let device = &mut self.devices[index];
        let Some(link) = device.link.and_then(|link| self.links.get_mut(&link)) else { return };
        let is_end = link.server_gone && link.down.on_the_way().next().is_none();
        if is_end || link.client_told.is_some_and(|at| at <= now) {
            link.attached = false;
            device.link = None;
            if let Some(client) = &mut device.client {
                client.handle_closed(now, None, "");
            }
            self.obey(index);
        }
    }

    fn take_packet(&mut self, index: usize, packet: Packet) {
        let now = self.now;
        let device = &mut self.devices[index];
        let Some(link) = device.link.and_then(|link| self.links.get_mut(&link)) else { return };
        match packet {
            Packet::Message(message) => {
                let is_binary = matches!(message, Message::Binary(_));
                if is_binary != (device.encoding == Encoding::Zlib) {
                    return self.blame(|| format!("device {index} got a frame in another encoding than it asked for"));
                }
                let text = text_of(&message, device.encoding, 1 << 20).expect("what the server sends is readable");
                let letter: Letter = serde_json::from_str(&text).expect("what the server sends is JSON");
                let judged = link.ear.as_mut().map_or(Ok(()), |ear| ear.hear(&self.oracle, &letter));
                let incoming = Incoming::split(text.parse().expect("an envelope")).expect("whole control frames");
                if let Some(client) = &mut device.client {
                    client.handle_incoming(now, incoming);
                }
                if let Err(what) = judged {
                    let link = self.devices[index].link;
                    self.blame(|| format!("link {link:?} to device {index}: {what}"));
                }
            }
            Packet::Ping => link.up.send(now, &mut self.dice, Packet::Pong),
            Packet::Pong => {}
            Packet::Close(code, reason) => {
                link.up.send(now, &mut self.dice, Packet::Close(code, String::new()));
                link.attached = false;
                device.link = None;
                if let Some(client) = &mut device.client {
                    client.handle_closed(now, code, &reason);
                }
            }
        }
    }

    /// Does what a client wants, until it wants nothing more.
    pub(crate) fn obey(&mut self, index: usize) {
        let now = self.now;
        while let Some(output) = self.devices[index].client.as_mut().and_then(Client::poll_output) {
            let soon = now + self.dice.millis(1, 100);
            let device = &mut self.devices[index];
            match output {
                ClientOutput::Discover => device.errand = Some((soon, Errand::Discover)),
                ClientOutput::Connect { url } => device.errand = Some((soon, Errand::Connect(url))),
                ClientOutput::NeedSession => device.errand = Some((soon, Errand::Session)),
                ClientOutput::Send(message) => {
                    if let Some(link) = device.link.and_then(|link| self.links.get_mut(&link)) {
                        link.up.send(now, &mut self.dice, Packet::Message(message));
                    }
                }
                ClientOutput::Event(envelope) => self.hand_on(index, &envelope),
                ClientOutput::Reset if self.sabotage == Some(Sabotage::HiddenReset) => {}
                ClientOutput::Reset => {
                    self.tally.resets += 1;
                    if let Err(what) = device.reader.reset() {
                        self.blame(|| format!("device {index}: {what}"));
                    }
                }
                ClientOutput::State(state) => {
                    device.state = state;
                    self.tell(|| format!("device {index} {state:?}"));
                }
                ClientOutput::Close(close) => {
                    device.errand = None;
                    if let Some(link) = device.link.take().and_then(|link| self.links.get_mut(&link)) {
                        link.attached = false;
                        link.up.send(now, &mut self.dice, Packet::Close(Some(close.code), close.reason));
                    }
                }
                ClientOutput::Ended(reason) => self.take_end(index, &reason),
            }
        }
    }

    fn hand_on(&mut self, index: usize, envelope: &Envelope) {
        let letter: Letter = serde_json::from_str(&envelope.to_json()).expect("an envelope is JSON");
        self.tell(|| format!("device {index} hears {} {:?}", letter.t, letter.s));
        if let Err(what) = self.devices[index].reader.take(&self.oracle, &letter) {
            self.blame(|| format!("device {index}: {what}"));
        }
    }

    /// A client gave up for good: it may only if its session is not valid any more. Then its user logs in again.
    fn take_end(&mut self, index: usize, reason: &EndReason) {
        let session = self.devices[index].session;
        let is_valid = self.platform.authenticate(self.now, session).is_some();
        let is_due = matches!(reason, EndReason::Refused { code: 4003 | 4102, .. }) && !is_valid;
        if !is_due {
            self.blame(|| format!("device {index} ended, its session valid: {is_valid}: {reason:?}"));
        }
        self.tell(|| format!("device {index} has to log in again: {reason:?}"));
        let back = self.now + self.dice.millis(100, 3_000);
        self.stop_device(index, Some(back));
        self.devices[index].session = self.mint(self.devices[index].user);
    }
}
