//! Every route, one line each: its path, and for each method who may ask and who answers.

mod admin;
mod audit;
mod auth;
mod backup;
mod body;
mod call;
mod channels;
mod console;
mod cors;
mod discovery;
mod error;
mod gateway;
mod guilds;
mod input;
mod interactions;
mod invites;
mod members;
mod openapi;
mod operator_keys;
mod presence;
mod publish;
mod quota;
mod reply;
mod segment;
mod sessions;
#[cfg(test)]
mod tests;
mod users;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use hyper::upgrade::OnUpgrade;
use sanmon_core::id::Id;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection};

use self::body::Body;
use self::call::{Call, Site};
use self::error::Error;
use self::segment::Whom;
use crate::node::Node;
use crate::peer::{Door, Peer, Transport};

/// A path and its methods.
struct Route {
    /// The path, such as `/guilds/{guild}`.
    path: &'static str,
    /// Each method and who may ask, such as `("GET", "session")`.
    methods: &'static [(&'static str, &'static str)],
    /// The filter that answers it.
    filter: fn(Arc<Site>) -> BoxedFilter<(Response,)>,
}

/// Makes a [`Route`] of a line such as `route!("guilds" {guild: Id}: GET session guilds::show)`: `session` is the function
/// of [`auth`] that admits the caller, `guilds::show` the handler, which gets the caller, the call and the path's
/// parameters.
macro_rules! route {
    ($($segment:literal $({$name:ident: $type:ty})*)/ *: $($method:ident $access:ident $handler:path),+) => {
        route!(@with ($($($name,)*)*) ($($($name: $type,)*)*) [$($segment $({$name: $type})*)*] $($method $access $handler)+)
    };
    (@with $names:tt ($($name:ident: $type:ty,)*) [$($segments:tt)*] $($method:ident $access:ident $handler:path)+) => {
        Route {
            path: route!(@path [] $($segments)*),
            methods: &[$((stringify!($method), stringify!($access))),+],
            filter: |site| {
                const ALLOW: &str = concat!($(stringify!($method), ", ",)+ "OPTIONS");
                route!(@filter warp::any(), $($segments)*)
                    .and(warp::path::end())
                    .and(request(site))
                    .then(|$($name: $type,)* mut call: Call| async move {
                        let patience = call.patience();
                        let answer = async {
                            match effective(&call.method).as_str() {
                                $(stringify!($method) => match auth::$access(&mut call).await {
                                    Ok(caller) => route!(@call $handler, caller, call, $names),
                                    Err(error) => Err(error),
                                },)+
                                "OPTIONS" => Ok(Call::options(ALLOW)),
                                _ => Err(Error::wrong_method(ALLOW)),
                            }
                        };
                        let answer = within(patience, answer).await;
                        call.answer(answer)
                    })
                    .boxed()
            },
        }
    };
    (@path [$($done:expr,)*]) => { concat!($($done,)*) };
    (@path [$($done:expr,)*] {$name:ident: $type:ty} $($rest:tt)*) => {
        route!(@path [$($done,)* "/{", stringify!($name), "}",] $($rest)*)
    };
    (@path [$($done:expr,)*] $segment:literal $($rest:tt)*) => { route!(@path [$($done,)* "/", $segment,] $($rest)*) };
    (@filter $filter:expr,) => { $filter };
    (@filter $filter:expr, {$name:ident: $type:ty} $($rest:tt)*) => {
        route!(@filter $filter.and(warp::path::param::<$type>()), $($rest)*)
    };
    (@filter $filter:expr, $segment:literal $($rest:tt)*) => {
        route!(@filter $filter.and(segment::literal($segment)), $($rest)*)
    };
    (@call $handler:path, $caller:ident, $call:ident, ($($name:ident,)*)) => {
        $handler($caller, &mut $call, $($name),*).await
    };
}

fn public() -> Vec<Route> {
    vec![
        route!("publish": POST publish publish::publish),
        route!(: GET anyone gateway::root),
        route!("gateway": GET anyone gateway::gateway),
        route!("available": GET anyone discovery::available),
        route!("domains": GET anyone discovery::domains),
        route!("openapi.json": GET anyone openapi::document_route),
        route!("console" {name: String}: GET anyone console::file),
        route!("sanmon" {name: String}: GET anyone console::file),
        route!("sessions": POST sessions sessions::create),
        route!("sessions" {session: Whom}: DELETE session_or_sessions sessions::revoke),
        route!("users"/"@me": GET session users::me),
        route!("users"/"@me"/"guilds": GET session users::my_guilds),
        route!("users"/"@me"/"presence": PATCH session presence::choose),
        route!("users" {user: Id}: PATCH admin users::change, DELETE admin users::erase),
        route!("users" {user: Whom}/"sessions": DELETE session_or_sessions sessions::revoke_all),
        route!("guilds": POST session guilds::create),
        route!("guilds" {guild: Id}: GET session guilds::show, PATCH session guilds::change, DELETE session guilds::delete),
        route!("guilds" {guild: Id}/"preview": GET visitor guilds::preview),
        route!("guilds" {guild: Id}/"members": GET session members::list),
        route!("guilds" {guild: Id}/"members" {user: Whom}: PUT admin members::add, DELETE session_or_admin members::remove),
        route!("guilds" {guild: Id}/"channels": GET session channels::list, POST session channels::create),
        route!("guilds" {guild: Id}/"invites": POST session invites::create),
        route!("channels" {channel: Id}: PATCH session channels::change, DELETE session channels::delete),
        interactions::of_any_application(),
        interactions::of_application(),
        route!("interactions" {interaction: Id} {token: String}/"callback": POST anyone interactions::callback),
        route!("operator-keys": GET admin operator_keys::list, POST admin operator_keys::create),
        route!("operator-keys" {key: Id}: DELETE admin operator_keys::revoke),
        route!("invites" {code: String}: GET anyone invites::show, POST session invites::join, DELETE session invites::delete),
    ]
}

fn administrative() -> Vec<Route> {
    vec![
        route!("healthz": GET anyone admin::health),
        route!("readyz": GET anyone admin::readiness),
        route!("metrics": GET anyone admin::metrics),
    ]
}

fn local() -> Vec<Route> {
    vec![route!("backup": POST admin backup::write)]
}

/// The routes for clients and backends: discovery, the gateway, the HTTP API, and the console's page.
pub(crate) fn api(node: Arc<Node>) -> BoxedFilter<(Response,)> {
    serve(node, Door::Public, public())
}

/// The routes of the control socket: those of [`api`], and what makes sense only on the server's own machine. Who gives no
/// Authorization here is the operator.
pub(crate) fn control(node: Arc<Node>) -> BoxedFilter<(Response,)> {
    serve(node, Door::Control, public().into_iter().chain(local()).collect())
}

/// The routes of the admin address.
pub(crate) fn admin(node: Arc<Node>) -> BoxedFilter<(Response,)> {
    serve(node, Door::Admin, administrative())
}

/// One filter of all these routes, which answers every request.
fn serve(node: Arc<Node>, door: Door, routes: Vec<Route>) -> BoxedFilter<(Response,)> {
    let site = Arc::new(Site::new(node, door));
    let nowhere = request(Arc::clone(&site)).then(|call: Call| async move { call.answer(Err(Error::no_route())) });
    routes
        .into_iter()
        .rev()
        .map(|route| (route.filter)(Arc::clone(&site)))
        .fold(nowhere.boxed(), |others, route| route.or(others).unify().boxed())
}

/// The request as a [`Call`]. Nothing is asked of its headers here, and its body is not read.
fn request(site: Arc<Site>) -> impl Filter<Extract = (Call,), Error = Rejection> + Clone {
    warp::method()
        .and(warp::path::full())
        .and(warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) }))
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::body::stream())
        .map(move |method, path: FullPath, query, headers, peer: Option<Peer>, upgrade, body| Call {
            site: Arc::clone(&site),
            method,
            path: path.as_str().to_owned(),
            query,
            headers,
            peer: peer.unwrap_or(STRANGER),
            upgrade,
            body: Body::new(body),
            began: site.node.clock.now(),
            quota: None,
            act: None,
        })
}

/// The answer, if it comes while there is patience. What was begun meanwhile may still be stored, as when a client goes away.
async fn within(
    patience: Option<Duration>,
    answer: impl Future<Output = Result<Response, Error>>,
) -> Result<Response, Error> {
    match patience {
        None => answer.await,
        Some(patience) => tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
            Err(Error::unavailable("storage_unavailable", "the server's database does not answer"))
        }),
    }
}

/// A peer of which nothing is known.
const STRANGER: Peer = Peer { address: None, door: Door::Public, transport: Transport::Plain };

/// The method whose answer is wanted: HEAD is GET without the body, which hyper leaves out.
fn effective(method: &Method) -> Method {
    if method == Method::HEAD { Method::GET } else { method.clone() }
}
