//! Channels of guilds, as members see them and owners change them.

use sanmon_core::id::Id;
use warp::reply::Response;

use super::auth::Actor;
use super::call::Call;
use super::error::Error;
use super::reply;
use crate::store::channels;

/// `POST /guilds/{guild}/channels`: the platform may bring its own id.
pub(super) async fn create(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    let mut input = call.input().await?;
    let id = if actor.session.is_none() { input.optional("id")? } else { None };
    let channel = channels::create(call.store(), call.caps(), actor.user, guild, id, input.rest()).await?;
    Ok(reply::created(&channel))
}

/// `GET /guilds/{guild}/channels`
pub(super) async fn list(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    Ok(reply::ok(&channels::list(call.store(), actor.user, guild).await?))
}

/// `PATCH /channels/{channel}`
pub(super) async fn change(actor: Actor, call: &mut Call, channel: Id) -> Result<Response, Error> {
    let patch = call.input().await?.rest();
    Ok(reply::ok(&channels::change(call.store(), actor.user, channel, patch).await?))
}

/// `DELETE /channels/{channel}`
pub(super) async fn delete(actor: Actor, call: &mut Call, channel: Id) -> Result<Response, Error> {
    channels::delete(call.store(), actor.user, channel).await?;
    Ok(reply::done())
}
