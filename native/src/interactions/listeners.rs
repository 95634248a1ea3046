//! The listeners of a server, one a kind, and how each is set to work.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use futures_util::FutureExt;
use sanmon_core::interaction::kind::{ApplicationCommand, Autocomplete, Kind, MessageComponent, ModalSubmit};
use sanmon_core::interaction::model::{InteractionKind, Snowflake};
use sanmon_core::interaction::{Answer, Opened, Rejection, Server};
use tracing::{error, warn};

use super::endpoint::{Desk, Late, Run, Settled};
use super::entity::{EntityError, EntityFactory};
use super::files::FileExecutor;
use super::json::Json;
use super::key_source::KeySource;
use super::listener::{Handled, Listener};
use super::platform::Platform;

/// The listeners of a server.
pub(super) struct Listeners<F> {
    pub(super) factory: F,
    pub(super) json: Json,
    pub(super) files: FileExecutor,
    pub(super) keys: KeySource,
    pub(super) platform: Platform,
    /// By the kind's code; each is a `Listener<K, F::Entity<K>>` of that kind.
    table: RwLock<HashMap<i64, Box<dyn Any + Send + Sync>>>,
}

/// An interaction for a listener, and the application and token by which a late answer finds its deferral.
pub(super) struct Case<F: EntityFactory> {
    entity: Entity<F>,
    callback: Callback,
}

enum Entity<F: EntityFactory> {
    Command(F::Entity<ApplicationCommand>),
    Component(F::Entity<MessageComponent>),
    Autocomplete(F::Entity<Autocomplete>),
    Modal(F::Entity<ModalSubmit>),
}

struct Callback {
    application: Snowflake,
    token: String,
}

impl<F: EntityFactory> Listeners<F> {
    pub(super) fn new(factory: F, json: Json, files: FileExecutor, keys: KeySource, platform: Platform) -> Self {
        Self { factory, json, files, keys, platform, table: RwLock::default() }
    }

    pub(super) fn listener<K: Kind>(&self) -> Option<Listener<K, F::Entity<K>>> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.get(&K::KIND.code())?.downcast_ref::<Listener<K, F::Entity<K>>>().cloned()
    }

    /// Changes the listener if `may` it, given whether there is one; answers that.
    pub(super) fn change<K: Kind>(
        &self,
        listener: Option<Listener<K, F::Entity<K>>>,
        may: impl FnOnce(bool) -> bool,
    ) -> bool {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let allowed = may(table.contains_key(&K::KIND.code()));
        if allowed {
            match listener {
                None => table.remove(&K::KIND.code()),
                Some(listener) => table.insert(K::KIND.code(), Box::new(listener)),
            };
        }
        allowed
    }

    fn entity(&self, opened: &Opened<'_>) -> Result<Entity<F>, EntityError> {
        let payload = self.json.payload(opened.text)?;
        Ok(match opened.kind {
            InteractionKind::ApplicationCommand => Entity::Command(self.factory.interaction(payload)?),
            InteractionKind::MessageComponent => Entity::Component(self.factory.interaction(payload)?),
            InteractionKind::Autocomplete => Entity::Autocomplete(self.factory.interaction(payload)?),
            InteractionKind::ModalSubmit => Entity::Modal(self.factory.interaction(payload)?),
            _ => return Err(EntityError::new("no listener answers this kind")),
        })
    }

    fn run<K: Kind>(&self, entity: F::Entity<K>, callback: Callback) -> Result<Run, Rejection> {
        let listener = self.listener::<K>().ok_or(Rejection::NoListener)?;
        let answer = listener.call(entity);
        let (json, files) = (self.json.clone(), self.files.clone());
        let answer = async move {
            match finish(answer.await, &json, &files).await {
                Ok(settled) => settled,
                Err(reason) => {
                    error!(%reason, "a listener failed");
                    Settled::refused(Rejection::Failed)
                }
            }
        };
        let late = match listener.deferral() {
            None => Late::RunOn,
            Some(deferral) => {
                let (platform, files) = (self.platform.clone(), self.files.clone());
                let deliver = move |answer| deliver(platform, files, callback, answer).boxed();
                Late::Defer(deferral.clone(), Box::new(deliver))
            }
        };
        Ok(Run { answer: answer.boxed(), late })
    }
}

impl<F: EntityFactory> Desk for Listeners<F> {
    type Case = Case<F>;

    async fn prepare(&self, door: &Server) -> Result<(), Rejection> {
        self.keys.ensure(door).await.map_err(|reason| {
            error!(%reason, "interactions can't be verified");
            Rejection::Failed
        })
    }

    fn read(&self, opened: &Opened<'_>) -> Result<Case<F>, Rejection> {
        let callback = Callback { application: opened.ticket()?.application, token: opened.token()? };
        let entity = self.entity(opened).map_err(|error| Rejection::Shape(error.to_string()))?;
        Ok(Case { entity, callback })
    }

    fn run(&self, Case { entity, callback }: Case<F>) -> Result<Run, Rejection> {
        match entity {
            Entity::Command(entity) => self.run(entity, callback),
            Entity::Component(entity) => self.run(entity, callback),
            Entity::Autocomplete(entity) => self.run(entity, callback),
            Entity::Modal(entity) => self.run(entity, callback),
        }
    }
}

/// What a listener came to, as it travels; its files can be opened.
async fn finish<K: Kind>(
    handled: Result<Handled<K>, String>,
    json: &Json,
    files: &FileExecutor,
) -> Result<Settled, String> {
    let Handled { response, continuation } = handled?;
    let answer = match response {
        None => Answer::ByCallback,
        Some(response) => {
            let reply = json.reply(K::KIND, response.into_reply()).map_err(|error| error.to_string())?;
            files.check(&reply).await.map_err(|error| format!("a file can't be opened: {error}"))?;
            Answer::Reply(reply)
        }
    };
    Ok(Settled { answer, continuation })
}

/// Has a late answer replace its deferral.
async fn deliver(platform: Platform, files: FileExecutor, callback: Callback, answer: Answer) {
    let Answer::Reply(reply) = answer else { return };
    let Some(message) = reply.message() else {
        return warn!("a late answer is no message, so it can't replace its deferral");
    };
    let Callback { application, token } = callback;
    if let Err(reason) = platform.replace_deferral(application, &token, &message, &files).await {
        error!(%reason, "a late answer could not be delivered");
    }
}
