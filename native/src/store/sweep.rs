//! What runs out and is swept away, a little at a time.

use sanmon_core::event::Seq;

use super::error::StoreError;
use super::idempotency;
use super::tx::Tx;

/// Entries of the log that one commit drops beside twice what it adds.
pub(super) const STEP: usize = 2000;

/// Rows of each kind that one sweep drops.
const ROWS: i64 = 1000;

/// Every how many sweeps everything but the log is looked at.
const EVERY: u64 = 20;

/// Whether this sweep looks at everything but the log.
pub(super) const fn due(sweeps: u64) -> bool {
    sweeps.is_multiple_of(EVERY)
}

/// Drops sessions, invites and idempotency keys that have run out, and stays in guilds that ended at or before the place
/// `forgotten`, for which nobody can ask any longer.
pub(super) async fn expired(tx: &mut Tx, forgotten: Seq) -> Result<(), StoreError> {
    let now = tx.now().as_millis();
    let oldest_key = now.saturating_sub(idempotency::KEPT_MS).cast_signed();
    let now = now.cast_signed();
    for (sql, bound) in [
        ("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2)", now),
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
        sqlx::query(sql).bind(bound).bind(ROWS).execute(tx.conn()).await?;
    }
    Ok(())
}
