//! Invites: made by members, read by anyone, used to join.

use sanmon_core::id::Id;
use warp::reply::Response;

use super::auth::Actor;
use super::call::Call;
use super::error::Error;
use super::reply;
use crate::store::invites::{self, NewInvite};

/// `POST /guilds/{guild}/invites`
pub(super) async fn create(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    let mut input = call.input().await?;
    let new = NewInvite { expires_in_s: input.optional("expires_in_s")?, max_uses: input.optional("max_uses")? };
    input.end()?;
    let invite = invites::create(call.store(), call.caps(), actor.user, guild, new).await?;
    Ok(reply::created(&invite))
}

/// `GET /invites/{code}`
pub(super) async fn show((): (), call: &mut Call, code: String) -> Result<Response, Error> {
    Ok(reply::ok(&invites::show(call.store(), &code).await?))
}

/// `POST /invites/{code}`
pub(super) async fn join(actor: Actor, call: &mut Call, code: String) -> Result<Response, Error> {
    Ok(reply::ok(&invites::join(call.store(), call.caps(), actor.user, code).await?))
}

/// `DELETE /invites/{code}`
pub(super) async fn delete(actor: Actor, call: &mut Call, code: String) -> Result<Response, Error> {
    invites::delete(call.store(), actor.user, code).await?;
    Ok(reply::done())
}
