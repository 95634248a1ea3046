//! Interactions among many nodes: to a bot that is connected elsewhere, and its callback that comes in elsewhere.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Subscriber};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::StreamExt;
use sanmon_core::codec::Dispatch;
use sanmon_core::id::Id;
use sanmon_core::interaction::Rejection;
use sanmon_core::interaction::response::Form;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::parcel::{Parcel, Post, Unheard};
use super::{Callback, CallbackError, Held, Relay};
use crate::clock::Clock;
use crate::config::Config;
use crate::hub::Hub;
use crate::tally::Tally;

/// Requests of other nodes that are answered at once; more are not taken.
const AT_ONCE: usize = 256;
/// Callbacks for interactions of other nodes that are looked for at once.
const LOOKED_FOR: usize = 64;
/// How often it is looked who has an interaction. The second time is for who has begun to listen just now.
const LOOKS: usize = 2;
/// How long it is waited between.
const LOOK_AGAIN: Duration = Duration::from_millis(40);
/// How long beginning to listen may take.
const LISTEN_TIMEOUT: Duration = Duration::from_millis(500);
/// Where no interaction is held.
const NOBODY: &str = "sanmon.callbacks.nobody";
/// How long it is waited before it is tried again to listen for an application.
const RETRY: Duration = Duration::from_secs(1);

/// The other nodes, as far as interactions concern them. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Across {
    post: Post,
    lookups: Arc<Semaphore>,
    clock: Clock,
    /// What could not be said to another node.
    unsaid: Arc<Tally>,
    _tasks: Arc<Tasks>,
}

/// What listens for as long as the node runs.
#[derive(Debug)]
struct Tasks(Vec<AbortHandle>);

/// Listens at other nodes until it is dropped, then finishes what it has heard.
#[derive(Debug)]
pub(super) struct Ears {
    _end: oneshot::Sender<()>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// What the node is asked that holds an interaction.
#[derive(Debug, Serialize, Deserialize)]
enum Asked {
    /// Whether it does.
    IsHeld,
    /// To take this JSON as the answer.
    Json,
    /// To take this form as the answer.
    Form { content_type: String },
}

/// What that node says.
#[derive(Debug, Serialize, Deserialize)]
enum Said {
    /// It holds it, or has taken the answer.
    Yes,
    /// It does not.
    Unknown,
    /// This can't be the answer.
    Invalid(String),
    /// Too many answers with files are being taken.
    Busy,
}

impl Across {
    /// Listens for interactions of the applications that have connections here, whenever they have.
    pub(super) fn start(client: Client, hub: &Hub, config: &Config, clock: Clock) -> Self {
        let max_body = config.interactions_max_body_bytes.max(config.interactions_max_callback_bytes);
        // An interaction travels in an event.
        let post = Post::new(client, max_body + (1 << 10));
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let tasks = hub.attendance().into_iter().map(|(application, connections)| {
            let serve = serve(post.clone(), hub.clone(), application, connections, Arc::clone(&room));
            tokio::spawn(serve).abort_handle()
        });
        let tasks = Arc::new(Tasks(tasks.collect()));
        Self { post, lookups: Arc::new(Semaphore::new(LOOKED_FOR)), clock, unsaid: Arc::default(), _tasks: tasks }
    }

    /// Hands an interaction to a node where the application is connected.
    ///
    /// # Errors
    /// It is connected at none, or none could be asked or had room.
    pub(super) async fn hand_on(&self, application: Id, event: Bytes) -> Result<(), Rejection> {
        match self.post.ask::<_, bool>(&subject_of(application), (), event).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(Unheard::NobodyThere) => Err(Rejection::NoListener),
            Err(error) => {
                self.complain(&error);
                Err(Rejection::Failed)
            }
        }
    }

    /// Takes callbacks that come in at other nodes, until what is returned is dropped.
    pub(super) async fn hold(&self, relay: &Relay, callback: &Callback) -> Option<Ears> {
        let listening = async {
            let heard = self.post.client().subscribe(subject_of_callback(callback)).await?;
            // The bot may be quick.
            self.post.settle(NOBODY).await;
            Ok::<_, async_nats::SubscribeError>(heard)
        };
        match timeout(LISTEN_TIMEOUT, listening).await {
            Ok(Ok(heard)) => {
                let (end, ended) = oneshot::channel();
                tokio::spawn(answer(self.post.clone(), heard, ended, relay.clone(), callback.clone()));
                Some(Ears { _end: end })
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "callbacks that come in at other nodes can't be heard");
                None
            }
            Err(_) => None,
        }
    }

    /// Whether another node holds the interaction.
    pub(super) async fn find(&self, callback: &Callback) -> Result<Held, CallbackError> {
        let Ok(_room) = self.lookups.try_acquire() else { return Err(CallbackError::Busy) };
        for look in 1..=LOOKS {
            match self.tell(callback, Asked::IsHeld, Bytes::new()).await {
                Ok(()) => return Ok(Held::Elsewhere),
                Err(CallbackError::Unknown) if look < LOOKS => sleep(LOOK_AGAIN).await,
                Err(error) => return Err(error),
            }
        }
        Err(CallbackError::Unknown)
    }

    /// Gives the answer to an interaction to the node that holds it.
    pub(super) async fn answer(&self, callback: &Callback, json: String) -> Result<(), CallbackError> {
        self.tell(callback, Asked::Json, json.into()).await
    }

    /// The same with files.
    pub(super) async fn answer_by_form(&self, callback: &Callback, form: Form) -> Result<(), CallbackError> {
        let Form { content_type, body } = form;
        self.tell(callback, Asked::Form { content_type }, body).await
    }

    async fn tell(&self, callback: &Callback, asked: Asked, body: Bytes) -> Result<(), CallbackError> {
        match self.post.ask(&subject_of_callback(callback), asked, body).await {
            Ok(Said::Yes) => Ok(()),
            Ok(Said::Unknown) | Err(Unheard::NobodyThere) => Err(CallbackError::Unknown),
            Ok(Said::Invalid(reason)) => Err(CallbackError::InvalidElsewhere(reason)),
            Ok(Said::Busy) => Err(CallbackError::Busy),
            Err(error) => {
                self.complain(&error);
                Err(CallbackError::Busy)
            }
        }
    }

    /// Has the operator know now and then: while NATS is out of reach all of them fail.
    fn complain(&self, error: &Unheard) {
        if let Some(times) = self.unsaid.note(self.clock.now()) {
            tracing::warn!(times, %error, "interactions or callbacks could not be handed to another node");
        }
    }
}

/// Hands interactions that come in at other nodes to the application's connections, while it has any here.
async fn serve(post: Post, hub: Hub, application: Id, mut connections: watch::Receiver<usize>, room: Arc<Semaphore>) {
    // An error says that the hub is gone.
    while connections.wait_for(|count| *count > 0).await.is_ok() {
        let subject = subject_of(application);
        let mut heard = match post.client().queue_subscribe(subject.clone(), subject).await {
            Ok(heard) => heard,
            Err(error) => {
                tracing::warn!(%error, %application, "interactions that come in at other nodes can't be heard");
                sleep(RETRY).await;
                continue;
            }
        };
        loop {
            let message = tokio::select! {
                message = heard.next() => message,
                _ = connections.wait_for(|count| *count == 0) => None,
            };
            let Some(message) = message else { break };
            let Ok(room) = Arc::clone(&room).try_acquire_owned() else {
                post.refuse(message).await;
                continue;
            };
            let (post, hub) = (post.clone(), hub.clone());
            tokio::spawn(async move {
                let _room = room;
                let take = post.take(message, async |parcel: Parcel<()>| match String::from_utf8(parcel.body.into()) {
                    Ok(event) => hub.send_to_one(application, Dispatch::new(event)).await,
                    Err(_) => false,
                });
                take.await;
            });
        }
    }
}

/// Answers other nodes about an interaction that is held here.
async fn answer(post: Post, mut heard: Subscriber, mut ended: oneshot::Receiver<()>, relay: Relay, callback: Callback) {
    loop {
        let message = tokio::select! {
            message = heard.next() => message,
            _ = &mut ended => None,
        };
        let Some(message) = message else { return };
        let take = post.take(message, async |parcel: Parcel<Asked>| {
            let settled = match parcel.head {
                Asked::IsHeld => relay.expects(&callback).map(|_| ()),
                Asked::Json => match String::from_utf8(parcel.body.into()) {
                    Ok(json) => relay.settle_json(&callback, json),
                    Err(_) => Err(CallbackError::InvalidElsewhere("not UTF-8".into())),
                },
                Asked::Form { content_type } => match relay.room_for_form() {
                    Some(_room) => relay.settle_form(&callback, Form { content_type, body: parcel.body }).await,
                    None => Err(CallbackError::Busy),
                },
            };
            match settled {
                Ok(()) => Said::Yes,
                Err(CallbackError::Unknown) => Said::Unknown,
                Err(CallbackError::Busy) => Said::Busy,
                Err(error) => Said::Invalid(error.to_string()),
            }
        });
        take.await;
    }
}

fn subject_of(application: Id) -> String {
    format!("sanmon.interactions.{application}")
}

/// The token is a secret, and may hold what a subject can't.
fn subject_of_callback(callback: &Callback) -> String {
    let hash = Sha256::digest(callback.token.as_bytes());
    format!("sanmon.callbacks.{}.{}", callback.interaction, BASE64_URL_SAFE_NO_PAD.encode(&hash[..16]))
}
