//! Interactions: the platform's signed requests, and the callbacks by which bots answer them.

use std::sync::Arc;

use futures_util::TryStreamExt;
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use sanmon_core::id::Id;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::body::Body;
use super::call::{Call, Site};
use super::error::Error;
use super::{Route, reply};
use crate::interactions::{CallbackError, for_warp};

/// `POST /interactions/{application}`
pub(super) fn of_application() -> Route {
    Route {
        path: "/interactions/{application}",
        methods: SIGNED,
        filter: |site: Arc<Site>| -> BoxedFilter<(Response,)> {
            let path = warp::path("interactions").and(warp::path::param::<Id>()).and(warp::path::end());
            path.and(super::request(site)).then(|application, call| signed(Some(application), call)).boxed()
        },
    }
}

/// `POST /interactions`
pub(super) fn of_any_application() -> Route {
    Route {
        path: "/interactions",
        methods: SIGNED,
        filter: |site: Arc<Site>| -> BoxedFilter<(Response,)> {
            let path = warp::path("interactions").and(warp::path::end());
            path.and(super::request(site)).then(|call| signed(None, call)).boxed()
        },
    }
}

/// The signature says who asks; what other methods get is in the endpoint's own table.
const SIGNED: &[(&str, &str)] = &[("POST", "platform")];

async fn signed(application: Option<Id>, mut call: Call) -> Response {
    let frames = std::mem::replace(&mut call.body, Body::none()).into_stream().map_ok(Frame::data);
    let mut request = Request::new(StreamBody::new(frames));
    *request.method_mut() = call.method.clone();
    *request.headers_mut() = call.headers.clone();
    let response = for_warp(call.node().interactions.hook(application, request).await);
    call.answer(Ok(response))
}

/// `POST /interactions/{interaction}/{token}/callback`
pub(super) async fn callback((): (), call: &mut Call, interaction: Id, token: String) -> Result<Response, Error> {
    let json = call.json().await?;
    call.node().interactions.desk().callback(interaction, &token, json).map(|()| reply::done()).map_err(|error| {
        match error {
            CallbackError::Unknown => Error::new(
                StatusCode::NOT_FOUND,
                "unknown_interaction",
                "the interaction was answered, or it is too late",
            ),
            CallbackError::Invalid(_) => Error::invalid(error.to_string()),
        }
    })
}
