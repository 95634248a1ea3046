//! Guilds, as their members see them and their owners change them.

use sanmon_core::id::Id;
use warp::reply::Response;

use super::auth::Actor;
use super::call::Call;
use super::error::Error;
use super::reply;
use crate::store::guilds;

/// `POST /guilds`: the platform may bring its own id.
pub(super) async fn create(actor: Actor, call: &mut Call) -> Result<Response, Error> {
    let mut input = call.input().await?;
    let id = if actor.session.is_none() { input.optional("id")? } else { None };
    let guild = guilds::create(call.store(), call.caps(), actor.user, id, input.rest()).await?;
    Ok(reply::created(&guild))
}

/// `GET /guilds/{guild}`
pub(super) async fn show(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    Ok(reply::ok(&guilds::show(call.store(), actor.user, guild).await?))
}

/// `GET /guilds/{guild}/preview?invite=`
pub(super) async fn preview(visitor: Option<Actor>, call: &mut Call, guild: Id) -> Result<Response, Error> {
    let invite = call.query("invite");
    if visitor.is_none() && invite.is_none() {
        return Err(Error::unauthorized("give a session, or `?invite=` with the code of an invite"));
    }
    let preview = guilds::preview(call.store(), visitor.map(|actor| actor.user), guild, invite).await?;
    Ok(reply::ok(&preview))
}

/// `PATCH /guilds/{guild}`
pub(super) async fn change(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    let patch = call.input().await?.rest();
    Ok(reply::ok(&guilds::change(call.store(), actor.user, guild, patch).await?))
}

/// `DELETE /guilds/{guild}`
pub(super) async fn delete(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    guilds::delete(call.store(), actor.user, guild).await?;
    Ok(reply::done())
}
