//! Leasing a number and a name that are nobody else's.

use super::bucket::{Bucket, LeaseError};
use super::record::{Record, Stage, Vitals};
use super::table::Posted;

/// What a node wants to be.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The number that was configured; any free one without.
    pub(super) number: Option<u8>,
    /// The name that was configured; one made from the number without.
    pub(super) domain: Option<String>,
    pub(super) url: String,
    pub(super) holder: u64,
    pub(super) started: u64,
}

/// A number that is leased, under a name that is nobody else's.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) number: u8,
    pub(super) record: Record,
    pub(super) revision: u64,
    /// All nodes that were there then, this one included.
    pub(super) seen: Vec<Posted>,
}

/// Why nothing was leased.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Another node has what is wanted.
    Rival(Rival),
    /// All numbers are leased.
    NoNumber,
    /// NATS can't be asked, or something changed meanwhile.
    Lease(LeaseError),
}

/// Another node that has what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rival {
    pub(super) has: Contested,
    pub(super) posted: Posted,
}

/// What only one node may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contested {
    Number,
    Domain,
}

impl Rival {
    /// Whether this rival was seen to renew its lease since `earlier`, and means to stay.
    pub(super) fn lives_on_since(&self, earlier: &Self) -> bool {
        self.posted.record.holder == earlier.posted.record.holder
            && self.posted.revision != earlier.posted.revision
            && self.posted.record.stage != Stage::Draining
    }
}

impl From<LeaseError> for Obstacle {
    fn from(error: LeaseError) -> Self {
        Self::Lease(error)
    }
}

impl Wanted {
    /// The record of this node under a number.
    fn record(&self, number: u8) -> Record {
        let Self { domain, url, holder, started, .. } = self;
        let domain = domain.clone().unwrap_or_else(|| format!("node-{number}"));
        let record = Record {
            holder: *holder,
            domain,
            url: url.clone(),
            stage: Stage::Joining,
            room: false,
            connections: 0,
            run: None,
            started: *started,
        };
        record.with(Vitals::of(Stage::Joining))
    }

    /// Leases the number that was configured, else `before`, else the first free one, and looks whether the name is free.
    pub(super) async fn lease(&self, bucket: &Bucket, before: Option<u8>) -> Result<Held, Obstacle> {
        let (number, record, revision) = self.number(bucket, before).await?;
        let seen = match bucket.records().await {
            Ok(seen) => seen,
            Err(error) => {
                // Best effort: else it runs out by itself.
                let _ = bucket.release(number, revision).await;
                return Err(error.into());
            }
        };
        // Who leased first has the name. Each looks after it leased: of two that start at once the later one sees the other.
        let rival = seen.iter().find(|other| {
            other.record.holder != self.holder
                && other.record.domain == record.domain
                && (other.record.stage != Stage::Joining || other.revision < revision)
        });
        if let Some(rival) = rival {
            let _ = bucket.release(number, revision).await;
            return Err(Obstacle::Rival(Rival { has: Contested::Domain, posted: rival.clone() }));
        }
        Ok(Held { number, record, revision, seen })
    }

    async fn number(&self, bucket: &Bucket, before: Option<u8>) -> Result<(u8, Record, u64), Obstacle> {
        let any = before.into_iter().chain(0..=u8::MAX);
        let numbers: Vec<u8> = self.number.map_or_else(|| any.collect(), |number| vec![number]);
        for number in numbers {
            let record = self.record(number);
            match bucket.create(number, &record).await {
                Ok(revision) => return Ok((number, record, revision)),
                Err(LeaseError::Taken) => {}
                Err(error) => return Err(error.into()),
            }
            match bucket.holder(number).await? {
                // An earlier attempt of ours, whose answer did not come.
                Some(own) if own.record.holder == self.holder => return Ok((number, own.record, own.revision)),
                Some(posted) if self.number.is_some() => {
                    return Err(Obstacle::Rival(Rival { has: Contested::Number, posted }));
                }
                _ => {}
            }
        }
        Err(if self.number.is_some() { LeaseError::Taken.into() } else { Obstacle::NoNumber })
    }
}
