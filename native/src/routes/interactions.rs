//! Interactions: the platform's signed requests, and the callbacks by which bots answer them.

use std::sync::Arc;

use futures_util::TryStreamExt;
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use sanmon_core::id::Id;
use sanmon_core::interaction::response::Form;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::body::Body;
use super::call::{Call, Site};
use super::error::Error;
use super::{Route, reply};
use crate::interactions::{Callback, CallbackError, for_warp};

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
    let site = Arc::clone(&call.site);
    let relay = site.node.interactions.desk();
    let callback = Callback::new(interaction, token);
    let held = relay.find(&callback).await.map_err(refused)?;
    match call.form_type() {
        None => relay.answer(held, &callback, call.json().await?).await,
        Some(content_type) => {
            let busy = || Error::unavailable("busy", "too many callbacks with files at once: try again");
            let _room = relay.room_for_form().ok_or_else(busy)?;
            let body = call.bytes(site.node.config.interactions_max_callback_bytes).await?;
            relay.answer_by_form(held, &callback, Form { content_type, body }).await
        }
    }
    .map(|()| reply::done())
    .map_err(refused)
}

fn refused(error: CallbackError) -> Error {
    match error {
        CallbackError::Unknown => {
            Error::new(StatusCode::NOT_FOUND, "unknown_interaction", "the interaction was answered, or it is too late")
        }
        CallbackError::Invalid(_) | CallbackError::InvalidForm(_) | CallbackError::InvalidElsewhere(_) => {
            Error::invalid(error.to_string())
        }
        CallbackError::Busy => Error::unavailable("busy", "too many callbacks at once: try again"),
    }
}
