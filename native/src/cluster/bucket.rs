//! The bucket of NATS in which nodes lease their numbers.

use std::time::Duration;

use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::kv::{self, CreateErrorKind, Entry, Operation, UpdateErrorKind};
use async_nats::jetstream::stream::{self, DiscardPolicy, StorageType};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::JoinError;
use super::record::Record;
use super::table::Posted;

/// How long a record stays that nobody renews.
pub(super) const TTL: Duration = Duration::from_secs(6);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long making the bucket and reading all of it may take.
const LONG_PATIENCE: Duration = Duration::from_secs(5);
/// The largest record; one is a few hundred bytes.
const MAX_RECORD_BYTES: i32 = 16 << 10;

/// The bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    client: async_nats::Client,
    name: String,
    terms: stream::Config,
    store: kv::Store,
}

/// Why a lease was not taken or renewed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeaseError {
    /// Another holds the number, or what is there is not what was there.
    #[error("the number is another's")]
    Taken,
    /// NATS did not answer, or not in time.
    #[error("NATS can't be asked: {0}")]
    Unreachable(String),
}

impl Bucket {
    /// Makes the bucket, or brings it to these terms.
    pub(super) async fn open(client: async_nats::Client, name: &str, replicas: usize) -> Result<Self, JoinError> {
        let terms = stream::Config {
            name: format!("KV_{name}"),
            description: Some("the live nodes of sanmon, each under the number that it leases".to_owned()),
            subjects: vec![format!("$KV.{name}.>")],
            max_messages_per_subject: 1,
            max_age: TTL,
            duplicate_window: TTL,
            max_message_size: MAX_RECORD_BYTES,
            storage: StorageType::File,
            num_replicas: replicas,
            discard: DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            ..stream::Config::default()
        };
        let store =
            store(&client, name, &terms).await.map_err(|reason| JoinError::Bucket { bucket: name.into(), reason })?;
        Ok(Self { client, name: name.to_owned(), terms, store })
    }

    /// The connection.
    pub(super) const fn client(&self) -> &async_nats::Client {
        &self.client
    }

    /// Makes the bucket again if there is none any more.
    pub(super) async fn reopen(&mut self) -> Result<(), LeaseError> {
        self.store = store(&self.client, &self.name, &self.terms).await.map_err(LeaseError::Unreachable)?;
        Ok(())
    }

    /// Whether there is a connection to NATS now. What is sent without one would be delivered later, when it is no longer
    /// true.
    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Takes a number that nobody has: the revision of the lease.
    pub(super) async fn create(&self, number: u8, record: &Record) -> Result<u64, LeaseError> {
        bounded(self.store.create(number.to_string(), text(record)), |error| match error.kind() {
            CreateErrorKind::AlreadyExists => LeaseError::Taken,
            _ => LeaseError::Unreachable(error.to_string()),
        })
        .await
    }

    /// Renews the lease that has this revision: the new one.
    pub(super) async fn renew(&self, number: u8, record: &Record, revision: u64) -> Result<u64, LeaseError> {
        bounded(self.store.update(number.to_string(), text(record), revision), |error| match error.kind() {
            UpdateErrorKind::WrongLastRevision => LeaseError::Taken,
            _ => LeaseError::Unreachable(error.to_string()),
        })
        .await
    }

    /// Gives the number back, if the lease still has this revision.
    pub(super) async fn release(&self, number: u8, revision: u64) -> Result<(), LeaseError> {
        bounded(self.store.delete_expect_revision(number.to_string(), Some(revision)), |error| match error.kind() {
            UpdateErrorKind::WrongLastRevision => LeaseError::Taken,
            _ => LeaseError::Unreachable(error.to_string()),
        })
        .await
    }

    /// Who has this number.
    pub(super) async fn holder(&self, number: u8) -> Result<Option<Posted>, LeaseError> {
        let entry =
            bounded(self.store.entry(number.to_string()), |error| LeaseError::Unreachable(error.to_string())).await?;
        Ok(entry.as_ref().and_then(posted))
    }

    /// All records that are there, and those to come.
    pub(super) async fn watch(&self) -> Result<kv::Watch, LeaseError> {
        bounded(self.store.watch_with_history(">"), |error| LeaseError::Unreachable(error.to_string())).await
    }

    /// All records that are there. At least one has to be: nothing tells the end of nothing.
    pub(super) async fn records(&self) -> Result<Vec<Posted>, LeaseError> {
        // A record that is renewed while it is about to be read is not, since the new one comes after the end of what was
        // there. No record is renewed so often that it is missed twice in a row.
        let (first, mut records) = (self.read().await?, self.read().await?);
        for posted in first {
            if records.iter().all(|other| other.number != posted.number) {
                records.push(posted);
            }
        }
        Ok(records)
    }

    async fn read(&self) -> Result<Vec<Posted>, LeaseError> {
        let mut watch = self.watch().await?;
        let all = async {
            let mut records = Vec::new();
            while let Some(entry) = watch.next().await {
                let entry = entry.map_err(|error| LeaseError::Unreachable(error.to_string()))?;
                records.extend(posted(&entry));
                if entry.seen_current {
                    return Ok(records);
                }
            }
            Err(LeaseError::Unreachable("the watch ended".into()))
        };
        timeout(LONG_PATIENCE, all).await.unwrap_or_else(|_| Err(LeaseError::Unreachable("it took too long".into())))
    }
}

/// The number that an entry is about.
pub(super) fn number(entry: &Entry) -> Option<u8> {
    entry.key.parse().ok()
}

/// The record of an entry, unless it only tells of an end.
pub(super) fn posted(entry: &Entry) -> Option<Posted> {
    if entry.operation != Operation::Put {
        return None;
    }
    let record = serde_json::from_slice(&entry.value);
    let record = record.inspect_err(|error| tracing::debug!(key = entry.key, %error, "a node says what can't be read"));
    Some(Posted {
        number: number(entry)?,
        record: record.ok()?,
        revision: entry.revision,
        stored: entry.created.unix_timestamp_nanos(),
    })
}

fn text(record: &Record) -> bytes::Bytes {
    serde_json::to_vec(record).expect("plain fields").into()
}

/// Makes the bucket as the stream that it is: making it as a bucket asks for the account first, whose description by older
/// servers the library can't read.
async fn store(client: &async_nats::Client, name: &str, terms: &stream::Config) -> Result<kv::Store, String> {
    let context = ContextBuilder::new().timeout(PATIENCE).build(client.clone());
    let made = async {
        context.create_or_update_stream(terms.clone()).await.map_err(|error| error.to_string())?;
        context.get_key_value(name).await.map_err(|error| error.to_string())
    };
    timeout(LONG_PATIENCE, made).await.unwrap_or_else(|_| Err("NATS took too long to answer".into()))
}

async fn bounded<T, E>(
    request: impl Future<Output = Result<T, E>>,
    failed: impl FnOnce(E) -> LeaseError,
) -> Result<T, LeaseError> {
    match timeout(PATIENCE, request).await {
        Ok(result) => result.map_err(failed),
        Err(_) => Err(LeaseError::Unreachable("it took too long".into())),
    }
}
