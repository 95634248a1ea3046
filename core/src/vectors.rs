//! The wire vectors: data files that tests of every language read, held against this crate.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codec::{Encoding, Message, decode};
use crate::event::{Envelope, Event, Seq};
use crate::gateway::{Advice, Limits, Principal, RateWindow, Session, SessionOutput, Welcome};
use crate::id::Id;
use crate::time::Moment;

const NOW: Moment = Moment::from_millis(1_000_000);

fn cases<T: DeserializeOwned>(file: &str) -> Vec<T> {
    #[derive(Deserialize)]
    struct File<T> {
        cases: Vec<T>,
    }

    serde_json::from_str::<File<T>>(file).unwrap().cases
}

fn session() -> Session {
    Session::new(NOW, Arc::new(Limits::default()), 0)
}

fn say(session: &mut Session, text: &str) -> Vec<SessionOutput> {
    let message = Message::Text(Bytes::copy_from_slice(text.as_bytes()));
    session.handle_message(NOW, &message, session.user().map(|_| RateWindow::default()).as_mut());
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn authenticate(session: &mut Session) {
    let id = Id::new(1).unwrap();
    session.handle_authenticated(NOW, Some(Principal { user: id, session: id, expires: None }));
}

#[test]
fn identify() {
    #[derive(Debug, Deserialize)]
    struct Case {
        text: String,
        close: Option<u16>,
        session_id: Option<String>,
        encoding: Option<Encoding>,
        seq: Option<Seq>,
    }

    for case in cases::<Case>(include_str!("vectors/identify.json")) {
        let mut session = session();
        match &say(&mut session, &case.text)[..] {
            [SessionOutput::Close(close)] => assert_eq!(Some(close.code), case.close, "{case:?}"),
            [SessionOutput::Authenticate { session_id }] => {
                assert_eq!((Some(session_id), case.close), (case.session_id.as_ref(), None), "{case:?}");
                assert_eq!(Some(session.encoding()), case.encoding, "{case:?}");
                authenticate(&mut session);
                let Some(SessionOutput::Replay { after, .. }) = session.poll_output() else { panic!("{case:?}") };
                assert_eq!(after, case.seq, "{case:?}");
            }
            other => panic!("{other:?} to {case:?}"),
        }
    }
}

#[test]
fn requests() {
    #[derive(Debug, Deserialize)]
    struct Case {
        text: String,
        close: Option<u16>,
        answer: Option<String>,
        presence: Option<Value>,
    }

    for case in cases::<Case>(include_str!("vectors/requests.json")) {
        let mut session = session();
        say(&mut session, r#"{"session_id":"x"}"#);
        authenticate(&mut session);
        let user = serde_json::value::to_raw_value(&Value::Null).unwrap();
        let resume_window = std::time::Duration::ZERO;
        session.handle_ready(NOW, Seq::new(1), &Welcome { user: &user, guilds: 0, url: "", resume_window });
        session.handle_live(NOW);
        while session.poll_output().is_some() {}
        match &say(&mut session, &case.text)[..] {
            [SessionOutput::Close(close)] => assert_eq!(Some(close.code), case.close, "{case:?}"),
            [SessionOutput::Send(frame)] => {
                let answer = case.answer.as_ref().unwrap_or_else(|| panic!("{frame:?} to {case:?}"));
                assert_eq!(&frame[frame.len() - answer.len()..], answer.as_bytes(), "{case:?}");
            }
            [SessionOutput::Presence(presence)] => {
                assert_eq!(serde_json::to_value(presence).ok(), case.presence, "{case:?}");
            }
            other => panic!("{other:?} to {case:?}"),
        }
    }
}

#[test]
fn envelopes() {
    #[derive(Debug, Deserialize)]
    struct Case {
        text: String,
        #[serde(default)]
        bad: bool,
        t: Option<String>,
        s: Option<Seq>,
        known: Option<bool>,
        zlib_hex: Option<String>,
    }

    for case in cases::<Case>(include_str!("vectors/envelopes.json")) {
        let Ok(envelope) = case.text.parse::<Envelope>() else {
            assert!(case.bad, "{case:?}");
            continue;
        };
        assert!(!case.bad, "{case:?}");
        assert_eq!((Some(envelope.t().as_str()), envelope.s()), (case.t.as_deref(), case.s));
        assert_eq!(envelope.to_json(), case.text, "to the letter");
        let known = !matches!(envelope.event().unwrap(), Event::Other { .. });
        assert_eq!(Some(known), case.known, "{case:?}");
        let hex = case.zlib_hex.as_deref().unwrap();
        let stream: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(decode(&Message::Binary(stream.into()), Encoding::Zlib, 4096).unwrap(), case.text);
    }
}

#[test]
fn ids() {
    #[derive(Debug, Deserialize)]
    struct Case {
        json: String,
        #[serde(default)]
        bad: bool,
        id: Option<String>,
        wire: Option<String>,
    }

    for case in cases::<Case>(include_str!("vectors/ids.json")) {
        let id = serde_json::from_str::<Id>(&case.json).ok();
        assert_eq!(id.is_none(), case.bad, "{case:?}");
        assert_eq!(id.map(|id| id.to_string()), case.id);
        assert_eq!(id.map(|id| serde_json::to_string(&id).unwrap()), case.wire);
    }
}

#[test]
fn closes() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Case {
        code: u16,
        advice: String,
    }

    for case in cases::<Case>(include_str!("vectors/closes.json")) {
        assert_eq!(serde_json::to_value(Advice::of(case.code)).unwrap(), case.advice, "{case:?}");
    }
}
