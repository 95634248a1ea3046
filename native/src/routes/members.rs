//! Members of guilds: read by members, removed by the owner or by themselves, mirrored by the platform.

use sanmon_core::id::Id;
use warp::reply::Response;

use super::auth::{Actor, Caller};
use super::call::Call;
use super::error::Error;
use super::segment::Whom;
use super::{input, reply};
use crate::store::members::{self, Remover};

/// How many members a page has when nobody says.
const DEFAULT_LIMIT: u32 = 100;
/// How many it may have.
const MAX_LIMIT: u32 = 1_000;

/// `GET /guilds/{guild}/members?after=&limit=`
pub(super) async fn list(actor: Actor, call: &mut Call, guild: Id) -> Result<Response, Error> {
    let after = call.query("after").map(|after| input::id(&after, "after")).transpose()?;
    let limit = match call.query("limit") {
        None => DEFAULT_LIMIT,
        Some(limit) => limit
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| Error::invalid(format!("`limit`: this is 1 to {MAX_LIMIT}")))?,
    };
    Ok(reply::ok(&members::page(call.store(), actor.user, guild, after, limit).await?))
}

/// `PUT /guilds/{guild}/members/{user}`
pub(super) async fn add((): (), call: &mut Call, guild: Id, user: Whom) -> Result<Response, Error> {
    let user = user.of(Caller::Platform)?;
    Ok(reply::ok(&members::add(call.store(), call.caps(), guild, user).await?))
}

/// `DELETE /guilds/{guild}/members/{user}`
pub(super) async fn remove(caller: Caller, call: &mut Call, guild: Id, user: Whom) -> Result<Response, Error> {
    let (remover, user) = match (caller, user) {
        (Caller::User(actor), Whom::Me) => (Remover::User(actor.user), actor.user),
        (Caller::User(actor), Whom::Id(user)) => (Remover::User(actor.user), user),
        (Caller::Platform, user) => (Remover::Platform, user.of(caller)?),
    };
    members::remove(call.store(), remover, guild, user).await?;
    Ok(reply::done())
}
