//! Following the stream: every entry in order and once, whatever happens to the connection meanwhile.
//!
//! ```text
//! begin: is it the same stream, and does it hold what comes next? ── no ──► Loss
//!    │ a consumer of our own, from what comes next
//!    ▼
//! feed ── entries without a hole ──► the log
//!    │ a hole, silence, or the connection is lost
//!    └──► begin
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::jetstream::consumer::push::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use futures_util::{FutureExt as _, StreamExt as _};
use sanmon_core::event::Seq;
use sanmon_core::time::UnixMillis;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::message::{self, change_number};
use super::{JetStream, StreamError};
use crate::log::Met;
use crate::nats::Link;

/// How often the server says that nothing happened.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// After how much silence the consumer counts as gone.
const SILENCE: Duration = Duration::from_millis(3500);
/// After how long without a reader the server forgets a consumer.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);
/// The pause before another attempt to begin, and the longest one.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Entries that are handed on at once.
const BATCH: usize = 1024;
/// Bytes of them.
const BATCH_BYTES: usize = 4 << 20;

/// Reads the stream from one place on.
#[derive(Debug)]
pub(crate) struct Follower {
    log: JetStream,
    /// The offset of the log that is followed.
    offset: u64,
    /// The number in the stream of what comes next.
    next: u64,
    position: Position,
    behind: u64,
    feed: Option<Feed>,
    link: watch::Receiver<Link>,
}

/// Whether an entry may be missing before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Nothing was read yet: what the stream drops meanwhile was never known here.
    Start,
    /// What follows must be the very next.
    Within,
}

/// One consumer and what it sends.
#[derive(Debug)]
struct Feed {
    messages: Subscriber,
    /// How many entries came from it.
    count: u64,
}

/// Why what was read of the log is worth nothing any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Loss {
    /// It is another stream, or there is none.
    #[error("the stream of the event log was replaced")]
    Replaced,
    /// It lost its newest entries.
    #[error("the stream of the event log lost its newest entries")]
    Rewound,
    /// It dropped entries before this node had read them.
    #[error("the event log dropped entries that this node had not read")]
    Gap,
}

impl Follower {
    pub(super) fn new(log: JetStream, after: Seq) -> Self {
        let (offset, link) = (log.offset(), log.nats().link());
        let next = after.as_u64().saturating_sub(offset) + 1;
        Self { log, offset, next, position: Position::Start, behind: 0, feed: None, link }
    }

    /// The entries that come next, as soon as there are some; none when the stream has had none for a while. Waits as long as
    /// the stream can't be read. Whoever gives up waiting gives up this follower.
    ///
    /// # Errors
    /// A [`Loss`], after which another follower has to begin anew.
    pub(crate) async fn next(&mut self) -> Result<Vec<Met>, Loss> {
        let next = self.read().await;
        if let Err(Loss::Replaced | Loss::Rewound) = next {
            self.log.expire(self.offset);
        }
        next
    }

    async fn read(&mut self) -> Result<Vec<Met>, Loss> {
        if self.log.is_stale(self.offset) {
            // Somebody who published found it out.
            return Err(Loss::Rewound);
        }
        let Some(feed) = &mut self.feed else {
            self.begin().await?;
            return Ok(Vec::new());
        };
        let first = tokio::select! {
            message = timeout(SILENCE, feed.messages.next()) => message.ok().flatten(),
            () = lost(&mut self.link) => None,
        };
        match first {
            Some(first) => self.gather(first).await,
            None => {
                tracing::debug!("the log's consumer is lost");
                self.feed = None;
                Ok(Vec::new())
            }
        }
    }

    /// How many entries the stream holds behind the last one that was read, as it said with that.
    pub(crate) const fn behind(&self) -> u64 {
        self.behind
    }

    /// The place of the last entry that was read.
    pub(crate) fn last(&self) -> Seq {
        Seq::new(self.offset + self.next - 1)
    }

    /// Takes what else came already.
    async fn gather(&mut self, first: Message) -> Result<Vec<Met>, Loss> {
        let (mut batch, mut bytes, mut message) = (Vec::new(), 0, Some(first));
        while let Some(next) = message {
            bytes += next.length;
            match self.take(next).await? {
                Some(met) => batch.push(met),
                None if self.feed.is_none() => break,
                None => {}
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                break;
            }
            message = self.feed.as_mut().and_then(|feed| feed.messages.next().now_or_never().flatten());
        }
        Ok(batch)
    }

    async fn take(&mut self, message: Message) -> Result<Option<Met>, Loss> {
        let Some(feed) = &mut self.feed else { return Ok(None) };
        if message.status == Some(StatusCode::IDLE_HEARTBEAT) {
            if answered(&message).is_some_and(|count| count != feed.count) {
                tracing::debug!("the log's consumer sent what did not arrive");
                self.feed = None;
            }
            self.permit(&message).await;
            return Ok(None);
        }
        if let Some(status) = message.status {
            tracing::debug!(%status, "the log's consumer ended");
            self.feed = None;
            return Ok(None);
        }
        let Some(stamp) = message.reply.as_ref().and_then(|reply| Stamp::parse(reply)) else {
            return Ok(None);
        };
        feed.count += 1;
        if stamp.count != feed.count {
            tracing::debug!("an entry of the log did not arrive");
            self.feed = None;
            return Ok(None);
        }
        if stamp.sequence != self.next && self.position == Position::Within {
            return Err(if stamp.sequence > self.next { Loss::Gap } else { Loss::Rewound });
        }
        self.position = Position::Within;
        self.next = stamp.sequence + 1;
        self.behind = stamp.pending;
        self.log.inner.read.fetch_max(stamp.sequence, Ordering::Relaxed);
        let seq = Seq::new(self.offset + stamp.sequence);
        let entry = Arc::new(message::entry(&message.payload, seq, millis(stamp.nanos)));
        Ok(Some(Met { entry, change: change_number(message.headers.as_ref()) }))
    }

    /// Answers a server that waits for leave to send more.
    async fn permit(&self, message: &Message) {
        let stalled = || message.headers.as_ref()?.get("Nats-Consumer-Stalled").map(|subject| subject.to_string());
        let asked = message.reply.as_ref().map(|reply| reply.to_string()).or_else(stalled);
        if let Some(subject) = asked {
            let client = self.log.nats().client();
            // If it can't be said the connection is lost, and another consumer follows.
            let _ = timeout(SILENCE, client.publish(subject, bytes::Bytes::new())).await;
        }
    }

    /// Makes a consumer that sends what comes next, as soon as that can be.
    async fn begin(&mut self) -> Result<(), Loss> {
        let mut pause = PAUSES.0;
        loop {
            // It is tried now and then whatever is said of the connection.
            let _ = timeout(SILENCE, self.link.wait_for(|link| *link == Link::Up)).await;
            self.link.mark_unchanged();
            match self.try_begin().await? {
                Ok(feed) => {
                    self.feed = Some(feed);
                    return Ok(());
                }
                Err(reason) => {
                    tracing::debug!(reason, "the log's stream can't be read yet");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    async fn try_begin(&mut self) -> Result<Result<Feed, String>, Loss> {
        let found = match self.log.info().await {
            Ok(info) => info,
            Err(error) if super::is_unknown(&error) => return Err(Loss::Replaced),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let offset = match self.log.inner.settings.offset_of(&found.config) {
            Ok(offset) => offset,
            Err(StreamError::Foreign { .. }) => return Err(Loss::Replaced),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if offset != self.offset {
            return Err(Loss::Replaced);
        }
        if found.state.last_sequence + 1 < self.next {
            return Err(Loss::Rewound);
        }
        let first = if found.state.messages == 0 { found.state.last_sequence + 1 } else { found.state.first_sequence };
        if first > self.next {
            match self.position {
                Position::Within => return Err(Loss::Gap),
                Position::Start => self.next = first,
            }
        }
        let client = self.log.nats().client();
        let inbox = client.new_inbox();
        let messages = match client.subscribe(inbox.clone()).await {
            Ok(messages) => messages,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let config = Config {
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ack_policy: AckPolicy::None,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        match self.log.inner.context.create_consumer_on_stream(config, self.log.inner.settings.name()).await {
            Ok(_) => Ok(Ok(Feed { messages, count: 0 })),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

/// Returns once the connection is lost, or was and is back.
pub(super) async fn lost(link: &mut watch::Receiver<Link>) {
    let changed = pin!(link.changed());
    if changed.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How many entries a consumer says that it sent.
fn answered(message: &Message) -> Option<u64> {
    let headers: &HeaderMap = message.headers.as_ref()?;
    headers.get("Nats-Last-Consumer")?.as_str().parse().ok()
}

/// The time of these nanoseconds since 1970.
pub(super) fn millis(nanos: i128) -> UnixMillis {
    UnixMillis::from_millis(u64::try_from(nanos / 1_000_000).unwrap_or_default())
}

/// What a consumer says about a message, in the subject that would acknowledge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// Its number in the stream.
    sequence: u64,
    /// Its number among those that the consumer sent.
    count: u64,
    /// When it was stored, in nanoseconds since 1970.
    nanos: i128,
    /// How many the stream holds behind it.
    pending: u64,
}

impl Stamp {
    /// Reads `$JS.ACK.<stream>.<consumer>.<met>.<sequence>.<count>.<nanos>.<pending>`, or the newer form that has a domain
    /// and an account before the stream.
    fn parse(reply: &str) -> Option<Self> {
        let parts: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let rest = if parts.len() > 7 { parts.get(5..)? } else { parts.get(3..)? };
        let [sequence, count, nanos, pending, ..] = rest else { return None };
        Some(Self {
            sequence: sequence.parse().ok()?,
            count: count.parse().ok()?,
            nanos: nanos.parse().ok()?,
            pending: pending.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_stamp_are_read() {
        let stamp = Some(Stamp { sequence: 17, count: 4, nanos: 1_700_000_000_123_456_789, pending: 5 });
        assert_eq!(Stamp::parse("$JS.ACK.SANMON.x1.1.17.4.1700000000123456789.5"), stamp);
        assert_eq!(Stamp::parse("$JS.ACK._.hash.SANMON.x1.1.17.4.1700000000123456789.5"), stamp);
        assert_eq!(Stamp::parse("$JS.ACK._.hash.SANMON.x1.1.17.4.1700000000123456789.5.token"), stamp);
        for wrong in ["", "_INBOX.x", "$JS.ACK.SANMON.x1.1.17", "$JS.ACK.SANMON.x1.1.a.4.5.0"] {
            assert_eq!(Stamp::parse(wrong), None);
        }
        assert_eq!(millis(1_700_000_000_123_456_789), UnixMillis::from_millis(1_700_000_000_123));
    }
}
