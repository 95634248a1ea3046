//! Who relays what changes emitted: one node at a time takes it out of the database's outbox.

use sqlx::{AnyConnection, Connection as _, Row};

use super::error::StoreError;
use super::postgres::{STATEMENT_TIMEOUT, Server, bounded};
use crate::log::{ChangeNumber, Parcel, outbox};

/// PostgreSQL's name of the lock that the relaying node holds, within one database: "sanmon" in ASCII.
const RELAY_LOCK: i64 = 0x0073_616E_6D6F_6E00;

/// The outbox of a database that many machines share.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    server: Server,
}

/// The node that relays, on a connection of its own: when that ends, another node may.
#[derive(Debug)]
pub(crate) struct Relaying {
    conn: AnyConnection,
}

impl Outbox {
    pub(super) const fn of(server: Server) -> Self {
        Self { server }
    }

    /// Becomes the one that relays; `None` while another is.
    ///
    /// # Errors
    /// Only faults of the machine.
    pub(crate) async fn lead(&self) -> Result<Option<Relaying>, StoreError> {
        let mut conn = self.server.writer().await?;
        let lock = async {
            // A node that hangs must not keep the others from relaying: who relays asks something all the time.
            // What it deletes is in the log: should that come back, it is deleted again, so nothing waits for the disk.
            sqlx::raw_sql("SET idle_session_timeout = '10s'; SET synchronous_commit = off").execute(&mut conn).await?;
            let row = sqlx::query("SELECT pg_try_advisory_lock($1)").bind(RELAY_LOCK).fetch_one(&mut conn).await?;
            Ok(row.try_get::<bool, _>(0)?)
        };
        let leads = bounded(STATEMENT_TIMEOUT, lock).await?;
        if leads {
            return Ok(Some(Relaying { conn }));
        }
        let _ = bounded(STATEMENT_TIMEOUT, async { Ok(conn.close().await?) }).await;
        Ok(None)
    }

    /// Has numbers begin after `number`, as [`Relaying::outgrow`] does, before the node has committed anything.
    ///
    /// # Errors
    /// Only faults of the machine.
    pub(crate) async fn outgrow(&self, number: ChangeNumber) -> Result<(), StoreError> {
        Relaying { conn: self.server.writer().await? }.outgrow(number).await
    }
}

impl Relaying {
    /// Up to `limit` parcels after `number`, in order.
    ///
    /// # Errors
    /// Only faults of the machine. Whoever gets one must let go of this and lead anew.
    pub(crate) async fn after(&mut self, number: ChangeNumber, limit: u32) -> Result<Vec<Parcel>, StoreError> {
        bounded(STATEMENT_TIMEOUT, outbox::after(&mut self.conn, number, limit.into())).await
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
