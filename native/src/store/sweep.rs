//! What runs out and is swept away, a little at a time.

use std::collections::VecDeque;

use sanmon_core::time::UnixMillis;

use super::error::StoreError;
use super::idempotency;
use super::tx::Tx;
use crate::log::ChangeNumber;

/// Entries of the log that one commit drops beside twice what it adds.
pub(super) const STEP: usize = 2000;

/// Rows of each kind that one sweep drops.
const ROWS: i64 = 1000;

/// Every how many sweeps of the log everything else is swept too.
pub(super) const EVERY: u32 = 20;

/// How far a sweep came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swept {
    /// Nothing is left to sweep.
    All,
    /// There may be more.
    Some,
}

/// How much later than this node another one may forget an entry of the log that they share.
const ELSEWHERE_MS: u64 = 60_000;

/// What this node has forgotten of a log that others read too.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    /// At the last sweeps, and when.
    here: VecDeque<(UnixMillis, ChangeNumber)>,
    /// So long ago that every node has.
    everywhere: ChangeNumber,
}

impl Forgotten {
    /// Takes what is forgotten now, and says what is by every node: what was forgotten here a while ago.
    pub(super) fn a_while_after(&mut self, now: UnixMillis, here: ChangeNumber) -> ChangeNumber {
        self.here.push_back((now, here));
        while let Some((at, change)) = self.here.front()
            && now.as_millis().saturating_sub(at.as_millis()) >= ELSEWHERE_MS
        {
            self.everywhere = *change;
            self.here.pop_front();
        }
        self.everywhere
    }
}

/// Drops sessions, operator keys, invites and idempotency keys that have run out, and stays in guilds that ended with the change
/// `forgotten` or before it, for which nobody can ask any longer.
pub(super) async fn expired(tx: &mut Tx, forgotten: ChangeNumber) -> Result<Swept, StoreError> {
    let now = tx.now().as_millis();
    let oldest_key = now.saturating_sub(idempotency::KEPT_MS).cast_signed();
    let now = now.cast_signed();
    let mut swept = Swept::All;
    for (sql, bound) in [
        ("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2)", now),
        ("DELETE FROM operator_keys WHERE id IN (SELECT id FROM operator_keys WHERE expires_at <= $1 LIMIT $2)", now),
        ("DELETE FROM invites WHERE code IN (SELECT code FROM invites WHERE expires_at <= $1 LIMIT $2)", now),
        (
            "DELETE FROM idempotency WHERE idempotency_key IN \
             (SELECT idempotency_key FROM idempotency WHERE at <= $1 LIMIT $2)",
            oldest_key,
        ),
        (
            "DELETE FROM members WHERE (guild_id, user_id, joined_seq) IN \
             (SELECT guild_id, user_id, joined_seq FROM members WHERE left_seq <= $1 LIMIT $2)",
            forgotten.as_i64(),
        ),
    ] {
        let gone = sqlx::query(sql).bind(bound).bind(ROWS).execute(tx.conn()).await?;
        if gone.rows_affected() >= ROWS.cast_unsigned() {
            swept = Swept::Some;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::*;
    use crate::config::Config;
    use crate::store::tests::{Bench, On, draft};

    #[test]
    fn what_others_may_still_hold_stays_a_while() {
        let mut forgotten = Forgotten::default();
        let mut at = |second: u64, change| {
            let everywhere = forgotten.a_while_after(UnixMillis::from_millis(second * 1000), ChangeNumber::new(change));
            everywhere.as_u64()
        };
        assert_eq!(
            [at(0, 5), at(10, 7), at(59, 7), at(60, 9), at(65, 9), at(71, 9), at(300, 9)],
            [0, 0, 0, 5, 5, 7, 9]
        );
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_has_run_out_is_gone_after_a_restart(on: On) {
        let bench = Bench::with(on, Config { log_max_entries: 1, ..Config::default() }).await;
        let rows = bench.store.write(|tx| {
            Box::pin(async move {
                let first = tx.emit(draft(r#"{"t":"X"}"#)).as_i64();
                let second = tx.emit(draft(r#"{"t":"X"}"#)).as_i64();
                for sql in [
                    "INSERT INTO users (id, data) VALUES (1, '{}')",
                    "INSERT INTO sessions (id, user_id, hash, created_at, expires_at) \
                     VALUES (1, 1, '', 0, 5), (2, 1, '', 0, NULL), (3, 1, '', 0, 9000000000000)",
                    "INSERT INTO operator_keys (id, name, hash, scopes, created_at, expires_at) \
                     VALUES (1, 'a', '', 'act', 0, 5), (2, 'b', '', 'act', 0, NULL), (3, 'c', '', 'act', 0, 9000000000000)",
                    "INSERT INTO guilds (id, owner, data) VALUES (1, 1, '{}')",
                    "INSERT INTO invites (code, guild_id, inviter_id, created_at, expires_at, uses) \
                     VALUES ('a', 1, 1, 0, 5, 0), ('b', 1, 1, 0, NULL, 0)",
                ] {
                    sqlx::query(sql).execute(tx.conn()).await?;
                }
                // More than one sweep drops at once.
                sqlx::query(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
                     INSERT INTO idempotency SELECT 'key' || i, '', 1, 1, i / 2500 * 9000000000000 FROM n",
                )
                .execute(tx.conn())
                .await?;
                sqlx::query("INSERT INTO members VALUES (1, 1, $1, $1), (1, 2, $1, $2), (1, 3, $1, NULL)")
                    .bind(first)
                    .bind(second)
                    .execute(tx.conn())
                    .await?;
                Ok(())
            })
        });
        rows.await.unwrap();
        while bench.store.log_figures().entries > 1 {
            tokio::task::yield_now().await;
        }
        let bench = bench.again().await;
        let counts = [
            ("SELECT COUNT(*) FROM sessions", 2),
            ("SELECT COUNT(*) FROM operator_keys", 2),
            ("SELECT COUNT(*) FROM invites", 1),
            ("SELECT COUNT(*) FROM idempotency", 1),
            ("SELECT COUNT(*) FROM members", 2),
        ];
        // Where others read the same log, stays in guilds are left for a while.
        let counts = &counts[..if on == On::Sqlite { 5 } else { 4 }];
        for &(sql, left) in counts {
            loop {
                let mut read = bench.store.read().await.unwrap();
                let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut *read).await.unwrap();
                assert!(count >= left, "{sql}: {count}");
                if count == left {
                    break;
                }
            }
        }
    }
}
