//! The nodes of a cluster: each leases its number in a bucket of NATS, renews it, and says there how it is.
//!
//! ```text
//!            create            create + look at all       announce           drain            leave
//!   nothing ───────► joining ─────────────────────► starting ───► serving ─────────► draining ─────► nothing
//! ```
//! A lease that nobody renews runs out after [`bucket::TTL`]. Who can't renew its own knows a second before that that it is
//! cut off, and whoever does not see another's renewals takes that one for gone after as long.

mod bucket;
mod joining;
mod keeper;
mod record;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use sanmon_core::time::Moment;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use self::bucket::{Bucket, LeaseError};
use self::joining::{Contested, Held, Obstacle, Rival, Wanted};
pub(crate) use self::record::{Record, Stage, Vitals};
pub(crate) use self::table::GONE_AFTER;
use self::table::{LATE_AFTER, Table};
use crate::clock::Clock;

/// How long a start waits for the lease of a dead predecessor to run out, and for NATS to answer.
const JOIN_TIMEOUT: Duration = Duration::from_secs(12);
/// How often a start looks whether what it waits for is free.
const JOIN_RETRY: Duration = Duration::from_millis(400);
/// For how long a node is remembered that is gone.
const MEMORY: Duration = Duration::from_secs(60);
/// For how long what was seen of the own lease says that the others' are seen as well.
const SIGHT: Duration = Duration::from_secs(4);

/// This node among the others. Clones are the same node.
#[derive(Clone)]
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    bucket: Bucket,
    tasks: Arc<Vec<AbortHandle>>,
}

/// What a node is to be among the others.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The bucket's name.
    pub bucket: String,
    /// On how many servers of NATS the bucket is kept.
    pub replicas: usize,
    /// The number that was configured; any free one without.
    pub node: Option<u8>,
    /// The name that was configured; one made from the number without.
    pub domain: Option<String>,
    /// The address that clients are told.
    pub url: String,
}

/// Whether the node and the others know of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tie {
    /// The lease is renewed.
    Held,
    /// It could not be renewed for so long that the others take this node for gone, or will in a moment.
    CutOff,
}

/// Why a node can't join the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Another node has this name, and lives.
    #[error("the domain `{domain}` is the name of a node that runs at {url}: each node needs its own")]
    DomainTaken {
        /// The name.
        domain: String,
        /// Where clients reach that node.
        url: String,
    },
    /// Another node has this number, and lives.
    #[error("number {node} is leased by the node `{domain}` at {url}: each needs its own, or none configured")]
    NumberTaken {
        /// The number.
        node: u8,
        /// That node's name.
        domain: String,
        /// Where clients reach that node.
        url: String,
    },
    /// There are as many nodes as there can be.
    #[error("all 256 numbers of nodes are leased")]
    NoNumber,
    /// The bucket can't be made.
    #[error("the bucket {bucket} of NATS can't be used: {reason}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// What NATS said.
        reason: String,
    },
    /// NATS does not answer.
    #[error("no number could be leased: {0}")]
    Unreachable(String),
}

/// What the node holds.
#[derive(Clone, Debug)]
struct Own {
    number: u8,
    record: Record,
    revision: u64,
}

struct Shared {
    clock: Clock,
    own: Mutex<Own>,
    table: Mutex<Table>,
    /// When the last renewal that was acknowledged had been sent; at first, when the lease was there.
    renewed: watch::Sender<Moment>,
    tie: watch::Sender<Tie>,
    /// Told when the others should hear anew how the node is.
    changed: Notify,
    vitals: OnceLock<Box<dyn Fn() -> Vitals + Send + Sync>>,
}

impl Tie {
    /// Returns once the node is cut off; at once while it is.
    pub(crate) async fn cut_off(mut ties: watch::Receiver<Self>) {
        // An error says that the cluster was left.
        if ties.wait_for(|tie| *tie == Self::CutOff).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Cluster {
    /// Leases a number, and keeps it until [`Self::leave`]. What a dead predecessor holds is waited for.
    ///
    /// # Errors
    /// A [`JoinError`]; nothing is held then.
    pub(crate) async fn join(client: async_nats::Client, clock: Clock, terms: Terms) -> Result<Self, JoinError> {
        let mut bucket = Bucket::open(client, &terms.bucket, terms.replicas).await?;
        let wanted = Wanted {
            number: terms.node,
            domain: terms.domain,
            url: terms.url,
            holder: getrandom::u64().unwrap_or_else(|_| clock.unix().as_millis()),
            started: clock.unix().as_millis(),
        };
        let held = first_lease(&mut bucket, clock, &wanted).await?;
        let mut table = Table::default();
        held.seen.into_iter().for_each(|posted| table.find(clock.now(), posted));
        let Held { number, record, revision, .. } = held;
        tracing::info!(number, domain = record.domain, "leased a number");
        let shared = Arc::new(Shared {
            clock,
            own: Mutex::new(Own { number, record, revision }),
            table: Mutex::new(table),
            renewed: watch::Sender::new(clock.now()),
            tie: watch::Sender::new(Tie::Held),
            changed: Notify::new(),
            vitals: OnceLock::new(),
        });
        // The first renewal says that the name is taken, too.
        shared.changed.notify_one();
        let tasks = vec![
            tokio::spawn(keeper::keep(Arc::clone(&shared), bucket.clone(), wanted)).abort_handle(),
            tokio::spawn(keeper::judge(Arc::clone(&shared), shared.renewed.subscribe())).abort_handle(),
            tokio::spawn(keeper::look(Arc::clone(&shared), bucket.clone())).abort_handle(),
        ];
        Ok(Self { shared, bucket, tasks: Arc::new(tasks) })
    }

    /// From here on the others hear of the node what `vitals` says.
    pub(crate) fn announce(&self, vitals: impl Fn() -> Vitals + Send + Sync + 'static) {
        let _ = self.shared.vitals.set(Box::new(vitals));
        self.refresh();
    }

    /// Has the others told at once what changed.
    pub(crate) fn refresh(&self) {
        self.shared.changed.notify_one();
    }

    /// The number that the node leases, for the ids that it makes.
    pub(crate) fn number(&self) -> u8 {
        self.shared.own().number
    }

    /// The name under which the node stands in `/domains`.
    pub(crate) fn domain(&self) -> String {
        self.shared.own().record.domain
    }

    /// Whether the node and the others know of each other, as it changes.
    pub(crate) fn tie(&self) -> watch::Receiver<Tie> {
        self.shared.tie.subscribe()
    }

    /// The other nodes that were seen lately, by their numbers.
    pub(crate) fn others(&self) -> Vec<(u8, Record)> {
        let holder = self.shared.own().record.holder;
        let table = self.shared.table();
        let others = table.live(self.shared.clock.now()).filter(|(_, record)| record.holder != holder);
        others.map(|(number, record)| (number, record.clone())).collect()
    }

    /// Those of the others that renewed their leases when they had to. One that died is the emptiest of all in what it said
    /// last, so newcomers are not sent to who is late, unless there is nobody else.
    pub(crate) fn punctual(&self) -> Vec<Record> {
        let holder = self.shared.own().record.holder;
        let table = self.shared.table();
        let seen = table.within(self.shared.clock.now(), LATE_AFTER).map(|(_, record, _)| record);
        seen.filter(|record| record.holder != holder).cloned().collect()
    }

    /// Whether all others that live are seen: the node sees its own renewals where it sees theirs.
    pub(crate) fn sees(&self) -> bool {
        let holder = self.shared.own().record.holder;
        *self.shared.tie.borrow() == Tie::Held
            && self.shared.table().within(self.shared.clock.now(), SIGHT).any(|(_, record, _)| record.holder == holder)
    }

    /// The runs under which other nodes keep how their users show, and when each was last seen.
    pub(crate) fn runs(&self) -> Vec<(i64, Moment)> {
        let table = self.shared.table();
        let seen = table.within(self.shared.clock.now(), MEMORY);
        seen.filter_map(|(_, record, at)| Some((record.run?, at))).collect()
    }

    /// Where another node is that serves: the emptier of two picked at random. If none is seen, as when this one is cut off,
    /// one that was seen a while ago.
    pub(crate) fn elsewhere(&self) -> Option<String> {
        let holder = self.shared.own().record.holder;
        let (table, now) = (self.shared.table(), self.shared.clock.now());
        [LATE_AFTER, GONE_AFTER, MEMORY].into_iter().find_map(|time| {
            let others = table.within(now, time).map(|(_, record, _)| record);
            let fit = others.filter(|record| record.holder != holder && record.serves() && record.room).collect();
            let random = getrandom::u64().unwrap_or_default();
            emptier_of_two(fit, random, |record| record.connections).map(|record| record.url.clone())
        })
    }

    /// What the node's parts say to those of others goes this way.
    pub(crate) fn client(&self) -> &async_nats::Client {
        self.bucket.client()
    }

    /// Gives the number back.
    pub(crate) async fn leave(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        if !self.bucket.is_connected() {
            return;
        }
        let Own { number, record, revision } = self.shared.own();
        let mut released = self.bucket.release(number, revision).await;
        if matches!(released, Err(LeaseError::Taken)) {
            // A renewal was under way when the tasks ended.
            released = match self.bucket.holder(number).await {
                Ok(Some(own)) if own.record.holder == record.holder => self.bucket.release(number, own.revision).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
        }
        if let Err(error) = released {
            tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
        }
    }
}

/// Leases a number under a name that is nobody else's, once those who have them are gone.
async fn first_lease(bucket: &mut Bucket, clock: Clock, wanted: &Wanted) -> Result<Held, JoinError> {
    let until = clock.now() + JOIN_TIMEOUT;
    let mut first: Option<Rival> = None;
    loop {
        let error = match wanted.lease(bucket, None).await {
            Ok(held) => return Ok(held),
            Err(Obstacle::NoNumber) => JoinError::NoNumber,
            Err(Obstacle::Lease(error)) => JoinError::Unreachable(error.to_string()),
            Err(Obstacle::Rival(rival)) => {
                let lives = first.as_ref().is_some_and(|first| rival.lives_on_since(first));
                if first.as_ref().is_none_or(|first| first.posted.record.holder != rival.posted.record.holder) {
                    tracing::info!(domain = rival.posted.record.domain, "waiting for a node's lease to run out");
                    first = Some(rival.clone());
                }
                let error = JoinError::from(rival);
                if lives {
                    return Err(error);
                }
                error
            }
        };
        if clock.now() >= until {
            return Err(error);
        }
        sleep(JOIN_RETRY).await;
    }
}

/// The emptier of two that `random` picks, so that not all who ask at once are sent to the same one.
pub(crate) fn emptier_of_two<T>(mut nodes: Vec<T>, random: u64, connections: impl Fn(&T) -> u64) -> Option<T> {
    if nodes.is_empty() {
        return None;
    }
    let first = nodes.swap_remove(((random >> 32) % nodes.len() as u64) as usize);
    if nodes.is_empty() {
        return Some(first);
    }
    let second = nodes.swap_remove(((random & u64::from(u32::MAX)) % nodes.len() as u64) as usize);
    Some(if connections(&second) < connections(&first) { second } else { first })
}

impl Shared {
    fn own(&self) -> Own {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_own(&self, own: Own) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = own;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn vitals(&self) -> Vitals {
        self.vitals.get().map_or(Vitals::of(Stage::Starting), |vitals| vitals())
    }
}

impl From<Rival> for JoinError {
    fn from(rival: Rival) -> Self {
        let Rival { has, posted } = rival;
        let (domain, url) = (posted.record.domain, posted.record.url);
        match has {
            Contested::Number => Self::NumberTaken { node: posted.number, domain, url },
            Contested::Domain => Self::DomainTaken { domain, url },
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Own { number, record, .. } = self.shared.own();
        f.debug_struct("Cluster").field("number", &number).field("domain", &record.domain).finish_non_exhaustive()
    }
}
