//! The event log of many machines: a stream of NATS JetStream, which orders and stores what all nodes put into it.
//!
//! An entry's place is the stream's sequence plus an offset that stands in the stream's description, so that it lives and goes
//! with the stream. What is published goes in under one subject; what changes stored state comes from the store's outbox and
//! goes in under another, on which [`change`] keeps the order.

mod change;
mod follower;
mod message;
mod publish;
mod read;
mod reader;
mod settings;
mod shared;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::{ContextBuilder, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use sanmon_core::event::Seq;
use sanmon_core::time::UnixMillis;

pub(super) use self::change::{ChangeFault, Relayed};
pub(crate) use self::follower::{Follower, Loss};
pub(super) use self::message::Body;
pub(crate) use self::publish::Outgoing;
pub use self::reader::ReadError;
pub(crate) use self::reader::Reader;
pub(crate) use self::settings::Settings;
pub(crate) use self::shared::SharedStream;
use crate::nats::Nats;

/// How long one request to JetStream may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long opening waits for a JetStream that is there but not ready, such as one that elects its leader.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// Messages of this node whose acknowledgements are waited for at once.
const MAX_IN_FLIGHT: usize = 4096;

/// The stream. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct JetStream {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    nats: Nats,
    context: Context,
    settings: Settings,
    offset: AtomicU64,
    /// The offset of a stream that is known to be gone, or to have lost its end: nothing is published until there is another.
    stale: AtomicU64,
    /// The last number in the stream that was read.
    read: AtomicU64,
}

/// Where the stream begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The place before the first entry that it holds, or that it will hold if it holds none.
    pub(crate) floor: Seq,
    /// The last place that it gave.
    pub(crate) head: Seq,
}

/// What a NATS server lacks to hold the log, or why that can't be said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// JetStream is turned off.
    #[error("NATS runs without JetStream, which holds the event log: start nats-server with `-js`")]
    NoJetStream,
    /// The server is too old.
    #[error("nats-server {version} is too old: 2.9 is the first that works")]
    Old {
        /// Its version.
        version: String,
    },
    /// The largest message of the server is smaller than what a request may bring.
    #[error("NATS takes messages of {max_payload} bytes, a request may bring {max_body}: raise NATS' max_payload")]
    SmallPayload {
        /// NATS' bound.
        max_payload: usize,
        /// The bound of requests.
        max_body: usize,
    },
    /// There is a stream of this name that is no log of ours.
    #[error("the JetStream stream {name} is not Sanmon's event log: {what}")]
    Foreign {
        /// The stream's name.
        name: String,
        /// What is different.
        what: String,
    },
    /// JetStream refused to make or to alter the stream.
    #[error("JetStream refuses the stream {name}: {reason}")]
    Refused {
        /// The stream's name.
        name: String,
        /// What it said.
        reason: String,
    },
    /// JetStream does not answer.
    #[error("JetStream does not answer: {0}")]
    Silent(String),
}

impl JetStream {
    /// Opens the log: makes its stream where there is none, and checks the one that is there. `now` is where a new log begins.
    ///
    /// # Errors
    /// A [`StreamError`] that says what the server lacks.
    pub(crate) async fn open(nats: Nats, settings: Settings, now: UnixMillis) -> Result<Self, StreamError> {
        if !nats.client().is_server_compatible(2, 9, 0) {
            return Err(StreamError::Old { version: nats.client().server_info().version });
        }
        settings.check_payload(nats.max_payload())?;
        let context = ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(REQUEST_TIMEOUT)
            .max_ack_inflight(MAX_IN_FLIGHT)
            .backpressure_on_inflight(true)
            .build(nats.client().clone());
        let log = Self {
            inner: Arc::new(Inner { nats, context, settings, offset: 0.into(), stale: 0.into(), read: 0.into() }),
        };
        log.reopen(now).await?;
        Ok(log)
    }

    /// Looks at the stream anew, which may be another one than before, and makes it where there is none.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) async fn reopen(&self, now: UnixMillis) -> Result<Extent, StreamError> {
        let opening = async {
            loop {
                match self.try_open(now).await {
                    Err(StreamError::Silent(reason)) => {
                        tracing::debug!(reason, "JetStream is not ready");
                        tokio::time::sleep(ASK_AGAIN).await;
                    }
                    opened => return opened,
                }
            }
        };
        match tokio::time::timeout(OPEN_TIMEOUT, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(StreamError::Silent(format!("not ready within {} s", OPEN_TIMEOUT.as_secs()))),
        }
    }

    async fn try_open(&self, now: UnixMillis) -> Result<Extent, StreamError> {
        let settings = &self.inner.settings;
        let stream = match self.info().await {
            Ok(info) => info,
            Err(error) if is_unknown(&error) => self.make(Seq::first_of_a_log(now)).await?,
            Err(error) => return Err(from_get(&error)),
        };
        let offset = settings.offset_of(&stream.config)?;
        let wanted = settings.wanted(offset);
        if settings::differs(&stream.config, &wanted) {
            let updated = self.inner.context.update_stream(&wanted).await;
            updated.map_err(|error| StreamError::Refused {
                name: settings.name().to_owned(),
                reason: error.to_string(),
            })?;
            tracing::info!(stream = settings.name(), "the stream of the event log has new bounds");
        }
        if self.inner.offset.swap(offset, Ordering::Relaxed) != offset {
            self.inner.read.store(0, Ordering::Relaxed);
        }
        Ok(self.extent_of(&stream))
    }

    /// Makes the stream, or finds the one that another node made meanwhile.
    async fn make(&self, start: Seq) -> Result<Info, StreamError> {
        let settings = &self.inner.settings;
        match self.inner.context.create_stream(settings.wanted(start.as_u64())).await {
            Ok(stream) => {
                tracing::info!(stream = settings.name(), "made the stream of the event log");
                Ok(stream.cached_info().clone())
            }
            Err(error) => match self.info().await {
                Ok(info) => Ok(info),
                Err(_) => Err(StreamError::Refused { name: settings.name().to_owned(), reason: error.to_string() }),
            },
        }
    }

    /// Gives all entries places beyond every one that was given before. For a stream that lost its newest entries, as one does
    /// whose machine lost power before it wrote them: their places must not come again as those of others.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) async fn move_on(&self, now: UnixMillis, last_given: Seq) -> Result<(), StreamError> {
        let settings = &self.inner.settings;
        let stream = match self.info().await {
            Err(error) if is_unknown(&error) => return Ok(()),
            info => info.map_err(|error| from_get(&error))?,
        };
        if settings.offset_of(&stream.config)? != self.offset() {
            // It is another one, or another node did so already.
            return Ok(());
        }
        let offset = Seq::first_of_a_log(now).max(last_given.next()).as_u64();
        let updated = self.inner.context.update_stream(&settings.wanted(offset)).await;
        updated
            .map_err(|error| StreamError::Refused { name: settings.name().to_owned(), reason: error.to_string() })?;
        tracing::error!(
            last = stream.state.last_sequence,
            read = last_given.as_u64() - self.offset(),
            "JetStream lost entries that it had acknowledged: all clients begin anew"
        );
        Ok(())
    }

    /// Where the stream begins and ends now.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) async fn extent(&self) -> Result<Extent, StreamError> {
        self.info().await.map(|info| self.extent_of(&info)).map_err(|error| from_get(&error))
    }

    /// The connection that it goes over.
    pub(crate) fn nats(&self) -> &Nats {
        &self.inner.nats
    }

    /// Reads every entry after `after`, and whatever comes behind them, in order and without an end.
    pub(crate) fn follow(&self, after: Seq) -> Follower {
        Follower::new(self.clone(), after)
    }

    fn extent_of(&self, info: &Info) -> Extent {
        let state = &info.state;
        // A stream that never held anything has its first at 0.
        let first = if state.messages == 0 { state.last_sequence + 1 } else { state.first_sequence };
        Extent { floor: self.place(first.saturating_sub(1)), head: self.place(state.last_sequence) }
    }

    async fn info(&self) -> Result<Info, GetStreamError> {
        Ok(self.inner.context.get_stream(self.inner.settings.name()).await?.cached_info().clone())
    }

    /// The stream, of which nothing is asked.
    async fn stream(&self) -> Result<Stream<()>, GetStreamError> {
        self.inner.context.get_stream_no_info(self.inner.settings.name()).await
    }

    /// Whether the stream with this offset is still the one, as far as is known.
    fn is_stale(&self, offset: u64) -> bool {
        self.inner.stale.load(Ordering::Relaxed) == offset
    }

    /// The stream with this offset is gone, or lost its end.
    fn expire(&self, offset: u64) {
        self.inner.stale.store(offset, Ordering::Relaxed);
    }

    fn offset(&self) -> u64 {
        self.inner.offset.load(Ordering::Relaxed)
    }

    /// The place of the stream's entry with this number.
    fn place(&self, sequence: u64) -> Seq {
        Seq::new(self.offset() + sequence)
    }

    /// The number in the stream of the entry at this place; `None` for a place of another log.
    fn sequence(&self, place: Seq) -> Option<u64> {
        place.as_u64().checked_sub(self.offset())
    }
}

fn is_unknown(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn from_get(error: &GetStreamError) -> StreamError {
    match error.kind() {
        GetStreamErrorKind::JetStream(error)
            if [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT]
                .contains(&error.error_code()) =>
        {
            StreamError::NoJetStream
        }
        // Nobody listens where JetStream would.
        _ if error.to_string().contains("no responders") => StreamError::NoJetStream,
        _ => StreamError::Silent(error.to_string()),
    }
}
