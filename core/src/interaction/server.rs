//! The door of the interactions endpoint.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde_json::value::RawValue;

use super::answer::Answer;
use super::answers::{Admission, Answers, Ticket};
use super::model::{AnyInteraction, InteractionKind, Snowflake};
use super::rejection::{Rejection, SignatureFault};
use super::request::{Request, Signed};
use super::response::Reply;
use super::seen::Seen;
use super::verify::ApplicationKey;
use crate::codec::pick_members;
use crate::id::Id;
use crate::time::UnixMillis;

/// How many keys a request that names no application is tried with: each costs a whole verification.
pub const MAX_TRIES: usize = 8;

/// How many bytes of what is wrong with a body go to the log.
const MAX_LOGGED: usize = 200;

/// How an interactions endpoint is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// The keys that may sign, several an application while they are exchanged.
    pub keys: Vec<ApplicationKey>,
    /// The largest body in bytes.
    pub max_body_bytes: usize,
    /// How far a timestamp may lie from now, either way. With it, no signature serves twice. Without it both are off.
    pub max_age: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self { keys: Vec::new(), max_body_bytes: 4 << 20, max_age: None }
    }
}

/// What is to be done with a request that was not refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// Answer this: it was a ping, or a duplicate of what was answered within the last minute.
    Answered(Answer),
    /// The first of this id is being answered: wait until [`Server::answer`] has the answer, then answer the same.
    Waiting(Ticket),
    /// Run the listener, answer, and say so by [`Server::handle_answered`].
    Asked(Ticket, AnyInteraction),
}

/// A body whose signature holds, which is JSON, and whose type is known; the rest of it is not looked at yet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Opened<'a> {
    /// What the interaction is.
    pub kind: InteractionKind,
    /// The whole body.
    pub text: &'a str,
    ticket: Option<Ticket>,
    token: Option<&'a RawValue>,
}

/// The door of an interactions endpoint: it verifies, then looks at the age, then parses, in this order.
///
/// Nothing waits here, and the two memories (seen signatures, answers of the last minute) are locked for a look-up each,
/// never while a signature is verified or a body parsed; so one server serves all threads.
#[derive(Debug)]
pub struct Server {
    keys: RwLock<Arc<[ApplicationKey]>>,
    max_body_bytes: usize,
    max_age: Option<Duration>,
    seen: Mutex<Seen>,
    answers: Mutex<Answers>,
}

impl Server {
    /// A door with this set-up, which has seen nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            keys: RwLock::new(config.keys.into()),
            max_body_bytes: config.max_body_bytes,
            max_age: config.max_age,
            seen: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    /// Replaces the keys that may sign.
    pub fn set_keys(&self, keys: Vec<ApplicationKey>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    /// The keys that may sign.
    pub fn keys(&self) -> Arc<[ApplicationKey]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The largest body in bytes: whoever collects one may stop one byte past it.
    pub const fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Takes a whole request, from its method to its last byte.
    ///
    /// # Errors
    /// The first row of the protocol's table that the request falls under.
    pub fn accept(&self, now: UnixMillis, request: Request<'_>) -> Result<Accepted, Rejection> {
        self.accept_signed(now, &request.head.check()?, request.body)
    }

    /// Takes a request whose head was checked before.
    ///
    /// # Errors
    /// As [`Server::accept`].
    pub fn accept_signed(&self, now: UnixMillis, signed: &Signed<'_>, body: &[u8]) -> Result<Accepted, Rejection> {
        let opened = self.open(now, signed, body)?;
        let Some(interaction) = opened.interaction()? else {
            return Ok(Accepted::Answered(Answer::Reply(Reply::pong())));
        };
        let ticket = Ticket { application: interaction.application_id(), interaction: interaction.id() };
        Ok(match self.admit(now, ticket) {
            Admission::First => Accepted::Asked(ticket, interaction),
            Admission::Running => Accepted::Waiting(ticket),
            Admission::Answered(answer) => Accepted::Answered(answer),
        })
    }

    /// The first half of [`Server::accept_signed`], for those who read interactions by other means than this crate's
    /// model: verifies, looks at the age, checks the JSON, and finds out the type.
    ///
    /// # Errors
    /// As [`Server::accept`], except for what only the model can find.
    pub fn open<'a>(&self, now: UnixMillis, signed: &Signed<'_>, body: &'a [u8]) -> Result<Opened<'a>, Rejection> {
        if body.len() > self.max_body_bytes {
            return Err(Rejection::TooLarge { limit: self.max_body_bytes });
        }
        if body.is_empty() {
            return Err(Rejection::Empty);
        }
        let key = self.verify(signed, body).ok_or(Rejection::Signature(SignatureFault::Wrong))?;
        self.check_age(now, signed)?;
        Opened::read(body, key.application())
    }

    /// The second half of [`Server::accept_signed`]: whether the listener is to run.
    pub fn admit(&self, now: UnixMillis, ticket: Ticket) -> Admission {
        lock(&self.answers).admit(now, ticket)
    }

    /// The answer to an interaction, once [`Server::handle_answered`] has said it. None until then, and none if it was
    /// forgotten meanwhile, so whoever waits for it waits for a bounded time.
    pub fn answer(&self, ticket: Ticket) -> Option<Answer> {
        lock(&self.answers).answer(ticket)
    }

    /// The listener has answered, or failed, or there is none: duplicates get the same from now on for a minute. Then
    /// whoever waits for this ticket is to be woken.
    pub fn handle_answered(&self, now: UnixMillis, ticket: Ticket, answer: Answer) {
        lock(&self.answers).handle_answered(now, ticket, answer);
    }

    /// The key that signed this, if any did that may.
    fn verify(&self, signed: &Signed<'_>, body: &[u8]) -> Option<ApplicationKey> {
        let keys = self.keys();
        let signs = |key: &&ApplicationKey| signed.is_by(key, body);
        match signed.application {
            Some(id) => keys.iter().filter(|key| key.application() == Some(id)).take(MAX_TRIES).find(signs),
            None => keys.iter().take(MAX_TRIES).find(signs),
        }
        .copied()
    }

    /// Whether a verified signature is fresh and new, if that is asked for.
    fn check_age(&self, now: UnixMillis, signed: &Signed<'_>) -> Result<(), Rejection> {
        let Some(max_age) = self.max_age else { return Ok(()) };
        let seconds = std::str::from_utf8(signed.timestamp).ok().and_then(|digits| digits.parse::<u64>().ok());
        // More digits than fit are far in the future.
        let millis = seconds.and_then(|seconds| seconds.checked_mul(1000));
        if millis.is_none_or(|millis| u128::from(millis.abs_diff(now.as_millis())) > max_age.as_millis()) {
            return Err(Rejection::Signature(SignatureFault::Stale));
        }
        if !lock(&self.seen).insert(now, max_age, signed.signature) {
            return Err(Rejection::Signature(SignatureFault::Seen));
        }
        Ok(())
    }
}

/// No thread leaves a memory half changed, so one that panicked elsewhere does no harm.
fn lock<T>(memory: &Mutex<T>) -> MutexGuard<'_, T> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Opened<'a> {
    /// Reads a body that a key of this application has signed.
    fn read(body: &'a [u8], application: Option<Id>) -> Result<Self, Rejection> {
        // serde_json does not look at the UTF-8 of strings that it skips.
        let text = std::str::from_utf8(body).map_err(|error| Rejection::Json(shortened(error)))?;
        let members = pick_members(text, ["type", "application_id", "id", "token"]);
        let members = members.map_err(|error| Rejection::Json(shortened(error)))?;
        let [kind, named, id, token] = members.ok_or_else(|| Rejection::Json("not an object".to_owned()))?;
        let code = kind.ok_or(Rejection::NoType)?.get();
        if !code.strip_prefix('-').unwrap_or(code).bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Rejection::Json("the type is no integer".to_owned()));
        }
        let kind = code.parse::<i64>().map(InteractionKind::from);
        let snowflake = |raw: &RawValue| serde_json::from_str::<Snowflake>(raw.get()).ok();
        let named = named.map(snowflake);
        if let (Some(application), Some(named)) = (application, named) {
            // What is no id at all is left to the model, which says what is wrong with it; a ping has no model.
            if named.map_or(kind == Ok(InteractionKind::Ping), |named| named != application.into()) {
                return Err(Rejection::Signature(SignatureFault::OtherApplication));
            }
        }
        let id = id.and_then(snowflake);
        let ticket = named.flatten().zip(id).map(|(application, interaction)| Ticket { application, interaction });
        match kind {
            Ok(kind) if !matches!(kind, InteractionKind::Other(_)) => Ok(Self { kind, text, ticket, token }),
            _ => Err(Rejection::UnknownType(shortened(code))),
        }
    }

    /// The ids by which duplicates are told.
    ///
    /// # Errors
    /// [`Rejection::Shape`] if one of them is missing or no id.
    pub fn ticket(&self) -> Result<Ticket, Rejection> {
        self.ticket.ok_or_else(|| Rejection::Shape("`id` or `application_id` is missing or no id".to_owned()))
    }

    /// What answers by callback show.
    ///
    /// # Errors
    /// [`Rejection::Shape`] if it is missing or no text.
    pub fn token(&self) -> Result<String, Rejection> {
        let token = self.token.ok_or_else(|| Rejection::Shape("`token` is missing".to_owned()))?;
        serde_json::from_str(token.get()).map_err(|error| Rejection::Shape(shortened(error)))
    }

    /// The interaction, typed; none for a ping.
    ///
    /// # Errors
    /// [`Rejection::Shape`].
    pub fn interaction(&self) -> Result<Option<AnyInteraction>, Rejection> {
        let parsed = AnyInteraction::parse(self.kind, self.text).transpose();
        parsed.map_err(|error| Rejection::Shape(shortened(error)))
    }
}

/// A text that goes to the log, cut short if it is long: what serde_json says of a wrong value quotes all of it.
fn shortened(text: impl ToString) -> String {
    let mut text = text.to_string();
    if text.len() > MAX_LOGGED {
        text.truncate(text.floor_char_boundary(MAX_LOGGED));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests;
