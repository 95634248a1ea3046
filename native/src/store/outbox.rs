//! Who relays what changes emitted: one node at a time takes it out of the database's outbox.

use std::pin::pin;
use std::time::Duration;

use sqlx::{AnyConnection, Connection as _, Row};
use tokio::time::timeout;

use super::error::StoreError;
use super::postgres::{STATEMENT_TIMEOUT, Server, bounded};
use crate::log::{ChangeNumber, Parcel, outbox};

/// PostgreSQL's name of the lock that the relaying node holds, within one database: "sanmon" in ASCII.
const RELAY_LOCK: i64 = 0x0073_616E_6D6F_6E00;

/// How often a node that relays asks something, while it waits for the log: before its session ends.
const STAY_EVERY: Duration = Duration::from_secs(1);

/// The outbox of a database that many machines share.
#[derive(Debug)]
pub(crate) struct Outbox {
    server: Server,
    /// The connection of a node that waits to become the one that relays.
    waiting: Option<AnyConnection>,
}

/// The node that relays, on a connection of its own: when that ends, another node may.
#[derive(Debug)]
pub(crate) struct Relaying {
    conn: AnyConnection,
}

impl Outbox {
    pub(super) const fn of(server: Server) -> Self {
        Self { server, waiting: None }
    }

    /// Becomes the one that relays; `None` while another is. It is asked again over the same connection.
    ///
    /// # Errors
    /// Only faults of the machine.
    pub(crate) async fn lead(&mut self) -> Result<Option<Relaying>, StoreError> {
        let (conn, leads) = match self.waiting.take() {
            None => lead_anew(&self.server).await?,
            Some(mut conn) => match try_lock(&mut conn).await {
                Ok(leads) => (conn, leads),
                // It was lost while it waited.
                Err(_) => lead_anew(&self.server).await?,
            },
        };
        if leads {
            let mut relaying = Relaying { conn };
            relaying.vow().await?;
            return Ok(Some(relaying));
        }
        self.waiting = Some(conn);
        Ok(None)
    }

    /// Has numbers begin after `number`, as [`Relaying::outgrow`] does, before the node has committed anything.
    ///
    /// # Errors
    /// Only faults of the machine.
    pub(crate) async fn outgrow(&mut self, number: ChangeNumber) -> Result<(), StoreError> {
        Relaying { conn: self.server.writer().await? }.outgrow(number).await
    }
}

/// Tries over a new connection whether nobody relays.
async fn lead_anew(server: &Server) -> Result<(AnyConnection, bool), StoreError> {
    let mut conn = server.writer().await?;
    let set_up = async {
        // Who would like to relay asks something all the time. What it deletes then is in the log: should that come back, it is
        // deleted again, so nothing waits for the disk.
        sqlx::raw_sql("SET idle_session_timeout = '10s'; SET synchronous_commit = off").execute(&mut conn).await?;
        Ok(())
    };
    bounded(STATEMENT_TIMEOUT, set_up).await?;
    let leads = try_lock(&mut conn).await?;
    Ok((conn, leads))
}

/// Takes the lock of the one that relays, if nobody has it.
async fn try_lock(conn: &mut AnyConnection) -> Result<bool, StoreError> {
    let lock = async {
        let row = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(RELAY_LOCK).fetch_one(conn).await?;
        Ok(row.try_get::<bool, _>(0)?)
    };
    bounded(STATEMENT_TIMEOUT, lock).await
}

impl Relaying {
    /// A node that hangs must not keep the others from relaying: this one has to ask something all the time from now on, see
    /// [`Self::beside`]. If it does not, another takes its place before those give up who wait for the log.
    async fn vow(&mut self) -> Result<(), StoreError> {
        let vow =
            async { Ok(sqlx::raw_sql("SET idle_session_timeout = '3s'").execute(&mut self.conn).await.map(drop)?) };
        bounded(STATEMENT_TIMEOUT, vow).await
    }

    /// Up to `limit` parcels after `number`, in order.
    ///
    /// # Errors
    /// Only faults of the machine. Whoever gets one must let go of this and lead anew.
    pub(crate) async fn after(&mut self, number: ChangeNumber, limit: u32) -> Result<Vec<Parcel>, StoreError> {
        bounded(STATEMENT_TIMEOUT, outbox::after(&mut self.conn, number, limit.into())).await
    }

    /// The number of the last parcel, if there is one.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub(crate) async fn last(&mut self) -> Result<Option<ChangeNumber>, StoreError> {
        bounded(STATEMENT_TIMEOUT, outbox::last(&mut self.conn)).await
    }

    /// What comes of `waiting`, which asks nothing of the database: this node stays the one that relays however long it takes.
    ///
    /// # Errors
    /// As [`Self::after`]; then nothing is waited for any longer.
    pub(crate) async fn beside<T>(&mut self, waiting: impl Future<Output = T>) -> Result<T, StoreError> {
        let mut waiting = pin!(waiting);
        loop {
            match timeout(STAY_EVERY, &mut waiting).await {
                Ok(came) => return Ok(came),
                Err(_) => bounded(STATEMENT_TIMEOUT, async { Ok(self.conn.ping().await?) }).await?,
            }
        }
    }

    /// Deletes the parcels up to and including `number`, which the log has.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub(crate) async fn delete_through(&mut self, number: ChangeNumber) -> Result<(), StoreError> {
        bounded(STATEMENT_TIMEOUT, outbox::delete_through(&mut self.conn, number)).await
    }

    /// Has numbers begin after `number`, the last one that the log has: a database that was restored from a copy would give
    /// numbers again that the log knows already.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub(crate) async fn outgrow(&mut self, number: ChangeNumber) -> Result<(), StoreError> {
        let outgrow = async {
            sqlx::query("UPDATE log_state SET last_seq = $1 WHERE last_seq < $1")
                .bind(number.as_i64())
                .execute(&mut self.conn)
                .await?;
            Ok(())
        };
        bounded(STATEMENT_TIMEOUT, outgrow).await
    }
}
