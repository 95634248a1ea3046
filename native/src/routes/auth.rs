//! Who asks, and whether they may: sessions, the operator, and the operator in a user's name.

use http::StatusCode;
use http::header::AUTHORIZATION;
use sanmon_core::id::Id;

use super::call::Call;
use super::error::Error;
use super::input;
use crate::store::operator_keys::{self, Scope};
use crate::store::{Publisher, sessions, users};

/// The header in which an operator names the user in whose name it acts.
pub(super) const ON_BEHALF_OF: &str = "x-on-behalf-of";

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
    operator(call, Scope::Sessions).await.map(drop)
}

/// The operator must ask, with the scope admin.
pub(super) async fn admin(call: &mut Call) -> Result<(), Error> {
    operator(call, Scope::Admin).await.map(drop)
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
        Credentials::Session { session, user } => of_session(call, session, user).map(Caller::User),
        Credentials::Operator(operator) if call.headers.contains_key(ON_BEHALF_OF) => {
            on_behalf(call, &operator).await.map(Caller::User)
        }
        Credentials::Operator(operator) => operator.must_have(scope).map(|()| Caller::Platform),
    }
}

async fn operator(call: &mut Call, scope: Scope) -> Result<Operator, Error> {
    match credentials(call).await? {
        Credentials::Operator(operator) => operator.must_have(scope).map(|()| operator),
        Credentials::Session { session, user } => {
            of_session(call, session, user)?;
            Err(Error::forbidden("this is for the operator: give `Authorization: Bearer <operator key>`"))
        }
    }
}

impl Operator {
    fn must_have(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let message = format!("the operator key lacks the scope `{scope}`");
        Err(Error::new(StatusCode::FORBIDDEN, "missing_scope", message))
    }
}

/// Reads the Authorization header. By the control socket, who gives none is the operator.
async fn credentials(call: &Call) -> Result<Credentials, Error> {
    let Some(value) = call.headers.get(AUTHORIZATION) else {
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
    let value = value.to_str().map_err(|_| unknown())?.trim();
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => {
            let operator = operator_keys::authenticate(call.store(), key.trim()).await?.ok_or_else(unknown)?;
            let publisher = Publisher::OperatorKey(operator.id);
            Ok(Credentials::Operator(Operator { publisher, name: operator.name, scopes: operator.scopes }))
        }
        _ => {
            let session = sessions::authenticate(call.store(), value).await?.ok_or_else(unknown)?;
            Ok(Credentials::Session { session: session.session, user: session.user })
        }
    }
}

fn unknown() -> Error {
    Error::unauthorized("this session or operator key is not valid")
}

fn of_session(call: &mut Call, session: Id, user: Id) -> Result<Actor, Error> {
    call.count(session)?;
    if call.headers.contains_key(ON_BEHALF_OF) {
        return Err(Error::invalid("`X-On-Behalf-Of` is for the operator"));
    }
    Ok(Actor { user, session: Some(session) })
}

/// The user whom the operator names, and a line in the audit log.
async fn on_behalf(call: &Call, operator: &Operator) -> Result<Actor, Error> {
    operator.must_have(Scope::Act)?;
    let Some(value) = call.headers.get(ON_BEHALF_OF) else {
        let message = "name the user in whose name to act: `X-On-Behalf-Of: <user id>`";
        return Err(Error::new(StatusCode::BAD_REQUEST, "user_required", message));
    };
    let user = input::id(value.to_str().unwrap_or_default(), "X-On-Behalf-Of")?;
    if users::user(call.store(), user).await?.is_none() {
        return Err(Error::unknown("user"));
    }
    tracing::info!(
        target: "audit",
        operator = operator.name,
        user = user.as_u64(),
        method = %call.method,
        path = call.path,
        "the operator acts in a user's name"
    );
    Ok(Actor { user, session: None })
}
