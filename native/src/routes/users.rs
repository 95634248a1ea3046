//! Users: what a session sees of its own, and what the platform changes.

use sanmon_core::id::Id;
use warp::reply::Response;

use super::auth::Actor;
use super::call::Call;
use super::error::Error;
use super::reply;
use crate::store::{guilds, users};

/// `GET /users/@me`
pub(super) async fn me(actor: Actor, call: &mut Call) -> Result<Response, Error> {
    let user = users::user(call.store(), actor.user).await?;
    Ok(reply::ok(&user.ok_or_else(|| Error::unknown("user"))?))
}

/// `GET /users/@me/guilds`
pub(super) async fn my_guilds(actor: Actor, call: &mut Call) -> Result<Response, Error> {
    Ok(reply::ok(&guilds::of_user(call.store(), actor.user).await?))
}

/// `PATCH /users/{user}`
pub(super) async fn change((): (), call: &mut Call, user: Id) -> Result<Response, Error> {
    let patch = call.input().await?.rest();
    Ok(reply::ok(&users::patch(call.store(), user, patch).await?))
}

/// `DELETE /users/{user}`
pub(super) async fn erase((): (), call: &mut Call, user: Id) -> Result<Response, Error> {
    users::erase(call.store(), user).await?;
    Ok(reply::done())
}
