//! The road of a request: head, body, door, listener, answer. Whoever listens, it is the same.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Body;
use sanmon_core::id::Id;
use sanmon_core::interaction::model::InteractionKind;
use sanmon_core::interaction::response::Reply;
use sanmon_core::interaction::{Admission, Answer, Opened, Rejection, Server, Signed, Ticket};
use sanmon_core::time::Moment;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tracing::{debug, error, warn};

use super::arrival::{self, Arrival, Connection, Incomplete};
use super::body::{self, AnswerBody, End};
use super::files::FileExecutor;
use super::tasks::Tasks;
use crate::clock::Clock;
use crate::doorway::Written;
use crate::metrics::Metrics;

/// Who answers interactions that have passed the door.
pub(crate) trait Desk: Send + Sync + 'static {
    /// An interaction as the desk reads it.
    type Case: Send + 'static;

    /// Gets ready for the requests to come, such as by finding out the key.
    fn prepare(&self, door: &Server) -> impl Future<Output = Result<(), Rejection>> + Send;

    /// Reads an interaction.
    fn read(&self, opened: &Opened<'_>) -> Result<Self::Case, Rejection>;

    /// Sets the listener to work.
    fn run(&self, case: Self::Case) -> Result<Run, Rejection>;
}

/// A listener at work.
pub(crate) struct Run {
    pub(crate) answer: BoxFuture<'static, Settled>,
    pub(crate) late: Late,
}

/// What a listener came to.
pub(crate) struct Settled {
    pub(crate) answer: Answer,
    /// What runs after the answer's last byte was written.
    pub(crate) continuation: Option<BoxFuture<'static, ()>>,
}

/// What happens to a listener that did not answer in time.
pub(crate) enum Late {
    /// 500, and the listener ends where it stands.
    Abandon,
    /// 500, and the listener runs on, to no avail.
    RunOn,
    /// This answer, and what the listener comes to is delivered by other means.
    Defer(Reply, Box<dyn FnOnce(Answer) -> BoxFuture<'static, ()> + Send>),
}

/// How an endpoint is set up, beside its door.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) deadline: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) files: FileExecutor,
}

/// An interactions endpoint. Cheap to clone.
pub(crate) struct Endpoint<D>(Arc<Inner<D>>);

struct Inner<D> {
    door: Server,
    desk: D,
    arrival: Arrival,
    terms: Terms,
    clock: Clock,
    metrics: Arc<Metrics>,
    tasks: Tasks,
    /// Told of every answer.
    answered: Notify,
}

impl<D> Clone for Endpoint<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Settled {
    pub(crate) const fn new(answer: Answer) -> Self {
        Self { answer, continuation: None }
    }

    pub(crate) const fn refused(rejection: Rejection) -> Self {
        Self::new(Answer::Refused(rejection))
    }
}

impl<D: Desk> Endpoint<D> {
    pub(crate) fn new(door: Server, desk: D, terms: Terms, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let arrival = Arrival::new(door.max_body_bytes(), terms.body_timeout);
        let (tasks, answered) = (Tasks::default(), Notify::new());
        Self(Arc::new(Inner { door, desk, arrival, terms, clock, metrics, tasks, answered }))
    }

    pub(crate) fn desk(&self) -> &D {
        &self.0.desk
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Answers a request. `application` is the one that the path names, if it names one.
    pub(crate) async fn hook<B>(&self, application: Option<Id>, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let began = self.0.clock.now();
        let (mut parts, body) = request.into_parts();
        let written = parts.extensions.remove::<Written>();
        let signed = match arrival::head(&parts, application).check() {
            Ok(signed) => signed,
            Err(rejection) => {
                let connection = self.0.arrival.drain(&parts.headers, body).await;
                return self.refuse(&rejection, connection);
            }
        };
        let bytes = match self.0.arrival.collect(&parts.headers, body).await {
            Ok(bytes) => bytes,
            Err(Incomplete::TooLarge(connection)) => {
                return self.refuse(&Rejection::TooLarge { limit: self.0.arrival.max_bytes }, connection);
            }
            Err(Incomplete::Broken) => return closing(body::plain(StatusCode::BAD_REQUEST, "The body ended early")),
            Err(Incomplete::TooSlow) => {
                return closing(body::plain(StatusCode::REQUEST_TIMEOUT, "The body took too long"));
            }
        };
        self.answer(began, &signed, &bytes, written).await
    }

    /// Answers a request at a path where nothing is.
    pub(super) async fn nowhere<B>(&self, request: Request<B>) -> Response<AnswerBody>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let (parts, body) = request.into_parts();
        let response = body::plain(StatusCode::NOT_FOUND, "Not Found");
        match self.0.arrival.drain(&parts.headers, body).await {
            Connection::Stays => response,
            Connection::Ends => closing(response),
        }
    }

    /// Answers a body whose head was checked before.
    pub(super) async fn on_signed(&self, signed: &Signed<'_>, body: &[u8]) -> Response<AnswerBody> {
        self.answer(self.0.clock.now(), signed, body, None).await
    }

    async fn answer(
        &self,
        began: Moment,
        signed: &Signed<'_>,
        body: &[u8],
        written: Option<Written>,
    ) -> Response<AnswerBody> {
        let (kind, settled) = match self.dispatch(began, signed, body).await {
            Ok((kind, settled)) => (kind_label(kind), settled),
            Err(rejection) => {
                debug!(reason = %rejection, "an interaction was refused");
                ("none", Settled::refused(rejection))
            }
        };
        let response = body::response(&settled.answer, &self.0.terms.files).await;
        self.0.metrics.interactions.with_label_values(&[kind, response.status().as_str()]).inc();
        match settled.continuation {
            Some(continuation) if response.status().is_success() => {
                let (tasks, runtime) = (self.0.tasks.clone(), Handle::current());
                let continuation = Mutex::new(continuation);
                response.map(|body| body.and_then(End { continuation, tasks, runtime, written }))
            }
            _ => response,
        }
    }

    /// What a body that was signed gets.
    async fn dispatch(
        &self,
        began: Moment,
        signed: &Signed<'_>,
        body: &[u8],
    ) -> Result<(InteractionKind, Settled), Rejection> {
        let Inner { door, desk, clock, .. } = &*self.0;
        desk.prepare(door).await?;
        let opened = door.open(clock.unix(), signed, body)?;
        let kind = opened.kind;
        if kind == InteractionKind::Ping {
            return Ok((kind, Settled::new(Answer::Reply(Reply::pong()))));
        }
        let case = desk.read(&opened)?;
        let ticket = opened.ticket()?;
        let deadline = began + self.0.terms.deadline;
        let settled = match door.admit(clock.unix(), ticket) {
            Admission::Answered(answer) => Settled::new(answer),
            Admission::Running => Settled::new(self.wait(ticket, deadline).await),
            Admission::First => {
                let (sender, receiver) = oneshot::channel();
                self.0.tasks.begin(&Handle::current(), self.clone().supervise(ticket, case, deadline, sender));
                // Nothing comes if the server was closed in the meantime.
                receiver.await.unwrap_or_else(|_| Settled::refused(Rejection::Failed))
            }
        };
        Ok((kind, settled))
    }

    /// The answer that another delivery of the same interaction gets.
    async fn wait(&self, ticket: Ticket, deadline: Moment) -> Answer {
        let answer = async {
            loop {
                let answered = self.0.answered.notified();
                if let Some(answer) = self.0.door.answer(ticket) {
                    return answer;
                }
                answered.await;
            }
        };
        // The first delivery has the earlier deadline, and the answer that it gets then is seen here.
        let patience = self.left_until(deadline) + Duration::from_millis(100);
        tokio::time::timeout(patience, answer).await.unwrap_or(Answer::Refused(Rejection::Failed))
    }

    /// Runs the listener of the first delivery. The request may end before: what was begun is finished.
    async fn supervise(self, ticket: Ticket, case: D::Case, deadline: Moment, sender: oneshot::Sender<Settled>) {
        // Listeners are others' code, and may panic as soon as they are called.
        let run = std::panic::catch_unwind(AssertUnwindSafe(|| self.0.desk.run(case)));
        let (answer, late) = match run {
            Ok(Ok(Run { answer, late })) => (answer, late),
            Ok(Err(rejection)) => return self.settle(ticket, Settled::refused(rejection), sender),
            Err(_) => return self.settle(ticket, panicked(), sender),
        };
        let mut answer = Box::pin(AssertUnwindSafe(answer).catch_unwind());
        match tokio::time::timeout(self.left_until(deadline), answer.as_mut()).await {
            Ok(settled) => return self.settle(ticket, settled.unwrap_or_else(|_| panicked()), sender),
            Err(_) => warn!(interaction = %ticket.interaction, "a listener is late"),
        }
        match late {
            Late::Abandon => self.fail_late(ticket, sender),
            Late::RunOn => {
                self.fail_late(ticket, sender);
                let _ = answer.await;
            }
            Late::Defer(deferral, deliver) => {
                self.0.metrics.interactions_late.with_label_values(&["deferred"]).inc();
                self.settle(ticket, Settled::new(Answer::Reply(deferral)), sender);
                let settled = answer.await.unwrap_or_else(|_| panicked());
                deliver(settled.answer).await;
                if let Some(continuation) = settled.continuation {
                    continuation.await;
                }
            }
        }
    }

    fn fail_late(&self, ticket: Ticket, sender: oneshot::Sender<Settled>) {
        self.0.metrics.interactions_late.with_label_values(&["failed"]).inc();
        self.settle(ticket, Settled::refused(Rejection::Failed), sender);
    }

    /// Remembers the answer for duplicates, and hands it to the first delivery.
    fn settle(&self, ticket: Ticket, settled: Settled, sender: oneshot::Sender<Settled>) {
        self.0.door.handle_answered(self.0.clock.unix(), ticket, settled.answer.clone());
        self.0.answered.notify_waiters();
        if sender.send(settled).is_err() {
            debug!(interaction = %ticket.interaction, "the platform did not wait for the answer");
        }
    }

    fn left_until(&self, deadline: Moment) -> Duration {
        deadline.since(self.0.clock.now())
    }

    /// A request that was refused before it got to the door.
    fn refuse(&self, rejection: &Rejection, connection: Connection) -> Response<AnswerBody> {
        let response = body::refused(rejection);
        self.0.metrics.interactions.with_label_values(&["none", response.status().as_str()]).inc();
        match connection {
            Connection::Stays => response,
            Connection::Ends => closing(response),
        }
    }
}

fn panicked() -> Settled {
    error!("a listener panicked");
    Settled::refused(Rejection::Failed)
}

/// The same answer, after which the connection ends.
fn closing(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn kind_label(kind: InteractionKind) -> &'static str {
    match kind {
        InteractionKind::Ping => "ping",
        InteractionKind::ApplicationCommand => "command",
        InteractionKind::MessageComponent => "component",
        InteractionKind::Autocomplete => "autocomplete",
        InteractionKind::ModalSubmit => "modal",
        _ => "other",
    }
}
