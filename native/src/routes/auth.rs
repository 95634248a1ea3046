//! Who asks, and whether they may: sessions, the operator, and the operator in a user's name.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, StatusCode};
use sanmon_core::id::Id;
use tokio::sync::OwnedSemaphorePermit;

use super::audit::{Act, By};
use super::call::Call;
use super::error::Error;
use super::input;
use crate::headers::only;
use crate::store::operator_keys::{self, Scope};
use crate::store::{Publisher, sessions, users};

/// The header in which an operator names the user in whose name it acts.
pub(super) const ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-on-behalf-of");
/// How long the question of a suspect waits for its turn.
const SUSPECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A user who asks, by a session or through the operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor {
    /// The user, whose rights count.
    pub(super) user: Id,
    /// The session that asks; the operator has none.
    pub(super) session: Option<Id>,
}

/// Who asks on a route that is open to users and to the platform itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller {
    /// A user, with a user's rights.
    User(Actor),
    /// The platform, which may do as it likes.
    Platform,
}

/// The operator, with the scopes that its key has.
struct Operator {
    publisher: Publisher,
    name: String,
    scopes: Vec<Scope>,
}

enum Credentials {
    Session { session: Id, user: Id },
    Operator(Operator),
}

/// Anyone may ask.
pub(super) async fn anyone(_: &mut Call) -> Result<(), Error> {
    Ok(())
}

/// A user must ask.
pub(super) async fn session(call: &mut Call) -> Result<Actor, Error> {
    match credentials(call).await? {
        Credentials::Session { session, user } => of_session(call, session, user),
        Credentials::Operator(operator) => on_behalf(call, &operator).await,
    }
}

/// A user, or anyone.
pub(super) async fn visitor(call: &mut Call) -> Result<Option<Actor>, Error> {
    let is_known = call.headers.contains_key(AUTHORIZATION) || call.headers.contains_key(ON_BEHALF_OF);
    if is_known { session(call).await.map(Some) } else { Ok(None) }
}

/// The operator must ask, with the scope publish.
pub(super) async fn publish(call: &mut Call) -> Result<Publisher, Error> {
    operator(call, Scope::Publish).await.map(|operator| operator.publisher)
}

/// The operator must ask, with the scope sessions.
pub(super) async fn sessions(call: &mut Call) -> Result<(), Error> {
    recorded(call, Scope::Sessions).await
}

/// The operator must ask, with the scope admin.
pub(super) async fn admin(call: &mut Call) -> Result<(), Error> {
    recorded(call, Scope::Admin).await
}

/// A user, or the operator with the scope sessions.
pub(super) async fn session_or_sessions(call: &mut Call) -> Result<Caller, Error> {
    user_or_platform(call, Scope::Sessions).await
}

/// A user, or the operator with the scope admin.
pub(super) async fn session_or_admin(call: &mut Call) -> Result<Caller, Error> {
    user_or_platform(call, Scope::Admin).await
}

async fn user_or_platform(call: &mut Call, scope: Scope) -> Result<Caller, Error> {
    match credentials(call).await? {
        Credentials::Session { session, user } => {
            if scope == Scope::Sessions {
                call.act = Some(Act::new(By::Session(session), Some(user)));
            }
            of_session(call, session, user).map(Caller::User)
        }
        Credentials::Operator(operator) if call.headers.contains_key(ON_BEHALF_OF) => {
            on_behalf(call, &operator).await.map(Caller::User)
        }
        Credentials::Operator(operator) => {
            call.act = Some(Act::new(operator.by(), None));
            operator.must_have(scope).map(|()| Caller::Platform)
        }
    }
}

/// The operator must ask, and that it did is found in the audit log.
async fn recorded(call: &mut Call, scope: Scope) -> Result<(), Error> {
    let operator = known_operator(call).await?;
    call.act = Some(Act::new(operator.by(), None));
    operator.must_have(scope)?;
    in_nobodys_name(call)
}

async fn operator(call: &mut Call, scope: Scope) -> Result<Operator, Error> {
    let operator = known_operator(call).await?;
    operator.must_have(scope)?;
    in_nobodys_name(call).map(|()| operator)
}

/// Who names a user where that changes nothing is wrong about what will happen.
fn in_nobodys_name(call: &Call) -> Result<(), Error> {
    if call.headers.contains_key(ON_BEHALF_OF) {
        return Err(Error::invalid("`X-On-Behalf-Of` has no meaning here: only the operator itself does this"));
    }
    Ok(())
}

async fn known_operator(call: &mut Call) -> Result<Operator, Error> {
    match credentials(call).await? {
        Credentials::Operator(operator) => Ok(operator),
        Credentials::Session { session, user } => {
            of_session(call, session, user)?;
            Err(Error::forbidden("this is for the operator: give `Authorization: Bearer <operator key>`"))
        }
    }
}

impl Operator {
    /// Who it is, for the audit log.
    fn by(&self) -> By {
        match self.publisher {
            Publisher::OperatorKey(id) => By::Key { id, name: self.name.clone() },
            Publisher::ControlSocket => By::ControlSocket,
        }
    }

    fn must_have(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let message = format!("the operator key lacks the scope `{scope}`");
        Err(Error::new(StatusCode::FORBIDDEN, "missing_scope", message))
    }
}

/// Reads the Authorization header; neither it nor the name of a user may stand twice. By the control socket, who gives none
/// is the operator.
async fn credentials(call: &Call) -> Result<Credentials, Error> {
    only(&call.headers, &ON_BEHALF_OF)?;
    let Some(value) = only(&call.headers, &AUTHORIZATION)? else {
        if call.is_by_control_socket() {
            return Ok(Credentials::Operator(Operator {
                publisher: Publisher::ControlSocket,
                name: "control socket".into(),
                scopes: Scope::ALL.to_vec(),
            }));
        }
        return Err(Error::unauthorized(
            "give `Authorization: <session_id>` or `Authorization: Bearer <operator key>`",
        ));
    };
    let Ok(value) = value.to_str().map(str::trim) else { return Err(unknown(call)) };
    let _turn = turn_of_suspect(call).await?;
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
            let operator = operator_keys::authenticate(call.store(), key.trim()).await?.ok_or_else(|| unknown(call))?;
            let publisher = Publisher::OperatorKey(operator.id);
            Ok(Credentials::Operator(Operator { publisher, name: operator.name, scopes: operator.scopes }))
        }
        _ => {
            let session = sessions::authenticate(call.store(), value).await?.ok_or_else(|| unknown(call))?;
            Ok(Credentials::Session { session: session.session, user: session.user })
        }
    }
}

/// Waits for its turn, if too many failures came from the caller's address.
async fn turn_of_suspect(call: &Call) -> Result<Option<OwnedSemaphorePermit>, Error> {
    let Some(queue) = call.node().hub.failures().queue(call.node().clock.now(), call.client()) else { return Ok(None) };
    let turn = tokio::time::timeout(SUSPECT_TIMEOUT, queue.acquire_owned()).await;
    turn.map(Result::ok).map_err(|_| Error::too_many_failures(SUSPECT_TIMEOUT.as_secs()))
}

/// What was shown is no session and no operator key.
fn unknown(call: &Call) -> Error {
    let (node, address) = (call.node(), call.client());
    let counted = node.hub.failures().count(node.clock.now(), address);
    let answer = if counted.is_ok() { "refused" } else { "limited" };
    node.metrics.credentials_refused.with_label_values(&["http", answer]).inc();
    let Err(limited) = counted else { return Error::unauthorized("this session or operator key is not valid") };
    if let Some(times) = call.site.failures.note(node.clock.now()) {
        tracing::warn!(times, ?address, "too many requests were not authorized; the address is told to stay away");
    }
    Error::too_many_failures(limited.wait.as_millis().div_ceil(1000).max(1) as u64)
}

fn of_session(call: &mut Call, session: Id, user: Id) -> Result<Actor, Error> {
    call.count(session)?;
    if call.headers.contains_key(ON_BEHALF_OF) {
        return Err(Error::invalid("`X-On-Behalf-Of` is for the operator"));
    }
    Ok(Actor { user, session: Some(session) })
}

/// The user whom the operator names. That it did is found in the audit log, also when it may not.
async fn on_behalf(call: &mut Call, operator: &Operator) -> Result<Actor, Error> {
    let value = call.headers.get(ON_BEHALF_OF).map(|value| value.to_str().unwrap_or_default());
    let user = value.map(|value| input::id(value, "X-On-Behalf-Of"));
    let named = user.as_ref().and_then(|user| user.as_ref().ok().copied());
    call.act = Some(Act::new(operator.by(), named));
    operator.must_have(Scope::Act)?;
    let Some(user) = user else {
        let message = "name the user in whose name to act: `X-On-Behalf-Of: <user id>`";
        return Err(Error::new(StatusCode::BAD_REQUEST, "user_required", message));
    };
    let user = user?;
    if users::user(call.store(), user).await?.is_none() {
        return Err(Error::unknown("user"));
    }
    Ok(Actor { user, session: None })
}
