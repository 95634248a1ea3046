//! What went wrong, as the page is told it.

use sanmon_core::gateway::{Advice, CODES, Close, EndReason, Reason};

use crate::host::Host;

/// Something that went wrong on the way to events.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    code: Option<u16>,
    reason: Option<String>,
    advice: Advice,
}

impl Failure {
    /// Something without a close code that is tried again.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, reason: None, advice: Advice::Reconnect }
    }

    /// The same, after which nothing is tried again.
    pub(crate) fn final_one(kind: &'static str, message: impl Into<String>) -> Self {
        Self { advice: Advice::Stop, ..Self::new(kind, message) }
    }

    /// The connection was closed from the other end.
    pub(crate) fn closed(code: u16, reason: &Reason) -> Self {
        Self::with_code(code, reason)
    }

    /// This end gave the connection up.
    pub(crate) fn gave_up(close: &Close) -> Self {
        Self::with_code(close.code, &Reason::default())
    }

    /// The server refused for good.
    pub(crate) fn ended(reason: &EndReason) -> Option<Self> {
        match reason {
            EndReason::Stopped => None,
            EndReason::Refused { code, reason } => Some(Self::with_code(*code, reason)),
        }
    }

    fn with_code(code: u16, reason: &Reason) -> Self {
        let meaning = match CODES.iter().find(|row| row.code == code) {
            Some(row) => row.meaning,
            None if code == 1006 => "the connection was lost",
            None => "the connection was closed",
        };
        let message = match &reason.detail {
            Some(detail) => [meaning, detail].join(": "),
            None => meaning.to_owned(),
        };
        Self { kind: "closed", message, code: Some(code), reason: reason.r.clone(), advice: Advice::of(code) }
    }

    /// Whether the client ends after it.
    pub(crate) fn is_final(&self) -> bool {
        self.advice == Advice::Stop
    }

    /// Tells the page.
    pub(crate) fn tell(self, host: &Host) {
        let advice = match self.advice {
            Advice::Stop => "stop",
            Advice::Reconnect => "reconnect",
            Advice::BackOff => "back_off",
        };
        host.error(self.kind, &self.message, self.code, self.reason, advice);
    }
}
