//! Statements about many rows at once: each is one way to the database and back, however many rows it is about.

use sanmon_core::id::Id;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, SqlStr};

use super::error::StoreError;
use crate::log::rows::shared;

/// How many rows one may be about: few different statements, so that each stays prepared.
const LENGTHS: [usize; 4] = [100, 10, 3, 1];

/// A statement in all of its lengths.
pub(crate) struct Bulk([SqlStr; LENGTHS.len()]);

impl Bulk {
    /// A statement about the ids of a list: their places take that of `{ids}` in its text, the place behind them that of
    /// `{next}`.
    pub(super) fn about(sql: &str) -> Self {
        Self(LENGTHS.map(|length| {
            let next = format!("${}", length + 1);
            shared(sql.replace("{ids}", &places(1, length)).replace("{next}", &next))
        }))
    }

    /// A statement that stores rows of so many columns: their places take that of `{rows}` in its text.
    pub(crate) fn storing(columns: usize, sql: &str) -> Self {
        Self(LENGTHS.map(|length| {
            let rows: Vec<String> =
                (0..length).map(|row| format!("({})", places(row * columns + 1, columns))).collect();
            shared(sql.replace("{rows}", &rows.join(",")))
        }))
    }

    /// Runs a statement about these ids, as often as it takes. `next` is bound behind them, if the statement has a place for it.
    pub(super) async fn run(
        &self,
        conn: &mut AnyConnection,
        ids: &[Id],
        next: Option<i64>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let mut found = Vec::new();
        let mut rest = ids;
        while let Some(last) = rest.len().checked_sub(1) {
            // The shortest that holds the rest, or else the longest: what is too long repeats an id.
            let index = LENGTHS.iter().rposition(|length| *length >= rest.len()).unwrap_or_default();
            let mut query = sqlx::query(self.0[index].clone());
            for place in 0..LENGTHS[index] {
                query = query.bind(rest[place.min(last)].as_i64());
            }
            if let Some(next) = next {
                query = query.bind(next);
            }
            found.extend(query.fetch_all(&mut *conn).await?);
            rest = rest.get(LENGTHS[index]..).unwrap_or_default();
        }
        Ok(found)
    }

    /// Stores rows, in their order; `bind` gives the columns of one.
    pub(crate) async fn store<T>(
        &self,
        conn: &mut AnyConnection,
        rows: &[T],
        bind: impl for<'q> Fn(Query<'q, Any, AnyArguments>, &T) -> Query<'q, Any, AnyArguments>,
    ) -> Result<(), StoreError> {
        let mut rest = rows;
        for (length, sql) in LENGTHS.iter().zip(&self.0) {
            while rest.len() >= *length {
                let (some, after) = rest.split_at(*length);
                let query = some.iter().fold(sqlx::query(sql.clone()), &bind);
                query.execute(&mut *conn).await?;
                rest = after;
            }
        }
        Ok(())
    }
}

/// So many places, from this one on.
fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(",")
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::*;
    use crate::store::objects::id_of;
    use crate::store::tests::{Bench, On};

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn each_row_is_stored_and_found_once(on: On) {
        let bench = Bench::new(on).await;
        let store = Bulk::storing(2, "INSERT INTO users (id, data) VALUES {rows}");
        let find = Bulk::about("SELECT id FROM users WHERE id IN ({ids}) AND id <> {next} ORDER BY id");
        let all: Vec<Id> = (1..=236).map(|id| Id::new(id).unwrap()).collect();
        let found = bench.store.write({
            let all = all.clone();
            move |tx| {
                Box::pin(async move {
                    store.store(tx.conn(), &all, |query, id| query.bind(id.as_i64()).bind("{}")).await?;
                    let mut found = Vec::new();
                    for some in [&all[..0], &all[..1], &all[3..10], &all[50..61], &all[..]] {
                        let rows = find.run(tx.conn(), some, Some(5)).await?;
                        found.push(rows.iter().map(|row| id_of(row, 0)).collect::<Result<Vec<_>, _>>()?);
                    }
                    Ok(found)
                })
            }
        });
        let but_five = |some: &[Id]| some.iter().copied().filter(|id| id.as_u64() != 5).collect::<Vec<_>>();
        let expected = [&all[..0], &all[..1], &all[3..10], &all[50..61], &all[..]].map(but_five);
        assert_eq!(found.await.unwrap(), expected);
    }
}
