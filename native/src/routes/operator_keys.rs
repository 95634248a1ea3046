//! The operator's own keys.

use sanmon_core::id::Id;
use serde::Serialize;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;
use crate::config::LONGEST_S;
use crate::store::operator_keys::{self, NewKey, OperatorKey, Scope};

/// A key as it is answered, once: its secret is not kept.
#[derive(Serialize)]
struct Minted<'a> {
    key: &'a str,
    #[serde(flatten)]
    about: &'a OperatorKey,
}

/// `GET /operator-keys`
pub(super) async fn list((): (), call: &mut Call) -> Result<Response, Error> {
    Ok(reply::ok(&operator_keys::list(call.store()).await?))
}

/// `POST /operator-keys`
pub(super) async fn create((): (), call: &mut Call) -> Result<Response, Error> {
    let mut input = call.input().await?;
    let name: String = input.required("name")?;
    let scopes: Vec<String> = input.required("scopes")?;
    let parsed = scopes.iter().map(|scope| scope.parse::<Scope>()).collect::<Result<Vec<_>, _>>();
    let scopes = parsed.map_err(|error| input.fault("scopes", error))?;
    let expires_in = input.lifetime(LONGEST_S)?;
    input.end()?;
    let minted = operator_keys::create(call.store(), NewKey { name, scopes, expires_in }).await?;
    if let Some(act) = &mut call.act {
        act.made = Some(minted.about.id);
    }
    Ok(reply::created(&Minted { key: &minted.key, about: &minted.about }))
}

/// `DELETE /operator-keys/{key}`
pub(super) async fn revoke((): (), call: &mut Call, key: Id) -> Result<Response, Error> {
    operator_keys::revoke(call.store(), key).await?;
    Ok(reply::done())
}
