//! An endpoint as hyper calls it, and as a warp filter.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyDataStream, BodyExt, StreamBody};
use hyper::body::{Body, Buf, Frame, Incoming};
use hyper::service::Service;
use warp::{Filter, Rejection, Reply};

use super::body::AnswerBody;
use super::endpoint::{Desk, Endpoint};
use crate::doorway::Written;

/// An endpoint at the path `/`; there is nothing else.
pub(super) struct Root<D>(pub(super) Endpoint<D>);

impl<D> Clone for Root<D> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<D: Desk> Service<Request<Incoming>> for Root<D> {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let endpoint = self.0.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/" => endpoint.hook(None, request).await,
                _ => endpoint.nowhere(request).await,
            })
        })
    }
}

/// An endpoint as a warp filter that takes every request at its place.
pub(super) fn filter<D: Desk>(
    endpoint: Endpoint<D>,
) -> impl Filter<Extract = (warp::reply::Response,), Error = Rejection> + Clone {
    warp::method()
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Written>())
        .and(warp::body::stream())
        .then(move |method: Method, headers: HeaderMap, written: Option<Written>, stream| {
            let endpoint = endpoint.clone();
            async move { for_warp(endpoint.hook(None, assembled(method, headers, written, stream)).await) }
        })
}

/// A request put together again out of what warp's filters took from it.
fn assembled<B: Buf>(
    method: Method,
    headers: HeaderMap,
    written: Option<Written>,
    stream: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
) -> Request<impl Body<Data = Bytes, Error = warp::Error> + Send + 'static> {
    let frames = stream.map_ok(|mut part| Frame::data(part.copy_to_bytes(part.remaining())));
    let mut request = Request::new(BodyExt::boxed_unsync(StreamBody::new(frames)));
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    if let Some(written) = written {
        request.extensions_mut().insert(written);
    }
    request
}

/// The answer as warp has it, whose streams don't know their length.
pub(crate) fn for_warp(response: Response<AnswerBody>) -> warp::reply::Response {
    let (parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    let mut response = warp::reply::stream(BodyDataStream::new(body)).into_response();
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}
