//! Close codes as data: what each means, and what a client does about it (protocol, section 9).

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::codec::{Opcode, frame};

/// The longest reason that a close frame holds, in bytes (RFC 6455, section 5.5: 125 with the code).
const MAX_REASON: usize = 123;

/// Why a connection ends, as it travels in the close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code; [`Code`] names those that Sanmon sends.
    pub code: u16,
    /// Compact JSON of at most 123 bytes such as `{"r":"drain","ms":2300}`; empty in the answer to a peer's close.
    pub reason: String,
}

/// What a client does when its connection ends with some code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Nothing that it could repeat would help.
    Stop,
    /// Come back with its position, spread by jitter.
    Reconnect,
    /// Come back with its position, but not before a back-off or what the reason's `ms` says.
    BackOff,
}

/// One line of the table of close codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The code's number.
    pub code: u16,
    /// The word for it that stands as `r` in the reason.
    pub r: &'static str,
    /// What a client does about it.
    pub advice: Advice,
    /// What it means.
    pub meaning: &'static str,
}

/// Makes [`Code`] and [`CODES`] from the table below, so that a code is one line.
macro_rules! codes {
    ($($variant:ident = $code:literal, $r:literal, $advice:ident, $meaning:literal;)*) => {
        /// The close codes that Sanmon sends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = concat!($code, ": ", $meaning, ".")] $variant = $code,)*
        }

        /// Every code that Sanmon sends, in the order of its number.
        pub const CODES: &[Row] =
            &[$(Row { code: $code, r: $r, advice: Advice::$advice, meaning: $meaning },)*];

        impl Code {
            /// The word for this code that stands as `r` in the reason.
            pub const fn r(self) -> &'static str {
                match self {
                    $(Self::$variant => $r,)*
                }
            }
        }
    };
}

codes! {
    Ended = 1000, "ended", Stop, "the client ended it; the server never drains with it";
    ProtocolError = 1002, "protocol_error", Stop, "a breach of the WebSocket protocol";
    BadUtf8 = 1007, "bad_utf8", Stop, "a text that is not UTF-8";
    TooBig = 1009, "too_big", Stop, "a message that is too big, as it is or inflated";
    BadMessage = 4001, "bad_message", Stop, "not a JSON object, a binary message before identify or in json mode, or a `t` that clients do not send";
    NoSession = 4002, "no_session_id", Stop, "an identify without a session_id";
    BadSession = 4003, "bad_session_id", Stop, "a session_id that is not a valid one";
    UnknownEncoding = 4004, "unknown_encoding", Stop, "an encoding other than json and zlib";
    NotIdentified = 4005, "not_identified", BackOff, "not identified in time, or a first message with a `t`";
    IdentifiedTwice = 4006, "identified_twice", Stop, "a second identify";
    RateLimited = 4008, "rate_limited", BackOff, "more messages than a user may send; come back after `ms`";
    OriginRefused = 4101, "origin_refused", Stop, "a browser's page whose origin is not allowed";
    Revoked = 4102, "revoked", Stop, "the session was revoked or has expired";
    Drain = 4401, "drain", Reconnect, "the node drains; come back after `ms`";
    TimedOut = 4402, "timed_out", Reconnect, "nothing was heard for too long";
    SlowConsumer = 4403, "slow_consumer", Reconnect, "events waited for the reader beyond their bound";
    Internal = 4405, "internal", Reconnect, "the server failed";
}

impl Advice {
    /// What a client does about any code, unknown ones too. A connection that ended without one counts as 1006.
    pub const fn of(code: u16) -> Self {
        match code {
            4005 | 4008 => Self::BackOff,
            1000 | 1002 | 1007 | 1009 | 4000..=4199 => Self::Stop,
            _ => Self::Reconnect,
        }
    }
}

impl Close {
    /// A close with this code and nothing more to say than its word.
    pub fn new(code: Code) -> Self {
        // The words of the table need no escaping.
        Self { code: code as u16, reason: [r#"{"r":""#, code.r(), r#""}"#].concat() }
    }

    /// A close that tells the client how long to stay away.
    pub fn after(code: Code, wait: Duration) -> Self {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self::build(code, &Reason { r: Some(code.r().into()), ms: Some(ms), ..Reason::default() })
    }

    /// A close with a detail for whoever reads the client's log, cut where it no longer fits.
    pub fn because(code: Code, detail: &str) -> Self {
        // Every character takes a byte at least, so what lies beyond could not fit anyway.
        let mut detail: String = detail.chars().take(MAX_REASON).collect();
        loop {
            let reason = Reason { r: Some(code.r().into()), ms: None, detail: Some(detail.clone()) };
            let close = Self::build(code, &reason);
            if close.reason.len() <= MAX_REASON {
                return close;
            }
            detail.pop();
        }
    }

    /// The answer to a peer's close frame: the same code, 1000 to a frame without one, 1002 to one that may not travel.
    pub fn echo(code: Option<u16>) -> Self {
        let code = match code {
            None => 1000,
            Some(code) if Self::may_travel(code) => code,
            Some(_) => Code::ProtocolError as u16,
        };
        Self { code, reason: String::new() }
    }

    /// Whether a close frame may carry this code: those of RFC 6455, those registered since (1012 to 1014), and those for
    /// libraries and applications; not those that only stand for an end without one.
    pub const fn may_travel(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Whether it tells a client that what it identified with is wrong, if it comes before a client is known.
    pub fn refuses_identify(&self) -> bool {
        // The answer to a peer's own close has no reason.
        matches!(self.code, 4001..=4004) && !self.reason.is_empty()
    }

    /// The whole close frame, as servers send it.
    pub fn frame(&self) -> Bytes {
        frame(Opcode::Close, &[&self.code.to_be_bytes(), self.reason.as_bytes()].concat())
    }

    fn build(code: Code, reason: &Reason) -> Self {
        // `expect` would carry the printing of every JSON error into the browser's module.
        let Ok(reason) = serde_json::to_string(reason) else { unreachable!("texts and numbers have a JSON form") };
        Self { code: code as u16, reason }
    }
}

/// The reason of a close as a client reads it. What is not there, or makes no sense, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The word for the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<String>,
    /// How long to stay away, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// What was wrong, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Reason {
    /// Reads a reason. Other servers and proxies write anything there, so nothing is an error.
    pub fn parse(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            serde_json::from_str(text).unwrap_or_default()
        } else {
            Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_rule_says() {
        for (index, row) in CODES.iter().enumerate() {
            assert_eq!(row.advice, Advice::of(row.code), "{}", row.code);
            assert!(CODES[..index].iter().all(|other| other.code < row.code && other.r != row.r), "{}", row.code);
            assert!(row.r.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        }
    }

    #[test]
    fn unknown_codes_are_handled() {
        for (code, advice) in [
            (1001, Advice::Reconnect),
            (1006, Advice::Reconnect),
            (1011, Advice::Reconnect),
            (3000, Advice::Reconnect),
            (4000, Advice::Stop),
            (4007, Advice::Stop),
            (4199, Advice::Stop),
            (4200, Advice::Reconnect),
            (4999, Advice::Reconnect),
            (0, Advice::Reconnect),
        ] {
            assert_eq!(Advice::of(code), advice, "{code}");
        }
    }

    #[test]
    fn a_reason_is_compact_and_read_back() {
        let close = Close::after(Code::Drain, Duration::from_millis(2300));
        assert_eq!((close.code, close.reason.as_str()), (4401, r#"{"r":"drain","ms":2300}"#));
        assert_eq!(Reason::parse(&close.reason).ms, Some(2300));
        for text in ["", "bye", "[\"x\",1]", "{\"r\":1}", "{\"ms\":-1}", "{"] {
            assert_eq!(Reason::parse(text), Reason::default(), "{text}");
        }
    }

    #[test]
    fn every_detail_fits() {
        for detail in ["", "short", &"x".repeat(500), &"\u{1}".repeat(500), &"é😀\"".repeat(100)] {
            let close = Close::because(Code::BadMessage, detail);
            assert!(close.reason.len() <= MAX_REASON, "{}", close.reason);
            let said = Reason::parse(&close.reason).detail.unwrap();
            assert!(detail.starts_with(&said) && (said.len() == detail.len() || close.reason.len() > MAX_REASON - 6));
        }
    }

    #[test]
    fn a_refused_identify_is_told_from_other_ends() {
        for code in [Code::BadMessage, Code::NoSession, Code::BadSession, Code::UnknownEncoding] {
            assert!(Close::new(code).refuses_identify(), "{code:?}");
            assert!(!Close::echo(Some(code as u16)).refuses_identify(), "{code:?}");
        }
        for code in [Code::NotIdentified, Code::OriginRefused, Code::Internal, Code::RateLimited] {
            assert!(!Close::new(code).refuses_identify(), "{code:?}");
        }
    }

    #[test]
    fn a_frame_carries_code_and_reason() {
        assert_eq!(&Close::echo(None).frame()[..], b"\x88\x02\x03\xe8");
        assert_eq!(Close::echo(Some(1005)).code, 1002);
        assert!(Close::may_travel(1014) && !Close::may_travel(1004) && !Close::may_travel(1015));
        let frame = Close::new(Code::Revoked).frame();
        assert_eq!(&frame[2..4], 4102u16.to_be_bytes());
        assert_eq!(&frame[4..], br#"{"r":"revoked"}"#);
    }
}
