//! The client's end: any order of what can happen to it, on a virtual clock.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use sanmon_core::codec::{Encoding, Message, check_json};
use sanmon_core::event::{Presence, PresenceKind, Seq};
use sanmon_core::gateway::{Advice, Client, ClientOptions, ClientOutput, ClientState, EndReason, Incoming, Kind};
use sanmon_core::time::Moment;

/// The most operations of a run.
const LONGEST: usize = 300;
/// The longest that anything makes a client stay away: what a server can ask for, or a back-off.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Outputs of one input: none makes the client say more.
const MOST_OUTPUTS: usize = 8;

/// One thing that happens to a client.
#[derive(Arbitrary, Debug)]
enum Operation<'a> {
    /// Time goes by, in milliseconds; the driver wakes the client at each deadline on the way.
    Wait(u16),
    /// Time goes by to the deadline.
    Sleep,
    /// The machine sleeps, in seconds: no deadline is heard of until it wakes.
    Away(u16),
    Wake,
    Discovered,
    DiscoveryFailed {
        retry_after_ms: Option<u32>,
    },
    Opened,
    Session,
    SessionFailed,
    Bytes,
    Ready {
        s: Option<u8>,
        guilds: u8,
        has_url: bool,
        ping_ms: Option<u16>,
    },
    GuildInit,
    Resumed {
        is_asked: bool,
        s: Option<u8>,
    },
    Reconnect {
        has_url: bool,
        delay_ms: u32,
    },
    Pong,
    Event {
        s: Option<u8>,
    },
    Fault,
    Closed {
        code: Option<u16>,
        reason: &'a str,
    },
    /// Closed with a code of the gateway's own, and for how long to stay away.
    Sent {
        code: u8,
        ms: Option<u32>,
    },
    Presence,
    Stop,
}

/// What an event is, and its place, as the user gets it.
#[derive(Clone, Copy, Debug)]
enum Payload {
    Ready(Option<Seq>),
    Resumed(Option<Seq>),
    GuildInit,
    Event(Option<Seq>),
    Control,
}

/// What the driver holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    None,
    /// A connection is being opened.
    Opening,
    /// It is open and nothing was said.
    Open,
    /// The session id was sent.
    Identified,
}

struct Run {
    client: Client<Payload>,
    now: Moment,
    link: Link,
    is_discovering: bool,
    is_ended: bool,
    /// The user has seen a READY, or brought a position.
    has_state: bool,
    /// A Reset came, and its READY has not come yet.
    is_reset: bool,
    /// The place of the last event that the user has.
    last: Option<Seq>,
    /// What the last identify asked for.
    asked: Option<Seq>,
}

/// Takes the first byte as the options and the rest as operations, one after the other.
pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let (how, seed): (u8, u64) = input.arbitrary().unwrap_or_default();
    let mut run = Run::new(how, seed);
    for _ in 0..LONGEST {
        if input.is_empty() {
            break;
        }
        let Ok(operation) = input.arbitrary() else { break };
        run.happen(&operation);
        run.drain(&operation);
    }
}

impl Run {
    fn new(how: u8, seed: u64) -> Self {
        let now = Moment::from_millis(1_000_000);
        let options = ClientOptions {
            encoding: if how & 1 == 0 { Encoding::Json } else { Encoding::Zlib },
            position: (how & 2 != 0).then(|| Seq::new(40)),
            url: (how & 4 != 0).then(|| "wss://given".to_owned()),
            ..ClientOptions::default()
        };
        let (has_state, last) = (options.position.is_some(), options.position);
        let client = Client::new(now, options, seed);
        let (link, is_discovering, is_ended, is_reset) = (Link::None, false, false, false);
        let mut run = Self { client, now, link, is_discovering, is_ended, has_state, is_reset, last, asked: None };
        run.drain(&Operation::Bytes);
        run
    }

    /// Hands an operation to the client, if a driver could see it happen.
    fn happen(&mut self, operation: &Operation<'_>) {
        let now = self.now;
        match *operation {
            Operation::Wait(millis) => self.wait(Duration::from_millis(millis.into()), operation),
            Operation::Sleep => {
                if let Some(deadline) = self.client.deadline() {
                    self.now = now.max(deadline);
                    self.client.handle_timeout(self.now);
                }
            }
            Operation::Away(seconds) => self.now = now + Duration::from_secs(seconds.into()),
            Operation::Wake => self.client.handle_wake(now),
            Operation::Discovered if self.is_discovering => {
                self.is_discovering = false;
                self.client.handle_discovered(now, "wss://found".to_owned());
            }
            Operation::DiscoveryFailed { retry_after_ms } if self.is_discovering => {
                self.is_discovering = false;
                let retry_after = retry_after_ms.map(|millis| Duration::from_millis(millis.into()));
                self.client.handle_discovery_failed(now, retry_after);
            }
            Operation::Opened if self.link == Link::Opening => {
                self.link = Link::Open;
                self.client.handle_opened(now);
            }
            Operation::Session if self.link == Link::Open => self.client.handle_session(now, "secret"),
            Operation::SessionFailed if self.link == Link::Open => self.client.handle_session_failed(now),
            Operation::Presence => self.client.handle_presence(now, &Presence::of(PresenceKind::Idle)),
            Operation::Stop => {
                self.client.handle_stop(now);
                assert_eq!(self.client.deadline(), None);
            }
            Operation::Closed { code, reason } if self.link != Link::None => self.closed(code, reason),
            Operation::Sent { code, ms } if self.link != Link::None => {
                let codes = sanmon_core::gateway::CODES;
                let reason = ms.map_or_else(String::new, |ms| format!("{{\"ms\":{ms}}}"));
                self.closed(Some(codes[usize::from(code) % codes.len()].code), &reason);
            }
            Operation::Bytes if self.link != Link::None => self.client.handle_bytes(now),
            Operation::Fault if matches!(self.link, Link::Open | Link::Identified) => self.client.handle_fault(now),
            _ if matches!(self.link, Link::Open | Link::Identified) => self.incoming(operation),
            _ => {}
        }
    }

    fn incoming(&mut self, operation: &Operation<'_>) {
        let place = |s: Option<u8>| s.map(|s| Seq::new(s.into()));
        let url = |has_url: bool| has_url.then(|| "wss://next".to_owned());
        let (kind, s, payload) = match *operation {
            Operation::Ready { s, guilds, has_url, ping_ms } => {
                let ping_interval = ping_ms.map(|millis| Duration::from_millis(millis.into()));
                let guilds = u32::from(guilds % 4);
                let ready = Kind::Ready { guilds, url: url(has_url), ping_interval, ping_timeout: ping_interval };
                (ready, place(s), Payload::Ready(place(s)))
            }
            Operation::GuildInit => (Kind::GuildInit, None, Payload::GuildInit),
            Operation::Resumed { is_asked, s } => {
                let s = if is_asked { self.asked } else { place(s) };
                (Kind::Resumed, s, Payload::Resumed(s))
            }
            Operation::Reconnect { has_url, delay_ms } => {
                let delay = Duration::from_millis(delay_ms.into());
                (Kind::Reconnect { url: url(has_url), delay }, None, Payload::Control)
            }
            Operation::Pong => (Kind::Pong, None, Payload::Control),
            Operation::Event { s } => (Kind::Other, place(s), Payload::Event(place(s))),
            _ => return,
        };
        self.client.handle_incoming(self.now, Incoming { kind, s, payload });
    }

    /// The connection ended, and says so.
    fn closed(&mut self, code: Option<u16>, reason: &str) {
        self.link = Link::None;
        self.client.handle_closed(self.now, code, reason);
        let stops = Advice::of(code.unwrap_or(1006)) == Advice::Stop;
        assert_eq!(self.client.deadline().is_none(), stops, "{code:?}");
    }

    /// Lets time go by as a driver does.
    fn wait(&mut self, span: Duration, operation: &Operation<'_>) {
        let (end, mut at_once) = (self.now + span, 0);
        while let Some(deadline) = self.client.deadline().filter(|deadline| *deadline <= end) {
            at_once = if deadline > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 4, "a deadline that stays");
            self.now = self.now.max(deadline);
            self.client.handle_timeout(self.now);
            self.drain(operation);
        }
        self.now = end;
    }

    /// Takes all outputs; each must fit what the driver holds.
    fn drain(&mut self, operation: &Operation<'_>) {
        let mut count = 0;
        while let Some(output) = self.client.poll_output() {
            assert!(!self.is_ended, "{output:?} after the end");
            count += 1;
            assert!(count <= MOST_OUTPUTS, "{output:?} of {operation:?}");
            self.take(output);
        }
        assert_eq!(self.client.deadline().is_none(), self.is_ended);
        if let Some(position) = self.client.position() {
            assert!(Some(position) <= self.last, "a position ahead of what the user has");
        }
        let deadline = self.client.deadline();
        if deadline.is_some_and(|deadline| deadline > self.now) {
            self.client.handle_timeout(self.now);
            assert!(self.client.poll_output().is_none(), "before the deadline");
            assert_eq!(self.client.deadline(), deadline);
        }
    }

    fn take(&mut self, output: ClientOutput<Payload>) {
        match output {
            ClientOutput::Discover => {
                assert_eq!(self.link, Link::None, "looks for a server while it has one");
                self.is_discovering = true;
            }
            ClientOutput::Connect { url } => {
                assert!(self.link == Link::None && !url.is_empty());
                (self.link, self.is_discovering) = (Link::Opening, false);
            }
            ClientOutput::NeedSession => assert_eq!(self.link, Link::Open),
            ClientOutput::Send(message) => self.sent(&message),
            ClientOutput::Event(payload) => self.event(payload),
            ClientOutput::Reset => {
                assert!(self.has_state && !self.is_reset, "a reset of nothing");
                self.is_reset = true;
            }
            ClientOutput::State(ClientState::Waiting { ms }) => {
                assert!(Duration::from_millis(ms) <= LONGEST_WAIT, "stays away for {ms} ms");
                self.is_discovering = false;
            }
            ClientOutput::State(_) => {}
            ClientOutput::Close(close) => {
                crate::wire::assert_close(&close);
                assert_ne!(self.link, Link::None, "closes what is not there");
                self.link = Link::None;
            }
            ClientOutput::Ended(reason) => {
                if let EndReason::Refused { code, .. } = reason {
                    assert_eq!(Advice::of(code), Advice::Stop);
                }
                assert_eq!(self.link, Link::None, "ends and leaves a connection open");
                self.is_ended = true;
            }
        }
    }

    fn sent(&mut self, message: &Message) {
        let Message::Text(text) = message else { panic!("a client that sends bytes") };
        let text = std::str::from_utf8(text).expect("UTF-8");
        check_json(text).expect("JSON as the protocol has it");
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        if self.link == Link::Open {
            assert_eq!(value["session_id"], "secret", "something before identify");
            self.asked = value["seq"].as_u64().map(Seq::new);
            assert_eq!(self.asked, self.client.position());
            self.link = Link::Identified;
        } else {
            assert_eq!(self.link, Link::Identified, "sends where nothing is open");
            assert!(value["t"] == "PING" || value["t"] == "PRESENCE_UPDATE", "{text}");
        }
    }

    /// Each event once and in order, or a reset before the READY that replaces everything.
    fn event(&mut self, payload: Payload) {
        assert_eq!(self.link, Link::Identified, "an event from nowhere");
        match payload {
            Payload::Ready(s) => {
                assert_eq!(self.is_reset, self.has_state, "a READY replaces what the user has, untold");
                (self.last, self.is_reset, self.has_state) = (s, false, true);
            }
            Payload::Resumed(s) => {
                assert!(s.is_some() && s == self.asked, "resumed somewhere else");
                assert!(s <= self.last, "resumed behind a gap");
            }
            Payload::Event(Some(s)) => {
                assert!(Some(s) > self.last, "{s:?} after {:?}", self.last);
                self.last = Some(s);
            }
            Payload::Event(None) | Payload::GuildInit => {}
            Payload::Control => panic!("a control frame for the user"),
        }
        assert!(!self.is_reset, "something between a reset and its READY");
    }
}
