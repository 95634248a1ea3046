//! Keys with which a publisher may repeat a publish safely.

use sanmon_core::event::Seq;
use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::tx::Tx;

/// How long a key is kept (protocol, section 8).
pub(super) const KEPT_MS: u64 = 600_000;

/// Who publishes: each has its own keys, so that two that happen to choose the same do not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publisher {
    /// Who shows the operator key with this id.
    OperatorKey(Id),
    /// Who is the operator without a key, by the control socket.
    ControlSocket,
}

/// A publisher's key and the hash of what was published with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    /// The publisher, a colon, and the key as the publisher chose it.
    key: String,
    body_hash: String,
}

impl IdempotencyKey {
    /// The key that `publisher` calls `key`, of a publish whose body is `body`: the same bytes mean the same publish.
    pub(crate) fn new(publisher: Publisher, key: &str, body: &[u8]) -> Self {
        let key = match publisher {
            Publisher::OperatorKey(id) => format!("{id}:{key}"),
            Publisher::ControlSocket => format!("control:{key}"),
        };
        Self { key, body_hash: hex::encode(Sha256::digest(body)) }
    }
}

impl IdempotencyKey {
    /// What stands elsewhere for the publish that this key was kept for at the time `at`: whoever reads it learns nothing of
    /// key or body. The log remembers it for longer than the key is kept, and who comes again after that publishes anew.
    pub(super) fn id(&self, at: UnixMillis) -> String {
        hex::encode(Sha256::digest(format!("{}:{}:{}", at.as_millis(), self.body_hash, self.key)))
    }
}

/// An earlier publish with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    /// When the key was kept.
    pub(super) at: UnixMillis,
    first: u64,
    entries: u64,
}

impl Earlier {
    /// The places that it was answered.
    pub(super) fn places(self) -> Vec<Seq> {
        (self.first..self.first + self.entries).map(Seq::new).collect()
    }
}

/// The earlier publish with this key, if there was one.
pub(super) async fn earlier(
    conn: &mut AnyConnection,
    now: UnixMillis,
    key: &IdempotencyKey,
) -> Result<Option<Earlier>, StoreError> {
    let oldest = now.as_millis().saturating_sub(KEPT_MS);
    let row =
        sqlx::query("SELECT body_hash, first_seq, entries, at FROM idempotency WHERE idempotency_key = $1 AND at > $2")
            .bind(key.key.clone())
            .bind(oldest.cast_signed())
            .fetch_optional(conn)
            .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<String, _>(0)? != key.body_hash {
        return Err(Refusal::Conflict {
            code: "idempotency_mismatch",
            message: "the idempotency_key was used with another body".into(),
        }
        .into());
    }
    let number = |column: usize| Ok::<_, StoreError>(row.try_get::<i64, _>(column)?.cast_unsigned());
    Ok(Some(Earlier { at: UnixMillis::from_millis(number(3)?), first: number(1)?, entries: number(2)? }))
}

/// Keeps what a publish with this key is answered.
pub(super) async fn keep(tx: &mut Tx, key: IdempotencyKey, seqs: &[Seq]) -> Result<(), StoreError> {
    let now = tx.now();
    sqlx::query(
        "INSERT INTO idempotency (idempotency_key, body_hash, first_seq, entries, at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (idempotency_key) DO UPDATE SET body_hash = excluded.body_hash, \
         first_seq = excluded.first_seq, entries = excluded.entries, at = excluded.at",
    )
    .bind(key.key)
    .bind(key.body_hash)
    .bind(seqs.first().map_or(0, |seq| seq.as_i64()))
    .bind(i64::try_from(seqs.len()).unwrap_or(i64::MAX))
    .bind(now.as_millis().cast_signed())
    .execute(tx.conn())
    .await?;
    Ok(())
}
