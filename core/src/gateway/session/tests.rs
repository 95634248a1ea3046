//! What a session says to good and to bad clients.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

use crate::codec::{Message, decode, deflate};
use crate::event::Presence;
use crate::event::PresenceKind;
use crate::gateway::RateWindow;

const START: Moment = Moment::from_millis(1_000_000);

struct Harness {
    session: Session,
    rate: RateWindow,
    now: Moment,
}

fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}

fn text(text: &str) -> Message {
    Message::Text(Bytes::copy_from_slice(text.as_bytes()))
}

impl Harness {
    fn new() -> Self {
        let limits = Arc::new(Limits::default());
        Self { session: Session::new(START, limits, 4_999), rate: RateWindow::default(), now: START }
    }

    /// A connection that identified with `identify` and is live.
    fn live(identify: &str) -> Self {
        let mut harness = Self::new();
        harness.message(&text(identify));
        harness.authenticate(None);
        harness.ready();
        harness.session.handle_live(harness.now);
        harness.outputs();
        harness
    }

    fn message(&mut self, message: &Message) {
        let rate = self.session.user().map(|_| &mut self.rate);
        self.session.handle_message(self.now, message, rate);
    }

    fn say(&mut self, json: &str) -> Vec<SessionOutput> {
        self.message(&text(json));
        self.outputs()
    }

    fn authenticate(&mut self, expires: Option<Moment>) {
        self.session.handle_authenticated(self.now, Some(Principal { user: id(5), session: id(50), expires }));
    }

    fn ready(&mut self) {
        let user = RawValue::from_string(r#"{"id":5,"z":1.50,"username":"ann"}"#.into()).unwrap();
        let resume_window = Duration::from_secs(300);
        let welcome = Welcome { user: &user, guilds: 2, url: "wss://gw/gateway", resume_window };
        self.session.handle_ready(self.now, Seq::new(77), &welcome);
    }

    fn outputs(&mut self) -> Vec<SessionOutput> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    /// The code of the close that must be the last thing to come out, now and ever.
    fn closed(&mut self) -> u16 {
        let Some(SessionOutput::Close(close)) = self.outputs().pop() else { panic!("not closed: {:?}", self.session) };
        assert!(close.reason.len() <= 123);
        self.say(r#"{"t":"PING"}"#);
        self.session.handle_ping(self.now, b"x");
        self.session.handle_close(self.now, Close::new(Code::Internal));
        self.authenticate(None);
        self.ready();
        self.session.handle_drain(self.now, &Reconnect { url: None, delay_ms: 1 });
        self.session.handle_timeout(Moment::from_millis(u64::MAX));
        assert_eq!(self.outputs(), [], "after the close");
        assert_eq!(self.session.deadline(), None);
        close.code
    }

    /// What a first message earns.
    fn first(json: &str) -> u16 {
        let mut harness = Self::new();
        harness.message(&text(json));
        harness.closed()
    }

    /// What a message earns on a live connection.
    fn later(encoding: &str, message: &Message) -> u16 {
        let mut harness = Self::live(&format!(r#"{{"session_id":"x","encoding":"{encoding}"}}"#));
        harness.message(message);
        harness.closed()
    }
}

fn sent(output: &SessionOutput) -> &str {
    let SessionOutput::Send(frame) = output else { panic!("{output:?}") };
    assert_eq!(frame[0], 0x81, "a text frame");
    let header = if frame[1] < 126 { 2 } else { 4 };
    std::str::from_utf8(&frame[header..]).unwrap()
}

#[test]
fn a_client_that_only_identifies_becomes_live() {
    let mut harness = Harness::new();
    assert_eq!(
        harness.say(r#"{"session_id":"secret"}"#),
        [SessionOutput::Authenticate { session_id: "secret".into() }]
    );
    harness.authenticate(None);
    assert_eq!(harness.outputs(), [SessionOutput::Replay { user: id(5), after: None }]);
    harness.ready();
    let outputs = harness.outputs();
    let expected = concat!(
        r#"{"t":"READY","s":77,"d":{"user":{"id":5,"z":1.50,"username":"ann"},"guilds":2,"v":1,"url":"wss://gw/gateway","#,
        r#""resume_window_ms":300000,"ping_interval_ms":20000,"ping_timeout_ms":20000}}"#
    );
    assert_eq!(outputs.iter().map(sent).collect::<Vec<_>>(), [expected]);
    assert!(!harness.session.is_live());
    harness.session.handle_live(harness.now);
    assert!(harness.session.is_live() && harness.outputs().is_empty());
    assert_eq!((harness.session.user(), harness.session.session_id()), (Some(id(5)), Some(id(50))));
}

#[test]
fn a_resume_is_answered_either_way() {
    for resumed in [true, false] {
        let mut harness = Harness::new();
        harness.say(r#"{"session_id":"x","seq":70}"#);
        harness.authenticate(None);
        assert_eq!(harness.outputs(), [SessionOutput::Replay { user: id(5), after: Some(Seq::new(70)) }]);
        if resumed {
            harness.session.handle_resumed(harness.now, Seq::new(70), 3);
            assert_eq!(sent(&harness.outputs()[0]), r#"{"t":"RESUMED","s":70,"d":{"replayed":3}}"#);
        } else {
            harness.ready();
            assert!(sent(&harness.outputs()[0]).ends_with(r#""resumed":false}}"#));
        }
    }
}

#[test]
fn a_zlib_client_gets_binary_control_frames_and_may_send_both_kinds() {
    let mut harness = Harness::live(r#"{"session_id":"x","encoding":"zlib"}"#);
    for message in [text(r#"{"t":"PING"}"#), Message::Binary(deflate(br#"{"t":"PING"}"#).into())] {
        harness.message(&message);
        let [SessionOutput::Send(frame)] = &harness.outputs()[..] else { panic!("no answer") };
        assert_eq!(frame[0], 0x82);
        let pong = Message::Binary(frame.slice(2..));
        assert_eq!(decode(&pong, Encoding::Zlib, 100).unwrap(), r#"{"t":"PONG"}"#);
    }
}

#[test]
fn a_pong_carries_the_pings_d_to_the_letter() {
    let mut harness = Harness::live(r#"{"session_id":"x"}"#);
    let outputs = harness.say(r#"{"t":"PING","d":{"b":1.0, "a":[123456789012345678901234567890]}}"#);
    assert_eq!(sent(&outputs[0]), r#"{"t":"PONG","d":{"b":1.0, "a":[123456789012345678901234567890]}}"#);
    assert_eq!(sent(&harness.say(r#"{"t":"PING","d":null}"#)[0]), r#"{"t":"PONG","d":null}"#);
}

#[test]
fn bad_first_messages_have_their_codes() {
    for (json, code) in [
        ("", 4001),
        ("hello", 4001),
        ("[]", 4001),
        (r#"["x"]"#, 4001),
        ("\"session_id\"", 4001),
        ("{}", 4002),
        (r#"{"session_id":null}"#, 4002),
        (r#"{"session_id":7}"#, 4002),
        (r#"{"session_id":""}"#, 4002),
        (r#"{"session_id":"x","session_id":"y"}"#, 4001),
        (r#"{"session_id":"x","encoding":"etf"}"#, 4004),
        (r#"{"session_id":"x","encoding":1}"#, 4004),
        (r#"{"session_id":"x","seq":-1}"#, 4001),
        (r#"{"session_id":"x","seq":"1"}"#, 4001),
        (r#"{"t":"PING"}"#, 4005),
        (r#"{"t":"IDENTIFY","session_id":"x"}"#, 4005),
    ] {
        assert_eq!(Harness::first(json), code, "{json}");
    }
    let mut harness = Harness::new();
    harness.message(&Message::Binary(deflate(br#"{"session_id":"x","encoding":"zlib"}"#).into()));
    assert_eq!(harness.closed(), 4001);
}

#[test]
fn bad_later_messages_have_their_codes() {
    let json = |message| Harness::later("json", &message);
    let zlib = |message| Harness::later("zlib", &message);
    assert_eq!(json(text("{}")), 4001);
    assert_eq!(json(text("[\"PING\"]")), 4001);
    assert_eq!(json(text(r#"{"t":5}"#)), 4001);
    assert_eq!(json(text(r#"{"t":"READY"}"#)), 4001);
    assert_eq!(json(text(r#"{"t":"PRESENCE_UPDATE","d":{"type":9}}"#)), 4001);
    assert_eq!(json(text(r#"{"session_id":"x"}"#)), 4006);
    assert_eq!(json(text(&format!(r#"{{"t":"PING","d":{}{}}}"#, "[".repeat(128), "]".repeat(128)))), 4001);
    assert_eq!(json(Message::Text(Bytes::from_static(b"{\"t\":\"\xff\"}"))), 1007);
    assert_eq!(json(text(&" ".repeat(4097))), 1009);
    assert_eq!(json(Message::Binary(deflate(br#"{"t":"PING"}"#).into())), 4001);
    let stream = deflate(br#"{"t":"PING"}"#);
    assert_eq!(zlib(Message::Binary(Bytes::copy_from_slice(&stream[..stream.len() - 5]))), 4001);
    assert_eq!(zlib(Message::Binary(deflate(&vec![b' '; 4 << 20]).into())), 1009);
    assert_eq!(zlib(Message::Binary(deflate(&vec![b' '; 4097]).into())), 1009);
}

#[test]
fn a_nesting_of_128_levels_passes_and_no_more() {
    let mut harness = Harness::live(r#"{"session_id":"x"}"#);
    let d = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(sent(&harness.say(&format!(r#"{{"t":"PING","d":{d}}}"#))[0]), format!(r#"{{"t":"PONG","d":{d}}}"#));
}

#[test]
fn who_is_unknown_or_late_is_closed() {
    let mut harness = Harness::new();
    assert_eq!(harness.session.deadline(), Some(START + Duration::from_secs(10)));
    harness.session.handle_bytes(START + Duration::from_secs(9));
    harness.session.handle_timeout(START + Duration::from_millis(9_999));
    assert!(harness.outputs().is_empty());
    harness.session.handle_timeout(START + Duration::from_secs(10));
    assert_eq!(harness.closed(), 4005);

    let mut harness = Harness::new();
    harness.say(r#"{"session_id":"x"}"#);
    harness.session.handle_authenticated(harness.now, None);
    assert_eq!(harness.closed(), 4003);
}

#[test]
fn a_driver_that_does_not_answer_is_not_waited_for() {
    for authenticated in [false, true] {
        let mut harness = Harness::new();
        harness.say(r#"{"session_id":"x"}"#);
        if authenticated {
            harness.authenticate(None);
        }
        harness.session.handle_bytes(START + Duration::from_secs(29));
        harness.session.handle_timeout(START + Duration::from_secs(30));
        assert_eq!(harness.closed(), 4405);
    }
}

#[test]
fn before_it_is_live_pings_are_answered_and_the_last_presence_is_kept() {
    let mut harness = Harness::new();
    harness.say(r#"{"session_id":"x"}"#);
    assert_eq!(sent(&harness.say(r#"{"t":"PING","d":1}"#)[0]), r#"{"t":"PONG","d":1}"#);
    assert!(harness.say(r#"{"t":"PRESENCE_UPDATE","d":{"type":1}}"#).is_empty());
    harness.authenticate(None);
    harness.outputs();
    assert!(harness.say(r#"{"t":"PRESENCE_UPDATE","d":{"type":2}}"#).is_empty());
    harness.ready();
    harness.outputs();
    assert!(harness.say(r#"{"t":"PRESENCE_UPDATE","d":{"type":3}}"#).is_empty());
    harness.session.handle_live(harness.now);
    let presence = |kind| SessionOutput::Presence(Box::new(Presence::of(kind)));
    assert_eq!(harness.outputs(), [presence(PresenceKind::DoNotDisturb)]);
    assert_eq!(harness.say(r#"{"t":"PRESENCE_UPDATE","d":{"type":4}}"#), [presence(PresenceKind::Offline)]);

    let mut harness = Harness::new();
    harness.say(r#"{"session_id":"x"}"#);
    harness.message(&text(r#"{"session_id":"x"}"#));
    assert_eq!(harness.closed(), 4006);
}

#[test]
fn a_user_has_120_messages_a_minute_on_all_connections_together() {
    let (mut one, mut two) = (Harness::live(r#"{"session_id":"x"}"#), Harness::live(r#"{"session_id":"x"}"#));
    for _ in 0..59 {
        assert_eq!(one.say(r#"{"t":"PING"}"#).len(), 1);
    }
    std::mem::swap(&mut one.rate, &mut two.rate);
    for _ in 0..59 {
        assert_eq!(two.say(r#"{"t":"PING"}"#).len(), 1, "60 of the one, identify included, and as many of the other");
    }
    two.now = START + Duration::from_secs(15);
    two.message(&text(r#"{"t":"PING"}"#));
    let outputs = two.outputs();
    assert_eq!(outputs, [SessionOutput::Close(Close::after(Code::RateLimited, Duration::from_secs(45)))]);
}

#[test]
fn a_flood_before_the_user_is_known_is_bounded() {
    let mut harness = Harness::new();
    harness.say(r#"{"session_id":"x"}"#);
    for _ in 0..119 {
        assert_eq!(harness.say(r#"{"t":"PING"}"#).len(), 1);
    }
    harness.message(&text(r#"{"t":"PING"}"#));
    assert_eq!(harness.closed(), 4008);
}

#[test]
fn silence_is_pinged_and_then_timed_out() {
    let mut harness = Harness::live(r#"{"session_id":"x"}"#);
    let at = |millis| START + Duration::from_millis(millis);
    let ping = [SessionOutput::Send(Bytes::from_static(b"\x89\x00"))];
    assert_eq!(harness.session.deadline(), Some(at(5_000)), "the seed's phase");
    harness.session.handle_timeout(at(5_000));
    assert_eq!(harness.outputs(), ping);
    harness.session.handle_pong(at(6_000));
    harness.session.handle_timeout(at(25_999));
    assert!(harness.outputs().is_empty());
    harness.session.handle_timeout(at(26_000));
    assert_eq!(harness.outputs(), ping);
    assert_eq!(harness.session.deadline(), Some(at(46_000)));
    harness.session.handle_timeout(at(46_000));
    assert_eq!(harness.closed(), 4402);
}

#[test]
fn control_frames_are_answered_at_any_time() {
    let mut harness = Harness::new();
    harness.session.handle_ping(START, b"hey");
    assert_eq!(harness.outputs(), [SessionOutput::Send(Bytes::from_static(b"\x8a\x03hey"))]);
    harness.session.handle_closed_by_peer(START, Some(1001));
    assert_eq!(harness.closed(), 1001);
    for (fault, code) in [(Fault::Protocol("a reserved bit"), 1002), (Fault::BadUtf8, 1007), (Fault::TooBig, 1009)] {
        let mut harness = Harness::new();
        harness.session.handle_fault(START, fault);
        assert_eq!(harness.closed(), code);
    }
}

#[test]
fn a_session_ends_when_it_expires() {
    let mut harness = Harness::new();
    harness.say(r#"{"session_id":"x"}"#);
    let expires = START + Duration::from_secs(3);
    harness.authenticate(Some(expires));
    harness.ready();
    harness.session.handle_live(harness.now);
    assert_eq!(harness.session.deadline(), Some(expires));
    harness.session.handle_timeout(expires);
    assert_eq!(harness.closed(), 4102);
    assert_eq!(harness.session.user(), Some(id(5)), "still known, to clean up");
}

#[test]
fn a_drain_says_where_to_go_first() {
    let mut harness = Harness::live(r#"{"session_id":"x"}"#);
    let reconnect = Reconnect { url: Some("wss://other".into()), delay_ms: 2300 };
    harness.session.handle_drain(START, &reconnect);
    let outputs = harness.outputs();
    assert_eq!(sent(&outputs[0]), r#"{"t":"RECONNECT","d":{"url":"wss://other","delay_ms":2300}}"#);
    assert_eq!(outputs[1..], [SessionOutput::Close(Close { code: 4401, reason: r#"{"r":"drain","ms":2300}"#.into() })]);

    let mut stranger = Harness::new();
    stranger.session.handle_drain(START, &reconnect);
    assert_eq!(stranger.outputs().len(), 1, "who has not identified is only told to come back");
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<Session>() <= 200, "{} bytes", size_of::<Session>());
}

/// Messages of which some are good, some nearly, and some anything.
fn message() -> impl Strategy<Value = Message> {
    let json = prop_oneof![
        Just(r#"{"session_id":"x"}"#.to_owned()),
        Just(r#"{"session_id":"x","encoding":"zlib","seq":7}"#.to_owned()),
        Just(r#"{"t":"PING","d":[1]}"#.to_owned()),
        Just(r#"{"t":"PRESENCE_UPDATE","d":{"type":2}}"#.to_owned()),
        r#"\{"(t|session_id|seq|encoding|d)":("PING"|null|-1|\[\]|\{\}|".*")\}"#,
        ".{0,40}",
    ];
    prop_oneof![
        json.clone().prop_map(|json| Message::Text(json.into())),
        json.prop_map(|json| Message::Binary(deflate(json.as_bytes()).into())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Message::Text(bytes.into())),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Message::Binary(bytes.into())),
    ]
}

proptest! {
    /// Whatever is called in whatever order: no panic, nothing after a close, every deadline moves on once it was met.
    #[test]
    fn no_order_of_inputs_breaks_a_session(
        ops in prop::collection::vec((0u8..16, message(), 0u64..30_000), 0..60)
    ) {
        let mut harness = Harness::new();
        let mut closed = false;
        for (op, message, wait) in ops {
            let now = harness.now;
            match op {
                0..=5 => harness.message(&message),
                6 => harness.authenticate(Some(now + Duration::from_millis(wait))),
                7 => harness.authenticate(None),
                8 => harness.session.handle_authenticated(now, None),
                9 => harness.ready(),
                10 => harness.session.handle_resumed(now, Seq::new(wait), wait),
                11 => harness.session.handle_live(now),
                12 => harness.session.handle_ping(now, &vec![0; usize::try_from(wait % 130).unwrap()]),
                13 if wait < 5_000 => harness.session.handle_drain(now, &Reconnect { url: None, delay_ms: wait }),
                14 if wait < 5_000 => harness.session.handle_closed_by_peer(now, u16::try_from(wait).ok()),
                _ => {
                    harness.now = now + Duration::from_millis(wait);
                    harness.session.handle_timeout(harness.now);
                    prop_assert!(harness.session.deadline().is_none_or(|deadline| deadline > harness.now));
                }
            }
            for output in harness.outputs() {
                prop_assert!(!closed, "{:?} after the close", output);
                closed = matches!(output, SessionOutput::Close(_));
            }
            prop_assert_eq!(closed, harness.session.is_closed());
            prop_assert_eq!(closed, harness.session.deadline().is_none());
        }
    }
}
