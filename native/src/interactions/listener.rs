//! A program's listeners: what runs for an interaction, what it comes to, and what may run after the answer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sanmon_core::interaction::kind::Kind;
use sanmon_core::interaction::response::{Answers, DeferredMessage, DeferredUpdate, InvalidAnswer, Reply, Response};

/// What runs for interactions of kind `K`, which it is given as `E`. Cheap to clone.
pub struct Listener<K, E> {
    run: Arc<Answering<K, E>>,
    deferral: Option<Reply>,
}

type Answering<K, E> = dyn Fn(E) -> BoxFuture<'static, Result<Handled<K>, String>> + Send + Sync;

/// What a listener came to.
pub struct Handled<K> {
    pub(super) response: Option<Response<K>>,
    pub(super) continuation: Option<BoxFuture<'static, ()>>,
}

/// Answers that put off the real one.
pub trait Deferral {}

impl Deferral for DeferredMessage {}
impl Deferral for DeferredUpdate {}

impl<K: Kind, E> Listener<K, E> {
    /// A listener that calls this for every interaction. An error fails the dispatch: the platform is answered 500, and the
    /// log shows the error.
    pub fn new<F, R, T, D>(listener: F) -> Self
    where
        F: Fn(E) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, D>> + Send + 'static,
        T: Into<Handled<K>>,
        D: fmt::Display,
    {
        let run = move |entity| {
            let answer = listener(entity);
            async move { answer.await.map(Into::into).map_err(|error| error.to_string()) }.boxed()
        };
        Self { run: Arc::new(run), deferral: None }
    }

    /// Allows the server to put off the answer by itself when the listener is late. What the listener comes to then
    /// replaces the deferral through the platform's REST API.
    ///
    /// # Errors
    /// [`InvalidAnswer`], as for any answer.
    pub fn deferring(mut self, deferral: impl Answers<K> + Deferral) -> Result<Self, InvalidAnswer> {
        self.deferral = Some(Response::new(deferral)?.into_reply());
        Ok(self)
    }

    pub(super) fn call(&self, entity: E) -> BoxFuture<'static, Result<Handled<K>, String>> {
        (self.run)(entity)
    }

    pub(super) const fn deferral(&self) -> Option<&Reply> {
        self.deferral.as_ref()
    }
}

impl<K: Kind> Handled<K> {
    /// This answer.
    ///
    /// # Errors
    /// [`InvalidAnswer`] if it is beyond a limit of the platform.
    pub fn answer(answer: impl Answers<K>) -> Result<Self, InvalidAnswer> {
        Response::new(answer).map(Self::from)
    }

    /// No answer over this request: the listener answers, or has answered, by callback.
    pub const fn by_callback() -> Self {
        Self { response: None, continuation: None }
    }

    /// Has this run after the last byte of the answer was written. Closing the server waits for it.
    #[must_use]
    pub fn then(mut self, continuation: impl Future<Output = ()> + Send + 'static) -> Self {
        self.continuation = Some(match self.continuation {
            None => continuation.boxed(),
            Some(before) => before.then(|()| continuation).boxed(),
        });
        self
    }
}

impl<K> From<Response<K>> for Handled<K> {
    fn from(response: Response<K>) -> Self {
        Self { response: Some(response), continuation: None }
    }
}

impl<K, E> Clone for Listener<K, E> {
    fn clone(&self) -> Self {
        Self { run: Arc::clone(&self.run), deferral: self.deferral.clone() }
    }
}

impl<K, E> fmt::Debug for Listener<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("deferral", &self.deferral).finish_non_exhaustive()
    }
}

impl<K: fmt::Debug> fmt::Debug for Handled<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handled").field("response", &self.response).finish_non_exhaustive()
    }
}
