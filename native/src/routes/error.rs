//! Why a request was not done, as the client reads it: `{"error":{"code","message"}}`.

use std::borrow::Cow;

use http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;
use warp::reply::Response;

use super::reply;
use crate::headers::Repeated;
use crate::store::{Refusal, StoreError};

/// After how many seconds a client may try again what a fault stopped.
const RETRY_AFTER_FAULT: u64 = 1;

/// Why a request was not done. Nothing of it was, but for `outcome_unknown`.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    also: Also,
    cause: Option<Cause>,
}

/// What the operator is to know of an error, and a stranger is not.
#[derive(Debug)]
pub(super) enum Cause {
    /// What the database said.
    Database(String),
    /// What the log said that many machines share.
    Log(String),
}

/// What a client is told beside the error itself.
#[derive(Debug)]
enum Also {
    Nothing,
    /// How to say who asks.
    Authenticate,
    /// The methods that the path takes.
    Allow(&'static str),
    /// After how many seconds to try again.
    RetryAfter(u64),
    /// That the connection ends.
    Close,
}

impl Error {
    /// An error of this status. `code` is for programs, `message` for people.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), also: Also::Nothing, cause: None }
    }

    /// The request makes no sense.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// Nobody knows who asks.
    pub(super) fn unauthorized(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message).and(Also::Authenticate)
    }

    /// Who asks may not do this.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// There is no such thing, or none that the caller may know of.
    pub(super) fn unknown(what: &'static str) -> Self {
        Refusal::Unknown { what }.into()
    }

    /// The path leads nowhere.
    pub(super) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_route", "there is nothing at this path")
    }

    /// The path is there, the method is not.
    pub(super) fn wrong_method(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("this path takes {allow}"))
            .and(Also::Allow(allow))
    }

    /// The session has used up its requests.
    pub(super) fn rate_limited(retry_after_s: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests")
            .and(Also::RetryAfter(retry_after_s))
    }

    /// Too many session ids or operator keys from the caller's address were none.
    pub(super) fn too_many_failures(retry_after_s: u64) -> Self {
        let message = "too many requests from this address had a session or operator key that is not valid";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failures", message).and(Also::RetryAfter(retry_after_s))
    }

    /// The server can't do it now.
    pub(super) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).and(Also::RetryAfter(RETRY_AFTER_FAULT))
    }

    /// The same as the answer of a node that is not ready, which has one status whatever the reason.
    pub(super) fn not_ready(mut self) -> Self {
        self.status = StatusCode::SERVICE_UNAVAILABLE;
        self.and(Also::RetryAfter(RETRY_AFTER_FAULT))
    }

    /// The same error with other words for people.
    pub(super) fn about(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The rest of the request is not waited for: the connection ends with this answer.
    pub(super) fn and_close(self) -> Self {
        self.and(Also::Close)
    }

    fn and(mut self, also: Also) -> Self {
        self.also = also;
        self
    }

    fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// What the operator is to know of it.
    pub(super) const fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The error as an answer.
    pub(super) fn into_response(self) -> Response {
        let mut response =
            reply::json(self.status, &json!({ "error": { "code": self.code, "message": self.message } }));
        let (name, value) = match self.also {
            Also::Nothing => return response,
            Also::Authenticate => (WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Also::Allow(methods) => (ALLOW, HeaderValue::from_static(methods)),
            Also::RetryAfter(seconds) => (RETRY_AFTER, seconds.into()),
            Also::Close => (CONNECTION, HeaderValue::from_static("close")),
        };
        response.headers_mut().insert(name, value);
        response
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let (status, code) = match refusal {
            Refusal::Unknown { what } => (StatusCode::NOT_FOUND, format!("unknown_{}", what.replace(' ', "_")).into()),
            Refusal::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden".into()),
            Refusal::Conflict { code, .. } | Refusal::Cap { code, .. } => (StatusCode::CONFLICT, code.into()),
            Refusal::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid_request".into()),
        };
        Self { status, code, message, also: Also::Nothing, cause: None }
    }
}

impl From<Repeated> for Error {
    fn from(repeated: Repeated) -> Self {
        Self::invalid(repeated.to_string())
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => refusal.into(),
            StoreError::Busy => Self::unavailable("busy", "too much waits to be stored: try again"),
            StoreError::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", "the server's disk is full, or nearly so")
            }
            StoreError::ReadOnly => Self::unavailable("read_only", "the server's database can't be written to"),
            StoreError::Unavailable(reason) => {
                Self::unavailable("storage_unavailable", "the server's database is unavailable")
                    .caused_by(Cause::Database(reason))
            }
            StoreError::Unsure(reason) => {
                let message = "the server's database failed while it stored this, and may find it again: ask before \
                               repeating it, or repeat it under its idempotency_key";
                Self::unavailable("outcome_unknown", message).caused_by(Cause::Database(reason))
            }
            StoreError::Log(reason) => {
                Self::unavailable("storage_unavailable", "the server's event log is unavailable")
                    .caused_by(Cause::Log(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_the_store_has_its_status() {
        let refused = |refusal| StoreError::Refused(refusal);
        for (error, status, code) in [
            (refused(Refusal::Unknown { what: "guild" }), 404, "unknown_guild"),
            (refused(Refusal::Unknown { what: "operator key" }), 404, "unknown_operator_key"),
            (refused(Refusal::Forbidden { message: "no".into() }), 403, "forbidden"),
            (refused(Refusal::Conflict { code: "owner_stays", message: "no".into() }), 409, "owner_stays"),
            (refused(Refusal::Cap { code: "too_many_guilds", limit: 3 }), 409, "too_many_guilds"),
            (refused(Refusal::invalid("no")), 400, "invalid_request"),
            (StoreError::Busy, 503, "busy"),
            (StoreError::Full, 507, "storage_full"),
            (StoreError::ReadOnly, 503, "read_only"),
            (StoreError::Unavailable("secret".into()), 503, "storage_unavailable"),
            (StoreError::Unsure("secret".into()), 503, "outcome_unknown"),
            (StoreError::Log("secret".into()), 503, "storage_unavailable"),
        ] {
            let error = Error::from(error);
            assert_eq!((error.status.as_u16(), &*error.code), (status, code));
            assert!(!error.message.contains("secret"));
            assert_eq!(error.into_response().headers().contains_key(RETRY_AFTER), status == 503);
        }
    }
}
