//! Interactions that bots answer over the gateway: each goes to one connection of its application, and the answer comes
//! back by callback. Among many nodes the interaction, the bot and the callback may each come to another one.

mod across;
mod parcel;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use sanmon_core::codec::Dispatch;
use sanmon_core::event::{Envelope, EventName};
use sanmon_core::id::Id;
use sanmon_core::interaction::model::{InteractionKind, Snowflake};
use sanmon_core::interaction::response::{Form, InvalidReply, Reply};
use sanmon_core::interaction::{Answer, Config as Door, Opened, Rejection, Server};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::across::Across;
use super::endpoint::{Desk, Endpoint, Late, Run, Settled, Terms};
use super::files::FileExecutor;
use super::form::{self, InvalidForm};
use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::hub::Hub;
use crate::metrics::Metrics;

/// How many interactions may wait for their callback; more are refused.
const MAX_WAITING: usize = 1 << 14;

/// How often it is looked whether one still waits, once the node ends.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many callbacks with files are taken at once; each holds as many bytes as one may have.
const MAX_FORMS: usize = 16;

/// Hands interactions to gateway connections, and takes the answers. Clones are the same.
#[derive(Clone)]
pub(crate) struct Relay {
    hub: Hub,
    waiting: Waiting,
    forms: Arc<Semaphore>,
    across: Option<Across>,
}

/// Where an interaction waits for its callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// At this node.
    Here,
    /// At another one.
    Elsewhere,
}

/// The interactions that wait for a callback, by what a callback names.
type Waiting = Arc<Mutex<HashMap<Callback, Waiter>>>;

/// What a callback names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Callback {
    interaction: Snowflake,
    token: String,
}

struct Waiter {
    kind: InteractionKind,
    sender: oneshot::Sender<Reply>,
}

/// An interaction on its way to a connection.
pub(crate) struct Case {
    application: Id,
    kind: InteractionKind,
    callback: Callback,
    event: String,
}

/// Why a callback is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallbackError {
    /// No such interaction waits: it was answered, or it is too late.
    #[error("no such interaction waits for an answer")]
    Unknown,
    /// This can't be the answer.
    #[error("the body is {0}")]
    Invalid(#[from] InvalidReply),
    /// This can't be the answer with files.
    #[error("the body is {0}")]
    InvalidForm(#[from] InvalidForm),
    /// The node that waits for it says that this can't be the answer, and why.
    #[error("{0}")]
    InvalidElsewhere(String),
    /// Too many callbacks are being taken, or the node that waits for it does not answer.
    #[error("too many callbacks are being taken")]
    Busy,
}

/// Takes an interaction off the list once it no longer waits, for whatever reason.
struct Place {
    waiting: Waiting,
    callback: Callback,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.waiting).remove(&self.callback);
    }
}

impl Endpoint<Relay> {
    /// The endpoint of a node, as it is configured.
    pub(crate) fn of_node(
        config: &Config,
        hub: Hub,
        cluster: Option<&Cluster>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let max_age = Duration::from_secs(config.interactions_max_age_s);
        let door = Server::new(Door {
            keys: config.interactions_key.iter().map(|key| key.0).collect(),
            max_body_bytes: config.interactions_max_body_bytes,
            max_age: (!max_age.is_zero()).then_some(max_age),
        });
        let terms = Terms {
            deadline: Duration::from_millis(config.interactions_deadline_ms),
            body_timeout: Duration::from_millis(config.body_timeout_ms),
            files: FileExecutor::default(),
        };
        let across = cluster.map(|cluster| Across::start(cluster.client().clone(), &hub, config, clock));
        let relay = Relay { hub, waiting: Waiting::default(), forms: Arc::new(Semaphore::new(MAX_FORMS)), across };
        Self::new(door, relay, terms, clock, metrics)
    }
}

impl Callback {
    pub(crate) fn new(interaction: Id, token: String) -> Self {
        Self { interaction: interaction.into(), token }
    }
}

impl Relay {
    /// Where the interaction waits for this callback: so nobody else's body is read.
    pub(crate) async fn find(&self, callback: &Callback) -> Result<Held, CallbackError> {
        match (self.expects(callback), &self.across) {
            (Ok(_), _) => Ok(Held::Here),
            (Err(_), Some(across)) => across.find(callback).await,
            (Err(error), None) => Err(error),
        }
    }

    /// The kind of the interaction that waits here for this callback.
    fn expects(&self, callback: &Callback) -> Result<InteractionKind, CallbackError> {
        lock(&self.waiting).get(callback).map(|waiter| waiter.kind).ok_or(CallbackError::Unknown)
    }

    /// Leave to take one callback with files; none while too many are being taken.
    pub(crate) fn room_for_form(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.forms).try_acquire_owned().ok()
    }

    /// Takes the answer to an interaction that waits there; the first one counts.
    pub(crate) async fn answer(&self, held: Held, callback: &Callback, json: String) -> Result<(), CallbackError> {
        match (held, &self.across) {
            (Held::Elsewhere, Some(across)) => across.answer(callback, json).await,
            _ => self.settle_json(callback, json),
        }
    }

    /// The same with files.
    pub(crate) async fn answer_by_form(
        &self,
        held: Held,
        callback: &Callback,
        form: Form,
    ) -> Result<(), CallbackError> {
        match (held, &self.across) {
            (Held::Elsewhere, Some(across)) => across.answer_by_form(callback, form).await,
            _ => self.settle_form(callback, form).await,
        }
    }

    fn settle_json(&self, callback: &Callback, json: String) -> Result<(), CallbackError> {
        self.settle(callback, Reply::from_json(self.expects(callback)?, json, Vec::new())?)
    }

    async fn settle_form(&self, callback: &Callback, form: Form) -> Result<(), CallbackError> {
        let json = form::json_of(&form).await?;
        self.settle(callback, Reply::from_form(self.expects(callback)?, json, form)?)
    }

    fn settle(&self, callback: &Callback, reply: Reply) -> Result<(), CallbackError> {
        let waiter = lock(&self.waiting).remove(callback).ok_or(CallbackError::Unknown)?;
        waiter.sender.send(reply).map_err(|_| CallbackError::Unknown)
    }

    /// Hands an interaction to a connection of the application, one of this node's before others.
    async fn hand_out(&self, application: Id, event: String) -> Result<(), Rejection> {
        if self.hub.send_to_one(application, Dispatch::new(event.clone())).await {
            return Ok(());
        }
        match &self.across {
            Some(across) => across.hand_on(application, event.into()).await,
            None => Err(Rejection::NoListener),
        }
    }

    /// Waits until no interaction waits for a callback any longer, as each does until its deadline at most.
    pub(crate) async fn emptied(&self) {
        while !lock(&self.waiting).is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn wait(&self, callback: Callback, kind: InteractionKind) -> Option<(Place, oneshot::Receiver<Reply>)> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= MAX_WAITING {
            tracing::warn!("too many interactions wait for their callbacks");
            return None;
        }
        let Entry::Vacant(entry) = waiting.entry(callback.clone()) else { return None };
        entry.insert(Waiter { kind, sender });
        Some((Place { waiting: Arc::clone(&self.waiting), callback }, receiver))
    }
}

impl Desk for Relay {
    type Case = Case;

    async fn prepare(&self, _: &Server) -> Result<(), Rejection> {
        Ok(())
    }

    fn read(&self, opened: &Opened<'_>) -> Result<Case, Rejection> {
        let shape = |reason: &str| Rejection::Shape(reason.to_owned());
        let interaction = opened.interaction()?.ok_or_else(|| shape("a ping"))?;
        let application =
            Id::try_from(interaction.application_id()).map_err(|_| shape("`application_id` can't be a user's"))?;
        let callback = Callback { interaction: interaction.id(), token: interaction.token().to_owned() };
        let name: EventName = "INTERACTION_CREATE".parse().expect("a name of the protocol");
        let text = RawValue::from_string(opened.text.to_owned()).map_err(|error| shape(&error.to_string()))?;
        Ok(Case { application, kind: opened.kind, callback, event: Envelope::new(name).with("d", text).to_json() })
    }

    fn run(&self, case: Case) -> Result<Run, Rejection> {
        let Case { application, kind, callback, event } = case;
        let (place, receiver) = self.wait(callback, kind).ok_or(Rejection::Failed)?;
        let relay = self.clone();
        let answer = async move {
            let place = place;
            let _ears = match &relay.across {
                Some(across) => across.hold(&relay, &place.callback).await,
                None => None,
            };
            if let Err(rejection) = relay.hand_out(application, event).await {
                return Settled::refused(rejection);
            }
            match receiver.await {
                Ok(reply) => Settled::new(Answer::Reply(reply)),
                Err(_) => Settled::refused(Rejection::Failed),
            }
        };
        Ok(Run { answer: answer.boxed(), late: Late::Abandon })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("waiting", &lock(&self.waiting).len()).finish_non_exhaustive()
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<Callback, Waiter>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
