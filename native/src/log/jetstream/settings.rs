//! What the log's stream must be like, and what may be different about one that is there.

use std::time::Duration;

use async_nats::jetstream::stream::{Config as Stream, DiscardPolicy, RetentionPolicy, StorageType};

use super::StreamError;
use crate::config::Config;

/// The stream's name unless another is given.
const NAME: &str = "SANMON";

/// How long the ids of messages are remembered: longer than idempotency keys are kept (protocol, section 8), each of which
/// gets another id when it is used anew.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(660);

/// How much longer than the nodes the stream keeps an entry, so that none goes that a node would still read.
const SLACK: Duration = Duration::from_secs(60);

/// What the stream's description says before the offset of its places.
const DESCRIPTION: &str = "Sanmon's event log; place = sequence + ";

/// What is to be known of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    name: String,
    max_age: Duration,
    max_entries: u64,
    max_bytes: u64,
    max_body: usize,
    replicas: usize,
}

impl Settings {
    /// What an operator's configuration means for the stream.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            name: NAME.to_owned(),
            max_age: Duration::from_millis(config.log_max_age_ms),
            max_entries: config.log_max_entries,
            max_bytes: config.log_max_bytes,
            max_body: config.max_body_bytes,
            replicas: usize::from(config.nats_replicas),
        }
    }

    /// The stream's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where what is published goes.
    pub(super) const fn events(&self) -> &'static str {
        "sanmon.log.events"
    }

    /// Where what the outbox holds goes.
    pub(super) const fn changes(&self) -> &'static str {
        "sanmon.log.changes"
    }

    /// Whether NATS takes what a request may bring.
    pub(super) fn check_payload(&self, max_payload: usize) -> Result<(), StreamError> {
        if max_payload < self.max_body {
            return Err(StreamError::SmallPayload { max_payload, max_body: self.max_body });
        }
        Ok(())
    }

    /// The stream as it is made.
    pub(super) fn wanted(&self, offset: u64) -> Stream {
        // A message takes more than its event there: subject, header and checksum.
        let bytes = self.max_bytes + self.max_bytes / 10 + 256 * self.max_entries;
        Stream {
            name: self.name.clone(),
            description: Some(format!("{DESCRIPTION}{offset}")),
            subjects: vec![self.events().to_owned(), self.changes().to_owned()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: (self.max_age + SLACK).max(DUPLICATE_WINDOW),
            max_messages: bound(self.max_entries + self.max_entries / 10 + 1),
            max_bytes: bound(bytes),
            max_messages_per_subject: -1,
            max_consumers: -1,
            duplicate_window: DUPLICATE_WINDOW,
            num_replicas: self.replicas,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..Stream::default()
        }
    }

    /// The offset that the stream's description tells.
    pub(super) fn offset_of(&self, stream: &Stream) -> Result<u64, StreamError> {
        let foreign = |what: &str| StreamError::Foreign { name: self.name.clone(), what: what.to_owned() };
        let description = stream.description.as_deref().unwrap_or_default();
        let offset = description.strip_prefix(DESCRIPTION).and_then(|offset| offset.parse().ok());
        let offset = offset.ok_or_else(|| foreign("its description tells no offset"))?;
        let wanted = self.wanted(offset);
        if stream.subjects != wanted.subjects {
            return Err(foreign("it takes other subjects"));
        }
        if stream.retention != wanted.retention || stream.discard != wanted.discard {
            return Err(foreign("it keeps or drops messages in another way"));
        }
        if stream.storage != wanted.storage {
            return Err(foreign("it is not stored in files"));
        }
        Ok(offset)
    }
}

/// Whether what may be altered is to be.
pub(super) fn differs(stream: &Stream, wanted: &Stream) -> bool {
    stream.max_age != wanted.max_age
        || stream.max_messages != wanted.max_messages
        || stream.max_bytes != wanted.max_bytes
        || stream.duplicate_window != wanted.duplicate_window
        || stream.num_replicas != wanted.num_replicas
        || stream.allow_direct != wanted.allow_direct
}

fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
