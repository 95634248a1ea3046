//! The savepoint of a transaction to which a change that fails is taken back, set with as few words to the database as can be.

use sqlx::{AnyConnection, raw_sql};

use super::CHANGE_TIMEOUT;
use crate::store::error::StoreError;
use crate::store::postgres::bounded;

/// Where a transaction can be taken back to. Its end releases what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Savepoint {
    /// Only to its beginning.
    Absent,
    /// To where it is.
    Here,
    /// To something before, which is not to be taken back any more.
    Passed,
}

impl Savepoint {
    /// What comes next can be taken back.
    pub(super) async fn set(&mut self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        match self {
            Self::Here => {}
            Self::Absent => command(conn, "SAVEPOINT change").await?,
            Self::Passed => command(conn, "RELEASE SAVEPOINT change; SAVEPOINT change").await?,
        }
        *self = Self::Here;
        Ok(())
    }

    /// What was done is to stay.
    pub(super) const fn pass(&mut self) {
        if matches!(self, Self::Here) {
            *self = Self::Passed;
        }
    }

    /// Takes back what was done since it was set.
    pub(super) async fn go_back(self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        command(conn, "ROLLBACK TO SAVEPOINT change").await
    }
}

async fn command(conn: &mut AnyConnection, sql: &'static str) -> Result<(), StoreError> {
    bounded(CHANGE_TIMEOUT, async { Ok(raw_sql(sql).execute(conn).await.map(drop)?) }).await
}
