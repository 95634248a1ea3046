//! The outbox in PostgreSQL: what changes emitted, committed with them, until it is relayed to the shared log.

use std::sync::LazyLock;

use sanmon_core::time::UnixMillis;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::changes::ChangeNumber;
use super::shared::Parcel;
use crate::store::{Bulk, StoreError};

static INSERT: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::storing(5, "INSERT INTO log (seq, at, audience, change, event) VALUES {rows}"));

/// Stores what a transaction emitted.
pub(crate) async fn insert(conn: &mut AnyConnection, parcels: &[Parcel]) -> Result<(), StoreError> {
    let insert = INSERT.store(conn, parcels, |query, parcel| {
        query
            .bind(parcel.number.as_i64())
            .bind(parcel.at.as_millis().cast_signed())
            .bind(parcel.audience.clone())
            .bind(parcel.change.clone())
            .bind(parcel.event.clone())
    });
    insert.await
}

/// Reads up to `limit` parcels after `number`, in order.
pub(crate) async fn after(
    conn: &mut AnyConnection,
    number: ChangeNumber,
    limit: i64,
) -> Result<Vec<Parcel>, StoreError> {
    let rows = sqlx::query("SELECT seq, at, audience, change, event FROM log WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(number.as_i64())
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(parcel).collect()
}

/// The number of the last parcel, if there is one.
pub(crate) async fn last(conn: &mut AnyConnection) -> Result<Option<ChangeNumber>, StoreError> {
    let row = sqlx::query("SELECT MAX(seq) FROM log").fetch_one(conn).await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(|last| ChangeNumber::new(last.cast_unsigned())))
}

/// Deletes the parcels up to and including `number`, which are relayed.
pub(crate) async fn delete_through(conn: &mut AnyConnection, number: ChangeNumber) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM log WHERE seq <= $1").bind(number.as_i64()).execute(conn).await?;
    Ok(())
}

/// The last change that is relayed, with all before it: everything committed, as far as the outbox holds no more of it.
pub(crate) async fn relayed(conn: &mut AnyConnection) -> Result<ChangeNumber, StoreError> {
    let row = sqlx::query("SELECT COALESCE((SELECT MIN(seq) - 1 FROM log), (SELECT last_seq FROM log_state))")
        .fetch_one(conn)
        .await?;
    Ok(ChangeNumber::new(row.try_get::<i64, _>(0)?.cast_unsigned()))
}

fn parcel(row: &AnyRow) -> Result<Parcel, StoreError> {
    Ok(Parcel {
        number: ChangeNumber::new(row.try_get::<i64, _>(0)?.cast_unsigned()),
        at: UnixMillis::from_millis(row.try_get::<i64, _>(1)?.cast_unsigned()),
        audience: row.try_get(2)?,
        change: row.try_get(3)?,
        event: row.try_get(4)?,
    })
}
