//! Sessions: minted by the operator, revoked by the operator or by themselves.

use std::time::Duration;

use sanmon_core::time::UnixMillis;
use serde::Serialize;
use serde_json::value::RawValue;
use warp::reply::Response;

use sanmon_core::id::Id;

use super::auth::Caller;
use super::call::Call;
use super::error::Error;
use super::reply;
use super::segment::Whom;
use crate::config::LONGEST_S;
use crate::store::sessions::{self, NewSession};

/// A session as it is answered, once: its `session_id` is not kept.
#[derive(Serialize)]
struct Minted<'a> {
    session_id: &'a str,
    id: Id,
    user: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<UnixMillis>,
}

/// `POST /sessions`
pub(super) async fn create((): (), call: &mut Call) -> Result<Response, Error> {
    let mut input = call.input().await?;
    let mut user = input.object("user")?;
    let longest = Some(call.node().config.max_session_age_s).filter(|seconds| *seconds > 0);
    let expires_in = input.lifetime(longest.unwrap_or(LONGEST_S))?.or(longest.map(Duration::from_secs));
    input.end()?;
    let id = user.optional("id")?;
    let new = NewSession { id, user: user.rest(), expires_in };
    let minted = sessions::create(call.store(), new).await?;
    if let Some(act) = &mut call.act {
        act.made = Some(minted.id);
        act.user = Some(minted.user_id);
    }
    Ok(reply::created(&Minted {
        session_id: &minted.session_id,
        id: minted.id,
        user: &minted.user,
        expires_at: minted.expires_at,
    }))
}

/// `DELETE /sessions/{session}`: a session revokes itself, and no other.
pub(super) async fn revoke(caller: Caller, call: &mut Call, session: Whom) -> Result<Response, Error> {
    let own = match caller {
        Caller::User(actor) => actor.session,
        Caller::Platform => None,
    };
    let session = match (session, own) {
        (Whom::Me, Some(own)) => own,
        (Whom::Me, None) => return Err(Error::invalid("`@me` is for sessions: give the session's id")),
        (Whom::Id(session), Some(own)) if session != own => {
            return Err(Error::forbidden("a session revokes only itself"));
        }
        (Whom::Id(session), _) => session,
    };
    sessions::revoke(call.store(), session).await?;
    Ok(reply::done())
}

/// `DELETE /users/{user}/sessions`
pub(super) async fn revoke_all(caller: Caller, call: &mut Call, user: Whom) -> Result<Response, Error> {
    let user = user.of(caller)?;
    sessions::revoke_all_of(call.store(), user).await?;
    Ok(reply::done())
}
