//! Where things are stored: a SQLite file in the data folder, or a PostgreSQL that many machines share.

use std::path::Path;
use std::time::Duration;

use sqlx::{AnyConnection, AnyPool};
use tokio::sync::Semaphore;

use super::error::StoreError;
use super::postgres::{self, STATEMENT_TIMEOUT, Server, bounded};
use super::sqlite::{self, Database};
use super::writer::Savepoint;
use crate::log::rows::{self, LogState};

/// What keeps the tables. The statements are the same; here is what differs.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    /// A file of this process alone.
    Sqlite(Database),
    /// A server that other nodes use too.
    Postgres(Server),
}

impl Engine {
    /// A connection that writes.
    pub(super) async fn writer(&self) -> Result<AnyConnection, StoreError> {
        match self {
            Self::Sqlite(database) => database.writer().await,
            Self::Postgres(server) => server.writer().await,
        }
    }

    /// Connections that only read, each transaction one snapshot.
    pub(super) fn readers(&self) -> AnyPool {
        match self {
            Self::Sqlite(database) => database.readers(),
            Self::Postgres(server) => server.readers(),
        }
    }

    /// How many snapshots may be read at the same time, where one waits for others: some readers are left for what does not.
    pub(super) const fn snapshots(&self) -> usize {
        match self {
            Self::Sqlite(_) => Semaphore::MAX_PERMITS,
            Self::Postgres(_) => postgres::SNAPSHOTS,
        }
    }

    /// Begins a transaction that writes: only one at a time does, on whatever node. Says the log's state, where other nodes
    /// may have moved it on.
    pub(super) async fn begin_write(&self, conn: &mut AnyConnection) -> Result<Option<LogState>, StoreError> {
        match self {
            Self::Sqlite(_) => {
                sqlx::raw_sql(sqlite::BEGIN_WRITE).execute(conn).await?;
                Ok(None)
            }
            Self::Postgres(_) => {
                let state = async {
                    let begun = sqlx::raw_sql(postgres::BEGIN_WRITE).fetch_all(conn).await?;
                    let row = begun.first().ok_or_else(|| StoreError::Unavailable("the log has no state".into()))?;
                    rows::state_of(row)
                };
                Ok(Some(bounded(STATEMENT_TIMEOUT, state).await?))
            }
        }
    }

    /// The savepoint that such a transaction begins with.
    pub(super) const fn savepoint(&self) -> Savepoint {
        match self {
            Self::Sqlite(_) => Savepoint::Absent,
            Self::Postgres(_) => Savepoint::Here,
        }
    }

    /// How long the end of a transaction may take; a file on this machine needs no such bound.
    pub(super) const fn patience(&self) -> Option<Duration> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(_) => Some(STATEMENT_TIMEOUT),
        }
    }

    /// Tidies up after the last write.
    pub(super) async fn finish(&self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => sqlite::checkpoint(conn).await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Whether a copy of all that is stored can be made here.
    pub(super) const fn can_be_copied(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Writes a copy of the whole database, as it is now, to the empty file `to`.
    pub(super) async fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(database) => database.copy_to(to).await,
            Self::Postgres(_) => Err(StoreError::Unavailable("PostgreSQL is backed up by pg_dump".into())),
        }
    }
}
