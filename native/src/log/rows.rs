//! The log's rows in the database.

use std::sync::{Arc, LazyLock};

use sanmon_core::entry::{Change, Entry};
use sanmon_core::event::Seq;
use sanmon_core::time::UnixMillis;
use serde_json::to_string;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row, SqlSafeStr as _, SqlStr};

use super::changes::ChangeNumber;
use crate::store::StoreError;

/// Entries that one statement stores at most. Each number up to it has a statement of its own, so that what is published
/// together goes out by one: each way to SQLite's thread and back costs more than such a statement does.
pub(crate) const MOST_AT_ONCE: usize = 64;

static INSERTS: LazyLock<Vec<SqlStr>> = LazyLock::new(|| (1..=MOST_AT_ONCE).map(insert_sql).collect());

/// How many places one statement asks for.
const PAGE: usize = 64;

static SELECT_PAGE: LazyLock<SqlStr> = LazyLock::new(select_sql);

/// What outlives the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogState {
    /// The last change whose entry was emitted.
    pub(crate) last: ChangeNumber,
    /// The last id that was made.
    pub(crate) last_id: u64,
}

/// Reads the log's state, and begins a log where there is none.
pub(crate) async fn open_state(conn: &mut AnyConnection, now: UnixMillis) -> Result<LogState, StoreError> {
    sqlx::query("INSERT INTO log_state (id, last_seq, last_id) VALUES (1, $1, 0) ON CONFLICT (id) DO NOTHING")
        .bind(Seq::first_of_a_log(now).as_i64())
        .execute(&mut *conn)
        .await?;
    state(conn).await
}

/// Asks for the log's state.
pub(crate) const STATE: &str = "SELECT last_seq, last_id FROM log_state";

/// Reads the log's state.
pub(crate) async fn state(conn: &mut AnyConnection) -> Result<LogState, StoreError> {
    state_of(&sqlx::query(STATE).fetch_one(conn).await?)
}

/// The log's state in the row that [`STATE`] asks for.
pub(crate) fn state_of(row: &AnyRow) -> Result<LogState, StoreError> {
    let last = ChangeNumber::new(row.try_get::<i64, _>(0)?.cast_unsigned());
    Ok(LogState { last, last_id: row.try_get::<i64, _>(1)?.cast_unsigned() })
}

/// The last change that is committed in the reader's snapshot.
pub(crate) async fn head(conn: &mut AnyConnection) -> Result<ChangeNumber, StoreError> {
    Ok(state(conn).await?.last)
}

/// An entry without its text.
#[derive(Debug)]
pub(crate) struct Outline {
    /// The entry, with an empty text if it has one.
    pub(crate) entry: Entry,
    /// The bytes of its text.
    pub(crate) size: u32,
}

/// An outline as the database tells it: place, time, audience as JSON text, bytes of its text, and the text if it is a
/// notification.
#[derive(serde::Deserialize)]
struct OutlineRow(Seq, UnixMillis, String, Option<u32>, Option<String>);

/// Reads outlines of up to `limit` entries after `after`, in order. One row holds them all: a row for each takes ten times
/// as long, and a server that starts has a million to read.
pub(crate) async fn outlines_after(
    conn: &mut AnyConnection,
    after: Seq,
    limit: i64,
) -> Result<Vec<Outline>, StoreError> {
    let row = sqlx::query(
        "SELECT json_group_array(json_array(seq, at, audience, OCTET_LENGTH(event), notification)) FROM \
         (SELECT seq, at, audience, event, CASE WHEN event LIKE '{\"t\":\"NOTIFICATION\",%' THEN event END AS notification \
         FROM log WHERE seq > $1 ORDER BY seq LIMIT $2)",
    )
    .bind(after.as_i64())
    .bind(limit)
    .fetch_one(conn)
    .await?;
    let text: String = row.try_get(0)?;
    let rows: Vec<OutlineRow> = serde_json::from_str(&text)?;
    rows.into_iter()
        .map(|OutlineRow(seq, at, audience, size, notification)| {
            // Only a notification may be one that is never replayed.
            let text = size.map(|_| notification.as_deref().unwrap_or(r#"{"t":"X"}"#));
            let entry = Entry::restore(seq, at, serde_json::from_str(&audience)?, None, text)?;
            Ok(Outline { entry, size: size.unwrap_or(0) })
        })
        .collect()
}

/// Stores the log's state, if it is another one, and commits.
pub(crate) async fn commit(conn: &mut AnyConnection, state: Option<LogState>) -> Result<(), StoreError> {
    let sql = match state {
        None => SqlStr::from_static("COMMIT"),
        // In one go: on PostgreSQL all other nodes wait meanwhile.
        Some(LogState { last, last_id }) => shared(format!(
            "UPDATE log_state SET last_seq = {}, last_id = {}; COMMIT",
            last.as_i64(),
            last_id.cast_signed()
        )),
    };
    sqlx::raw_sql(sql).execute(conn).await?;
    Ok(())
}

/// Stores entries, and where the log ends with them.
///
/// Up to [`MOST_AT_ONCE`] are one statement, which needs no transaction around it: all of them are stored, or none is.
pub(crate) async fn insert(conn: &mut AnyConnection, entries: &[Arc<Entry>]) -> Result<(), StoreError> {
    for chunk in entries.chunks(MOST_AT_ONCE) {
        let mut query = sqlx::query(INSERTS[chunk.len() - 1].clone());
        for entry in chunk {
            query = query
                .bind(entry.seq.as_i64())
                .bind(entry.at.as_millis().cast_signed())
                .bind(to_string(&entry.audience)?)
                .bind(entry.change.as_ref().map(to_string).transpose()?)
                .bind(entry.dispatch.as_ref().map(|dispatch| dispatch.text().to_owned()));
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

/// Reads up to `limit` entries after `after`, in order.
pub(crate) async fn after(conn: &mut AnyConnection, after: Seq, limit: i64) -> Result<Vec<Arc<Entry>>, StoreError> {
    let rows = sqlx::query("SELECT seq, at, audience, change, event FROM log WHERE seq > $1 ORDER BY seq LIMIT $2")
        .bind(after.as_i64())
        .bind(limit)
        .fetch_all(conn)
        .await?;
    rows.iter().map(restore).collect()
}

/// Reads the entries at these places, in the log's order; places that are no longer held are left out.
pub(crate) async fn at(conn: &mut AnyConnection, places: &[Seq]) -> Result<Vec<Arc<Entry>>, StoreError> {
    let mut found = Vec::with_capacity(places.len());
    for page in places.chunks(PAGE) {
        let mut query = sqlx::query(SELECT_PAGE.clone());
        for index in 0..PAGE {
            query = query.bind(page[index.min(page.len() - 1)].as_i64());
        }
        for row in query.fetch_all(&mut *conn).await? {
            found.push(restore(&row)?);
        }
    }
    Ok(found)
}

/// Deletes the entries up to and including `through`.
pub(crate) async fn delete_through(conn: &mut AnyConnection, through: Seq) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM log WHERE seq <= $1").bind(through.as_i64()).execute(conn).await?;
    Ok(())
}

fn restore(row: &AnyRow) -> Result<Arc<Entry>, StoreError> {
    let audience: String = row.try_get(2)?;
    let change: Option<String> = row.try_get(3)?;
    let change: Option<Change> = change.as_deref().map(serde_json::from_str).transpose()?;
    let event: Option<String> = row.try_get(4)?;
    let at = UnixMillis::from_millis(row.try_get::<i64, _>(1)?.cast_unsigned());
    let entry = Entry::restore(seq(row.try_get(0)?), at, serde_json::from_str(&audience)?, change, event.as_deref())?;
    Ok(Arc::new(entry))
}

fn seq(number: i64) -> Seq {
    Seq::new(number.cast_unsigned())
}

// SQLite takes `$1` for a name, and looks for names one by one in a list of all: with hundreds of them that took half of the
// time of an insert.
fn insert_sql(rows: usize) -> SqlStr {
    let values = vec!["(?,?,?,?,?)"; rows].join(",");
    shared(format!("INSERT INTO log (seq, at, audience, change, event) VALUES {values}"))
}

fn select_sql() -> SqlStr {
    let places = vec!["?"; PAGE].join(",");
    shared(format!("SELECT seq, at, audience, change, event FROM log WHERE seq IN ({places}) ORDER BY seq"))
}

/// A statement whose clones share its text.
pub(crate) fn shared(sql: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
}
