//! The door to the gateway: WebSocket upgrades, at `/` and at `/gateway`.

use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, StatusCode};
use warp::reply::Response;

use super::call::Call;
use super::console;
use super::error::Error;
use crate::upgrade::is_upgrade;

/// `GET /`: the gateway for who asks for a WebSocket, the console's page for everyone else.
pub(super) async fn root((): (), call: &mut Call) -> Result<Response, Error> {
    if is_upgrade(&call.headers) { Ok(upgrade(call)) } else { console::page((), call).await }
}

/// `GET /gateway`
pub(super) async fn gateway((): (), call: &mut Call) -> Result<Response, Error> {
    if is_upgrade(&call.headers) {
        return Ok(upgrade(call));
    }
    let message = "connect with a WebSocket";
    let mut response = Error::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message).into_response();
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    Ok(response)
}

fn upgrade(call: &mut Call) -> Response {
    let upgrade = call.upgrade.take();
    call.site.gatekeeper.answer(&call.site.node.hub, &call.headers, &call.peer, upgrade).map(Into::into)
}
