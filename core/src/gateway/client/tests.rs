//! How a client finds its way in, and back.

use proptest::prelude::*;

use super::*;
use crate::codec::Encoding;
use crate::event::PresenceKind;
use crate::gateway::{Advice, Reason};

const START: Moment = Moment::from_millis(1_000_000);
const HOME: &str = "wss://home/gateway";

struct Harness {
    client: Client<u64>,
    now: Moment,
}

fn ready(s: u64, guilds: u32) -> Incoming<u64> {
    let kind = Kind::Ready { guilds, url: Some(HOME.into()), ping_interval: None, ping_timeout: None };
    Incoming { kind, s: Some(Seq::new(s)), payload: 0 }
}

fn resumed(s: u64) -> Incoming<u64> {
    Incoming { kind: Kind::Resumed, s: Some(Seq::new(s)), payload: 0 }
}

fn event(s: u64) -> Incoming<u64> {
    Incoming { kind: Kind::Other, s: Some(Seq::new(s)), payload: s }
}

impl Harness {
    fn new(options: ClientOptions) -> Self {
        Self { client: Client::new(START, options, 7), now: START }
    }

    /// A client on a link that answered the identify with `answer`.
    fn linked(answer: Incoming<u64>) -> Self {
        let mut harness = Self::new(ClientOptions::default());
        harness.answer(answer);
        harness
    }

    /// What comes out but for the news of the state.
    fn outputs(&mut self) -> Vec<ClientOutput<u64>> {
        let outputs = std::iter::from_fn(|| self.client.poll_output());
        outputs.filter(|output| !matches!(output, ClientOutput::State(_))).collect()
    }

    fn events(&mut self) -> Vec<u64> {
        let event = |output| if let ClientOutput::Event(s) = output { Some(s) } else { None };
        self.outputs().into_iter().filter_map(event).collect()
    }

    fn take(&mut self, incoming: Incoming<u64>) {
        self.client.handle_incoming(self.now, incoming);
    }

    /// Goes to the machine's deadline; how many milliseconds that took.
    fn wake(&mut self) -> u64 {
        let deadline = self.client.deadline().unwrap().max(self.now);
        let waited = deadline.since(self.now);
        self.now = deadline;
        self.client.handle_timeout(deadline);
        u64::try_from(waited.as_millis()).unwrap()
    }

    /// Lets the client connect and identify; what it sends.
    fn identify(&mut self) -> String {
        for output in self.outputs() {
            if output == ClientOutput::Discover {
                self.client.handle_discovered(self.now, "wss://found".into());
            }
        }
        self.client.handle_opened(self.now);
        self.client.handle_session(self.now, "secret");
        let sent = self.outputs().into_iter().rev().find_map(|output| match output {
            ClientOutput::Send(Message::Text(text)) => Some(String::from_utf8(text.to_vec()).unwrap()),
            _ => None,
        });
        sent.unwrap_or_else(|| panic!("nothing sent: {:?}", self.client))
    }

    fn answer(&mut self, answer: Incoming<u64>) {
        self.identify();
        self.take(answer);
    }

    fn close(&mut self, code: u16, reason: &str) {
        self.client.handle_closed(self.now, Some(code), reason);
    }
}

#[test]
fn the_way_in() {
    let mut harness = Harness::new(ClientOptions { encoding: Encoding::Zlib, ..ClientOptions::default() });
    assert_eq!(harness.outputs(), [ClientOutput::Discover]);
    harness.client.handle_discovered(START, "wss://found".into());
    assert_eq!(harness.outputs(), [ClientOutput::Connect { url: "wss://found".into() }]);
    harness.client.handle_opened(START);
    assert_eq!(harness.outputs(), [ClientOutput::NeedSession]);
    harness.client.handle_session(START, "a\"b");
    let identify = Message::Text(Bytes::from_static(br#"{"session_id":"a\"b","encoding":"zlib","v":1}"#));
    assert_eq!(harness.outputs(), [ClientOutput::Send(identify)]);
    harness.take(ready(50, 0));
    assert_eq!(harness.outputs(), [ClientOutput::Event(0)]);
    assert_eq!(harness.client.position(), Some(Seq::new(50)));
}

#[test]
fn a_position_counts_once_the_last_guild_came() {
    let mut harness = Harness::linked(ready(50, 2));
    let init = || Incoming { kind: Kind::GuildInit, s: None, payload: 1 };
    harness.take(init());
    harness.take(event(51));
    assert_eq!(harness.client.position(), None);
    harness.take(init());
    assert_eq!(harness.client.position(), Some(Seq::new(51)));
    for s in [50, 51, 60, 55, 60, 61] {
        harness.take(event(s));
    }
    harness.take(Incoming { kind: Kind::Other, s: None, payload: 7 });
    assert_eq!(harness.events(), [0, 1, 51, 1, 60, 61, 7], "doubles are dropped, what has no place is not");
    assert_eq!(harness.client.position(), Some(Seq::new(61)));
}

#[test]
fn a_lost_link_is_resumed_at_home() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.take(event(52));
    harness.outputs();
    harness.client.handle_closed(harness.now, None, "");
    assert!(harness.wake() <= 500);
    assert_eq!(harness.outputs(), [ClientOutput::Connect { url: HOME.into() }]);
    assert_eq!(harness.identify(), r#"{"session_id":"secret","encoding":"json","seq":52,"v":1}"#);
    harness.take(resumed(52));
    harness.take(event(52));
    harness.take(event(53));
    assert_eq!(harness.events(), [0, 53]);
}

#[test]
fn home_is_tried_once_and_then_asked_for_anew() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.client.handle_closed(harness.now, None, "");
    harness.wake();
    assert!(harness.outputs().contains(&ClientOutput::Connect { url: HOME.into() }));
    harness.client.handle_closed(harness.now, None, "");
    harness.wake();
    assert_eq!(harness.outputs(), [ClientOutput::Discover]);
}

#[test]
fn a_refused_resume_is_a_reset() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.client.handle_closed(harness.now, None, "");
    harness.wake();
    harness.identify();
    harness.take(ready(90, 1));
    assert_eq!(harness.outputs(), [ClientOutput::Reset, ClientOutput::Event(0)]);
    harness.client.handle_closed(harness.now, None, "");
    harness.wake();
    assert!(!harness.identify().contains("seq"), "the last GUILD_INIT did not come");
    harness.take(ready(91, 0));
    assert_eq!(harness.outputs(), [ClientOutput::Reset, ClientOutput::Event(0)]);

    let options = ClientOptions { position: Some(Seq::new(5)), url: Some(HOME.into()), ..ClientOptions::default() };
    let mut harness = Harness::new(options);
    assert!(harness.identify().contains(r#""seq":5"#));
    harness.take(ready(91, 0));
    assert_eq!(harness.outputs(), [ClientOutput::Reset, ClientOutput::Event(0)]);
}

#[test]
fn a_reconnect_is_followed_when_it_says() {
    for closes in [true, false] {
        let mut harness = Harness::linked(ready(50, 0));
        let kind = Kind::Reconnect { url: Some("wss://other".into()), delay: Duration::from_secs(7) };
        harness.take(Incoming { kind, s: None, payload: 0 });
        harness.take(event(51));
        assert_eq!(harness.events(), [0, 51]);
        if closes {
            harness.close(4401, r#"{"r":"drain","ms":7000}"#);
            assert_eq!(harness.wake(), 7000);
        } else {
            assert_eq!(harness.wake(), 7000);
            assert_eq!(harness.outputs(), [ClientOutput::Close(Close::new(Code::Ended))]);
            harness.wake();
        }
        assert_eq!(harness.outputs(), [ClientOutput::Connect { url: "wss://other".into() }]);
    }
}

#[test]
fn codes_are_taken_as_the_table_says() {
    for row in super::super::CODES {
        let mut harness = Harness::linked(ready(50, 0));
        harness.outputs();
        harness.close(row.code, &format!(r#"{{"r":"{}"}}"#, row.r));
        match row.advice {
            Advice::Stop => {
                let reason = Reason { r: Some(row.r.into()), ..Reason::default() };
                let ended = ClientOutput::Ended(EndReason::Refused { code: row.code, reason });
                assert_eq!(harness.outputs(), [ended], "{}", row.code);
                assert_eq!(harness.client.deadline(), None);
            }
            Advice::Reconnect => assert!(harness.wake() <= 500, "{}", row.code),
            Advice::BackOff => assert!((250..=500).contains(&harness.wake()), "{}", row.code),
        }
    }
    let mut harness = Harness::linked(ready(50, 0));
    harness.close(4008, r#"{"r":"rate_limited","ms":45000}"#);
    harness.client.handle_wake(harness.now);
    assert_eq!(harness.wake(), 45_000, "not even a wake comes back earlier");
}

#[test]
fn failures_wait_longer_and_a_stable_link_forgives() {
    let mut harness = Harness::new(ClientOptions::default());
    let mut longest = 0;
    for _ in 0..20 {
        harness.client.handle_discovery_failed(harness.now, None);
        longest = longest.max(harness.wake());
    }
    assert!((5_000..=20_000).contains(&longest), "{longest}");
    harness.client.handle_discovery_failed(harness.now, Some(Duration::from_secs(60)));
    assert_eq!(harness.wake(), 60_000);
    let mut waits = |stays: u64| {
        harness.answer(ready(50, 0));
        harness.now = harness.now + Duration::from_millis(stays);
        harness.client.handle_closed(harness.now, None, "");
        harness.wake()
    };
    let shaky = (0..20).map(|_| waits(29_999)).max();
    assert!(shaky > Some(5_000), "a link of less than 30 s forgives nothing: {shaky:?}");
    assert!(waits(30_000) <= 500);
}

#[test]
fn a_server_that_said_when_to_move_is_heeded_whatever_it_closes_with() {
    for (code, reason) in [(4005, ""), (4008, r#"{"ms":10}"#), (4402, ""), (4401, r#"{"ms":20}"#), (1006, "")] {
        let mut harness = Harness::linked(ready(50, 0));
        let kind = Kind::Reconnect { url: Some("wss://other".into()), delay: Duration::from_secs(7) };
        harness.take(Incoming { kind, s: None, payload: 0 });
        harness.outputs();
        harness.close(code, reason);
        harness.client.handle_wake(harness.now);
        assert_eq!(harness.wake(), 7_000, "{code}");
        assert_eq!(harness.outputs(), [ClientOutput::Connect { url: "wss://other".into() }], "{code}");
    }
}

#[test]
fn time_is_told_by_the_clock_and_never_by_counting_calls() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.outputs();
    for _ in 0..1_000 {
        harness.client.handle_timeout(harness.now);
    }
    assert_eq!(harness.outputs(), [], "a thousand calls are no time");
    // Timers that came an hour late have heard nothing for an hour, and yet a question comes first.
    harness.now = harness.now + Duration::from_secs(3_600);
    harness.client.handle_timeout(harness.now);
    assert!(matches!(harness.outputs()[..], [ClientOutput::Send(_)]));
    harness.client.handle_bytes(harness.now);
    assert_eq!(harness.wake(), 25_000, "any bytes are an answer");
}

#[test]
fn every_step_is_bounded() {
    let mut harness = Harness::new(ClientOptions::default());
    let step = 15_000;
    assert_eq!(harness.wake(), step, "discovery");
    harness.wake();
    harness.outputs();
    harness.client.handle_discovered(harness.now, HOME.into());
    assert_eq!(harness.wake(), step, "connecting");
    harness.wake();
    harness.client.handle_discovered(harness.now, HOME.into());
    harness.client.handle_opened(harness.now);
    assert_eq!(harness.wake(), step, "a session id");
    harness.wake();
    harness.identify();
    assert_eq!(harness.wake(), step, "an answer");
    assert_eq!(harness.outputs(), [ClientOutput::Close(Close::new(Code::TimedOut))]);
}

#[test]
fn silence_is_asked_about_and_then_left() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.outputs();
    let ping = || ClientOutput::Send(Message::Text(Bytes::from_static(br#"{"t":"PING"}"#)));
    assert_eq!((harness.wake(), harness.outputs()), (25_000, vec![ping()]));
    harness.take(Incoming { kind: Kind::Pong, s: None, payload: 0 });
    assert_eq!((harness.wake(), harness.outputs()), (25_000, vec![ping()]));
    assert_eq!((harness.wake(), harness.outputs()), (20_000, vec![ClientOutput::Close(Close::new(Code::TimedOut))]));
}

#[test]
fn a_wake_asks_at_once_and_is_not_patient() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.outputs();
    harness.now = harness.now + Duration::from_secs(44);
    harness.client.handle_wake(harness.now);
    assert!(matches!(harness.outputs()[..], [ClientOutput::Send(_)]));
    assert_eq!(harness.wake(), 5_000);
    assert!(matches!(harness.outputs()[..], [ClientOutput::Close(_)]));
    harness.client.handle_wake(harness.now);
    assert_eq!(harness.outputs(), [ClientOutput::Connect { url: HOME.into() }], "no waiting either");

    let mut harness = Harness::linked(ready(50, 0));
    harness.outputs();
    harness.now = harness.now + Duration::from_secs(46);
    harness.client.handle_wake(harness.now);
    assert!(matches!(harness.outputs()[..], [ClientOutput::Close(_)]), "silent for longer than a live server is");
}

#[test]
fn what_makes_no_sense_ends_the_link_and_not_the_client() {
    for nonsense in [resumed(1), event(5), Incoming { kind: Kind::GuildInit, s: None, payload: 0 }] {
        let mut harness = Harness::new(ClientOptions::default());
        harness.answer(nonsense);
        assert_eq!(harness.outputs(), [ClientOutput::Close(Close::new(Code::BadMessage))]);
        harness.wake();
        assert!(!harness.identify().contains("seq"));
    }
    let mut harness = Harness::linked(ready(50, 0));
    harness.take(ready(51, 0));
    assert_eq!(harness.outputs()[1..], [ClientOutput::Close(Close::new(Code::BadMessage))]);
}

#[test]
fn a_presence_is_said_on_every_link() {
    let mut harness = Harness::new(ClientOptions::default());
    harness.client.handle_presence(START, &Presence::of(PresenceKind::Idle));
    harness.answer(ready(50, 0));
    let said = Message::Text(Bytes::from_static(br#"{"t":"PRESENCE_UPDATE","d":{"type":2}}"#));
    assert_eq!(harness.outputs(), [ClientOutput::Event(0), ClientOutput::Send(said.clone())]);
    harness.client.handle_closed(harness.now, None, "");
    harness.wake();
    harness.answer(resumed(50));
    assert_eq!(harness.outputs(), [ClientOutput::Event(0), ClientOutput::Send(said)]);
}

#[test]
fn a_client_that_was_stopped_is_silent() {
    let mut harness = Harness::linked(ready(50, 0));
    harness.outputs();
    harness.client.handle_stop(START);
    let closed = ClientOutput::Close(Close::new(Code::Ended));
    assert_eq!(harness.outputs(), [closed, ClientOutput::Ended(EndReason::Stopped)]);
    harness.take(event(60));
    harness.close(1000, "");
    harness.client.handle_stop(START);
    harness.client.handle_wake(START);
    harness.client.handle_fault(START);
    harness.client.handle_presence(START, &Presence::of(PresenceKind::Idle));
    harness.client.handle_timeout(Moment::from_millis(u64::MAX));
    assert_eq!((harness.outputs(), harness.client.deadline()), (vec![], None));
}

fn incoming() -> impl Strategy<Value = Incoming<u64>> {
    let millis = || (0u64..40_000).prop_map(Duration::from_millis);
    let kind = prop_oneof![
        1 => (0u32..3, prop::option::of(millis())).prop_map(|(guilds, ping_interval)| Kind::Ready {
            guilds,
            url: None,
            ping_interval,
            ping_timeout: ping_interval,
        }),
        1 => Just(Kind::GuildInit),
        1 => Just(Kind::Resumed),
        1 => millis().prop_map(|delay| Kind::Reconnect { url: None, delay }),
        1 => Just(Kind::Pong),
        4 => Just(Kind::Other),
    ];
    let s = prop::option::of((0u64..20).prop_map(Seq::new));
    (kind, s).prop_map(|(kind, s)| Incoming { kind, s, payload: s.map_or(0, Seq::as_u64) })
}

proptest! {
    /// Whatever is called in whatever order: no panic, nothing after the end, every deadline moves on once it was met, and
    /// no place is told of twice without a reset in between.
    #[test]
    fn no_order_of_inputs_breaks_a_client(
        ops in prop::collection::vec((0u8..20, incoming(), 0u64..30_000, any::<u16>()), 0..80)
    ) {
        let mut harness = Harness::new(ClientOptions::default());
        let (mut ended, mut last) = (false, 0);
        for (op, incoming, wait, code) in ops {
            let now = harness.now;
            let client = &mut harness.client;
            let event = matches!(incoming.kind, Kind::Other) && incoming.s.is_some();
            match op {
                0..=6 => client.handle_incoming(now, incoming),
                7 | 8 => client.handle_discovered(now, HOME.into()),
                9 => client.handle_discovery_failed(now, Some(Duration::from_millis(wait))),
                10 | 11 => client.handle_opened(now),
                12 | 13 => client.handle_session(now, "secret"),
                14 => client.handle_session_failed(now),
                15 => client.handle_closed(now, Some(code), r#"{"ms":5}"#),
                16 => client.handle_closed(now, None, "bye"),
                17 => client.handle_wake(now),
                18 if wait < 1_000 => client.handle_stop(now),
                _ => {
                    harness.now = now + Duration::from_millis(wait);
                    client.handle_timeout(harness.now);
                    prop_assert!(client.deadline().is_none_or(|deadline| deadline > harness.now));
                }
            }
            while let Some(output) = harness.client.poll_output() {
                prop_assert!(!ended, "{:?} after the end", output);
                match output {
                    ClientOutput::Ended(_) => ended = true,
                    ClientOutput::Reset => last = 0,
                    ClientOutput::Event(s) if event && op <= 6 => {
                        prop_assert!(s > last || s == 0, "{} after {}", s, last);
                        last = s;
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(ended, harness.client.deadline().is_none());
        }
    }
}
