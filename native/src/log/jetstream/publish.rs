//! Putting entries into the stream, some at once, and waiting until they are stored.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use futures_util::future::BoxFuture;
use sanmon_core::event::Seq;

use super::follower::lost;
use super::{Body, JetStream};
use crate::store::{Refusal, StoreError};

/// Messages of one call whose acknowledgements are waited for at once.
const WINDOW: usize = 256;
/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An entry to put into the stream.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// What it is.
    pub(crate) body: Body,
    /// Its id, so that it is stored once however often it is sent.
    pub(crate) id: Option<String>,
}

impl JetStream {
    /// Puts entries into the log in this order and returns their places once all are stored. When this fails, some may be
    /// stored: those with an id are not stored again when the same is tried anew, and keep their place.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when one is too large, and none is stored then; else [`StoreError::Log`].
    pub(crate) async fn publish(&self, messages: Vec<Outgoing>) -> Result<Vec<Seq>, StoreError> {
        let max_payload = self.nats().max_payload();
        for message in &messages {
            message.body.check(max_payload).map_err(|error| Refusal::invalid(error.to_string()))?;
        }
        let mut link = self.nats().link();
        if !self.nats().is_up() {
            return Err(unreachable());
        }
        tokio::select! {
            stored = tokio::time::timeout(TIMEOUT, self.send(messages)) => {
                stored.unwrap_or_else(|_| Err(StoreError::Log("JetStream took too long to store events".into())))
            }
            () = lost(&mut link) => Err(unreachable()),
        }
    }

    async fn send(&self, messages: Vec<Outgoing>) -> Result<Vec<Seq>, StoreError> {
        let (context, subject) = (&self.inner.context, self.inner.settings.events());
        let from = Base { offset: self.offset(), read: self.inner.read.load(Ordering::Relaxed) };
        if self.is_stale(from.offset) {
            return Err(replaced());
        }
        let mut places = Vec::with_capacity(messages.len());
        let mut waiting: VecDeque<BoxFuture<'static, Result<PublishAck, PublishError>>> = VecDeque::new();
        for Outgoing { body, id } in messages {
            let mut message = PublishMessage::build().payload(body.bytes());
            if let Some(id) = id {
                message = message.message_id(id);
            }
            let sent = context.send_publish(subject, message).await.map_err(|error| failed(&error))?;
            waiting.push_back(sent.into_future());
            if waiting.len() >= WINDOW
                && let Some(oldest) = waiting.pop_front()
            {
                places.push(self.stored(from, oldest.await)?);
            }
        }
        for next in waiting {
            places.push(self.stored(from, next.await)?);
        }
        Ok(places)
    }

    fn stored(&self, from: Base, ack: Result<PublishAck, PublishError>) -> Result<Seq, StoreError> {
        let ack = ack.map_err(|error| failed(&error))?;
        if ack.sequence <= from.read && !ack.duplicate {
            // A number that was read before is given again: by another stream, whose offset is not known yet.
            self.expire(from.offset);
        }
        if self.is_stale(from.offset) {
            return Err(replaced());
        }
        Ok(Seq::new(from.offset + ack.sequence))
    }
}

fn failed(error: &PublishError) -> StoreError {
    match error.kind() {
        PublishErrorKind::StreamNotFound => StoreError::Log("NATS has no stream for events now".into()),
        _ => StoreError::Log(format!("JetStream did not store an event: {error}")),
    }
}

/// What is known of the stream when something is sent to it.
#[derive(Clone, Copy, Debug)]
struct Base {
    offset: u64,
    /// The last number that was read.
    read: u64,
}

fn replaced() -> StoreError {
    StoreError::Log("the event log begins anew".into())
}

fn unreachable() -> StoreError {
    StoreError::Log("NATS can't be reached".into())
}
