//! The server's side: what a node does with entries, connections and what their sessions want.

use std::time::Duration;

use sanmon_core::audience::Slot;
use sanmon_core::entry::{Change, Entry};
use sanmon_core::gateway::{Close, Code, Device as Mark, Lane, SessionOutput};

use super::World;
use crate::ear::Ear;
use crate::frames::Packet;
use crate::link::{Ask, Phase, Question, Standing};
use crate::platform::id;
use crate::sabotage::Sabotage;

/// How long a close frame may take to leave and the client to answer it.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

impl World {
    /// A node meets the next entry of the log.
    pub(super) fn meet(&mut self, index: usize, entry: &Entry) {
        let mut out = Vec::new();
        let node = &mut self.nodes[index];
        node.subscriptions.meet(entry, &mut out);
        node.place = entry.seq;
        if let Some(Sabotage::WrongEar) = self.sabotage {
            // Everyone hears what one of many should not have.
            let all = node.slots.iter().enumerate().filter(|(_, link)| link.is_some()).map(|(slot, _)| slot as u32);
            let subscribed = all.filter(|_| entry.seq.as_u64().is_multiple_of(16)).map(Slot);
            out.extend(subscribed.collect::<Vec<_>>());
        }
        // Maps have an order of their own in each run; a world has not.
        out.sort_unstable();
        if self.sabotage == Some(Sabotage::WrongEar) {
            out.dedup();
        }
        let hearers: Vec<u64> = out.iter().filter_map(|slot| node.slots[slot.0 as usize]).collect();
        for link in hearers {
            self.deliver(link, entry);
        }
        let ended = |link: &crate::link::Link| {
            let who = link.session.principal();
            let is_meant = match entry.change {
                Some(Change::SessionRevoked { session }) => who.is_some_and(|who| who.session == session),
                Some(Change::UserRevoked { user }) => who.is_some_and(|who| who.user == user),
                _ => false,
            };
            link.node == index && link.standing != Standing::Stranger && is_meant
        };
        let ended: Vec<u64> = self.links.iter().filter(|(_, link)| ended(link)).map(|(id, _)| *id).collect();
        for link in ended {
            self.end(link, Close::new(Code::Revoked));
        }
        // Who catches up may have waited for the node to be where it stands.
        let waiting = self.links.iter().filter(|(_, link)| link.node == index && link.is_served());
        let waiting: Vec<u64> =
            waiting.filter(|(_, link)| matches!(link.phase, Phase::CatchingUp(_))).map(|(id, _)| *id).collect();
        waiting.into_iter().for_each(|link| self.pull(link));
    }

    /// Sends a live event to one connection.
    fn deliver(&mut self, id: u64, entry: &Entry) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_served()) else { return };
        let Some(dispatch) = &entry.dispatch else { return };
        let lane = entry.presence_of.map_or(Lane::Live, Lane::Presence);
        let frame = dispatch.frame(link.session.encoding()).clone();
        let times = Sabotage::times(self.sabotage, entry.seq);
        let sent = (0..times).try_for_each(|_| link.send(now, &mut self.dice, frame.clone(), lane));
        self.tally.delivered += 1;
        if sent.is_err() {
            self.overflow(id);
        }
    }

    pub(super) fn overflow(&mut self, id: u64) {
        self.tell(|| format!("link {id} is too slow"));
        self.tally.slow += 1;
        self.end(id, Close::new(Code::SlowConsumer));
    }

    /// Ends a connection for a reason of the server's.
    pub(super) fn end(&mut self, id: u64, close: Close) {
        let now = self.now;
        if let Some(link) = self.links.get_mut(&id) {
            link.session.handle_close(now, close);
        }
        self.drive(id);
    }

    pub(super) fn tick_link(&mut self, id: u64) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.server_gone) else { return };
        if link.server_told.is_some_and(|at| at <= now) {
            return self.remove(id);
        }
        self.read(id);
        self.answer(id);
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.server_gone) else { return };
        link.has_room = false;
        link.flush(now, &mut self.dice);
        if link.is_served() && link.queue.check(now, &link.limits).is_err() {
            self.overflow(id);
        }
        self.pull(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        link.session.handle_timeout(now);
        self.drive(id);
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Phase::Closing(until) = link.phase
            && (until <= now || link.queue.is_empty())
        {
            self.remove(id);
        }
        self.check_memory(id);
    }

    /// Takes what came from the client.
    fn read(&mut self, id: u64) {
        let now = self.now;
        loop {
            let Some(link) = self.links.get_mut(&id).filter(|link| !link.server_gone) else { return };
            let Some(packet) = link.up.receive(now) else { return };
            if !link.is_served() {
                // Behind our close frame nothing matters.
                continue;
            }
            link.session.handle_bytes(now);
            match packet {
                Packet::Message(message) => {
                    let rates = &mut self.nodes[link.node].rates;
                    let rate = link.session.user().map(|user| rates.entry(user.as_u64()).or_default());
                    link.session.handle_message(now, &message, rate);
                }
                Packet::Ping => link.session.handle_ping(now, b""),
                Packet::Pong => link.session.handle_pong(now),
                Packet::Close(code, _) => link.session.handle_closed_by_peer(now, code),
            }
            self.drive(id);
        }
    }

    /// Does what a session wants, until it wants nothing more.
    pub(super) fn drive(&mut self, id: u64) {
        while let Some(link) = self.links.get_mut(&id).filter(|link| !link.server_gone) {
            let Some(output) = link.session.poll_output() else { break };
            match output {
                SessionOutput::Authenticate { session_id } => {
                    link.asked_at = self.nodes[link.node].place;
                    let session = session_id.strip_prefix("secret-").and_then(|number| number.parse().ok());
                    self.ask(id, Ask::Who { session: session.expect("a secret of this world") });
                }
                SessionOutput::Replay { user, after } => {
                    let session = link.session.session_id().map_or(0, |session| session.as_u64());
                    link.ear = Some(Ear::new(user.as_u64(), session, after.map(|after| after.as_u64())));
                    self.arrive(id, Ask::State { after });
                }
                SessionOutput::Send(frame) => {
                    if link.send(self.now, &mut self.dice, frame, Lane::Live).is_err() {
                        self.overflow(id);
                    }
                }
                SessionOutput::Presence(presence) => {
                    if let (Some(user), Some(desk)) = (link.session.user(), &mut self.nodes[link.node].desk) {
                        desk.machine.handle_chosen(self.now, user, Mark(link.mark), *presence);
                    }
                }
                SessionOutput::Close(close) => self.begin_close(id, &close),
            }
        }
    }

    /// The user of a connection is known. Revocations between the question and now are not in the tables yet.
    fn arrive(&mut self, id: u64, ask: Ask) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(who) = link.session.principal() else { return };
        let place = self.nodes[link.node].place;
        let met = self.platform.after(link.asked_at).iter().take_while(|entry| entry.seq <= place);
        let is_revoked = met.into_iter().any(|entry| match entry.change {
            Some(Change::SessionRevoked { session }) => session == who.session,
            Some(Change::UserRevoked { user }) => user == who.user,
            _ => false,
        });
        if is_revoked {
            return self.end(id, Close::new(Code::Revoked));
        }
        link.standing = Standing::Known;
        self.ask(id, ask);
    }

    /// Asks the store: it reads at one moment, and its answer comes at a later one.
    pub(super) fn ask(&mut self, id: u64, ask: Ask) {
        let slow = if self.now < self.hiccup_until { 2_000 } else { 120 };
        let read_at = self.now + self.dice.millis(1, slow);
        let due = read_at + self.dice.millis(0, slow);
        if let Some(link) = self.links.get_mut(&id) {
            link.question = Some(Question { read_at, due, ask, answer: None });
        }
    }

    fn begin_close(&mut self, id: u64, close: &Close) {
        self.tell(|| format!("link {id} is closed by the server: {close:?}"));
        self.unsubscribe(id);
        let now = self.now;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.phase = Phase::Closing(now + CLOSE_TIMEOUT);
        link.question = None;
        if close.code == Code::SlowConsumer as u16 {
            link.cut_queue(now);
        }
        link.send(now, &mut self.dice, close.frame(), Lane::CatchUp).expect("what catches up does not count");
    }

    /// The server drops a connection: what was written may still arrive.
    fn remove(&mut self, id: u64) {
        self.unsubscribe(id);
        if let Some(link) = self.links.get_mut(&id) {
            link.server_gone = true;
            self.nodes[link.node].slots[link.slot as usize] = None;
        }
    }

    fn unsubscribe(&mut self, id: u64) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let standing = std::mem::replace(&mut link.standing, Standing::Stranger);
        let Some(user) = link.session.user().filter(|_| standing == Standing::Subscribed) else { return };
        let node = &mut self.nodes[link.node];
        node.subscriptions.unsubscribe(Slot(link.slot), user);
        if let Some(desk) = &mut node.desk {
            desk.machine.handle_disconnected(self.now, user, Mark(link.mark));
            self.judge.disconnected(self.now, user.as_u64());
        }
    }

    /// The connection has had everything up to where its node stands: it hears what comes from now on.
    pub(super) fn go_live(&mut self, id: u64) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(user) = link.session.user() else { return };
        let Phase::CatchingUp(catch_up) = std::mem::replace(&mut link.phase, Phase::Open) else { return };
        link.standing = Standing::Subscribed;
        link.session.handle_live(now);
        let node = &mut self.nodes[link.node];
        node.subscriptions.subscribe(Slot(link.slot), user, catch_up.into_guilds());
        if let Some(desk) = &mut node.desk {
            let last = self.platform.chosen.get(&user.as_u64()).cloned();
            desk.machine.handle_connected(now, user, Mark(link.mark), last);
            self.judge.connected(user.as_u64());
        }
    }

    /// What waits for one connection is bounded, whatever its reader does.
    fn check_memory(&mut self, id: u64) {
        /// A frame of this world is smaller.
        const LARGEST: usize = 700;
        let Some(link) = self.links.get(&id) else { return };
        let (counted, all) = (link.queue.bytes(), link.queue.chunks().map(<[u8]>::len).sum::<usize>());
        if counted > self.plan.queue.max(LARGEST)
            || all > self.plan.queue.max(LARGEST) + super::catching_up::LIMITS.chunk_bytes + 2 * LARGEST
        {
            self.blame(|| format!("link {id} holds {counted} bytes of live events, {all} in all"));
        }
    }
}

/// The user's object as READY carries it.
pub(crate) fn user_object(user: u64) -> Box<serde_json::value::RawValue> {
    let json = format!(r#"{{"id":{},"username":"u"}}"#, id(user));
    serde_json::value::RawValue::from_string(json).expect("JSON")
}
