//! Keeps a node's lease, and sees what the others say.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::Operation;
use futures_util::StreamExt;
use sanmon_core::time::Moment;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};

use super::bucket::{self, Bucket, LeaseError};
use super::joining::{Held, Obstacle, Wanted};
use super::{Own, Shared, Tie};

/// How often a lease is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How soon it is tried again to renew it.
const RETRY: Duration = Duration::from_millis(400);
/// A node whose lease was not renewed for this long is cut off: a little before the others take it for gone.
const CUT_OFF_AFTER: Duration = Duration::from_secs(5);
/// A watch that says nothing for this long, while the own lease is renewed, is dead.
const SILENCE: Duration = Duration::from_secs(5);

/// Renews the lease for as long as the node runs; one that was lost is taken anew, under another number if need be.
pub(super) async fn keep(shared: Arc<Shared>, mut bucket: Bucket, wanted: Wanted) {
    let mut is_lost = false;
    loop {
        let sent = shared.clock.now();
        let pause = match renew(&shared, &bucket, &wanted, &mut is_lost).await {
            Ok(()) => {
                shared.renewed.send_replace(sent);
                RENEW_EVERY
            }
            Err(error) => {
                tracing::debug!(%error, "the lease of this node was not renewed");
                if bucket.is_connected() && !matches!(error, LeaseError::Taken) {
                    // The bucket itself may be gone, with the data of the server.
                    let _ = bucket.reopen().await;
                }
                RETRY
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.changed.notified() => {}
        }
    }
}

/// Renews the lease once, or takes it again.
async fn renew(shared: &Shared, bucket: &Bucket, wanted: &Wanted, is_lost: &mut bool) -> Result<(), LeaseError> {
    if !bucket.is_connected() {
        return Err(LeaseError::Unreachable("there is no connection".into()));
    }
    let Own { number, record, revision } = shared.own();
    if !*is_lost {
        let record = record.with(shared.vitals());
        match bucket.renew(number, &record, revision).await {
            Ok(revision) => {
                shared.set_own(Own { number, record, revision });
                return Ok(());
            }
            Err(LeaseError::Taken) => {}
            Err(error) => return Err(error),
        }
        match bucket.holder(number).await? {
            // One of our own renewals, whose answer did not come.
            Some(own) if own.record.holder == wanted.holder => {
                shared.set_own(Own { number, record, revision: own.revision });
                return Err(LeaseError::Taken);
            }
            _ => *is_lost = true,
        }
    }
    match wanted.lease(bucket, Some(number)).await {
        Ok(Held { number: leased, record, revision, .. }) => {
            *is_lost = false;
            tracing::warn!(
                before = number,
                number = leased,
                domain = record.domain,
                "the lease had run out; taken anew"
            );
            shared.set_own(Own { number: leased, record, revision });
            shared.changed.notify_one();
            Ok(())
        }
        Err(Obstacle::Lease(error)) => Err(error),
        Err(Obstacle::NoNumber) => Err(LeaseError::Unreachable("all numbers are leased".into())),
        Err(Obstacle::Rival(rival)) => {
            let (domain, url) = (rival.posted.record.domain, rival.posted.record.url);
            tracing::error!(
                domain,
                url,
                "another node has taken this node's place: it can't serve until that one ends"
            );
            Err(LeaseError::Unreachable("another node has this one's place".into()))
        }
    }
}

/// Says when the node is cut off, and when it no longer is.
pub(super) async fn judge(shared: Arc<Shared>, mut renewed: watch::Receiver<Moment>) {
    loop {
        let until = *renewed.borrow_and_update() + CUT_OFF_AFTER;
        let tie = if shared.clock.now() < until { Tie::Held } else { Tie::CutOff };
        shared.tie.send_if_modified(|now| std::mem::replace(now, tie) != tie);
        let over = async {
            match tie {
                Tie::Held => sleep_until(shared.clock.instant(until).into()).await,
                Tie::CutOff => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            changed = renewed.changed() => if changed.is_err() { return },
        }
    }
}

/// Sees what the others say, for as long as the node runs.
pub(super) async fn look(shared: Arc<Shared>, bucket: Bucket) {
    loop {
        if bucket.is_connected()
            && let Err(error) = look_until_silent(&shared, &bucket).await
        {
            tracing::debug!(%error, "the nodes can't be watched; trying again");
        }
        sleep(RETRY).await;
    }
}

async fn look_until_silent(shared: &Shared, bucket: &Bucket) -> Result<(), LeaseError> {
    let mut watch = bucket.watch().await?;
    let mut was_there = true;
    loop {
        let entry = match timeout(SILENCE, watch.next()).await {
            Ok(Some(Ok(entry))) => entry,
            Ok(Some(Err(error))) => return Err(LeaseError::Unreachable(error.to_string())),
            Ok(None) | Err(_) => return Err(LeaseError::Unreachable("nothing is heard any more".into())),
        };
        let now = shared.clock.now();
        let mut table = shared.table();
        match (bucket::posted(&entry), bucket::number(&entry)) {
            (Some(posted), _) if was_there => table.find(now, posted),
            (Some(posted), _) => table.see(now, posted),
            (None, Some(number)) if entry.operation != Operation::Put => table.forget(number),
            (None, _) => {}
        }
        was_there &= !entry.seen_current;
    }
}
