//! The operator's keys, and what each may do.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Refusal, StoreError};
use super::known_keys::KnownKey;
use super::secret::{Claim, Secret};
use super::{Store, Tx, objects};

/// What an operator key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// Publish events.
    Publish,
    /// Make and revoke sessions, and the users that come with them.
    Sessions,
    /// Act in a user's name.
    Act,
    /// Change users and membership, and make and revoke operator keys. The keys may be of any scope: who has this one can
    /// give itself the others.
    Admin,
}

/// The text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is publish, sessions, act or admin")]
pub(crate) struct InvalidScope;

/// An operator key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OperatorKey {
    /// Its id, by which it is revoked.
    pub id: Id,
    /// What it is for, as the operator named it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends by itself, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixMillis>,
}

/// An operator key to make.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// How long it lasts; for ever when absent.
    pub expires_in: Option<Duration>,
}

/// An operator key that was made.
#[derive(Clone, Debug)]
pub(crate) struct MintedKey {
    /// The secret, which is nowhere else.
    pub key: String,
    /// Everything else about it.
    pub about: OperatorKey,
}

/// Who shows an operator key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    /// The key's id.
    pub id: Id,
    /// The key's name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Scope {
    /// Every scope.
    pub(crate) const ALL: [Self; 4] = [Self::Publish, Self::Sessions, Self::Act, Self::Admin];

    /// The scope's name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Sessions => "sessions",
            Self::Act => "act",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(InvalidScope)
    }
}

/// Makes a key.
///
/// # Errors
/// The name is empty or too long, or there is no scope.
pub(crate) async fn create(store: &Store, mut new: NewKey) -> Result<MintedKey, StoreError> {
    let max = objects::MAX_NAME_CHARS;
    if new.name.trim().is_empty() || new.name.chars().count() > max {
        return Err(Refusal::invalid(format!("`name`: a name has 1 to {max} characters, and not only spaces")).into());
    }
    new.scopes.sort_unstable();
    new.scopes.dedup();
    if new.scopes.is_empty() {
        return Err(Refusal::invalid("`scopes`: a key without a scope is good for nothing").into());
    }
    store.add(move |tx| Box::pin(async move { insert(tx, new).await })).await
}

/// Makes a key called `first` with all scopes, if there is no key at all: one, however many nodes start at once.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn create_first(store: &Store) -> Result<Option<MintedKey>, StoreError> {
    if !list(store).await?.is_empty() {
        return Ok(None);
    }
    store
        .write(|tx| {
            Box::pin(async move {
                let any = sqlx::query("SELECT id FROM operator_keys LIMIT 1").fetch_optional(tx.conn()).await?;
                match any {
                    Some(_) => Ok(None),
                    None => {
                        let first = NewKey { name: "first".to_owned(), scopes: Scope::ALL.to_vec(), expires_in: None };
                        insert(tx, first).await.map(Some)
                    }
                }
            })
        })
        .await
}

async fn insert(tx: &mut Tx, new: NewKey) -> Result<MintedKey, StoreError> {
    let now = tx.now();
    let expires_at = new.expires_in.map(|span| now + span);
    let about = OperatorKey { id: tx.new_id(), name: new.name, scopes: new.scopes, created_at: now, expires_at };
    let secret = Secret::mint(about.id)?;
    sqlx::query(
        "INSERT INTO operator_keys (id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(about.id.as_i64())
    .bind(about.name.clone())
    .bind(secret.hash)
    .bind(about.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(","))
    .bind(about.created_at.as_millis().cast_signed())
    .bind(about.expires_at.map(|at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX)))
    .execute(tx.conn())
    .await?;
    Ok(MintedKey { key: secret.text, about })
}

/// All keys, oldest first; those that have run out stand there until they are swept.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn list(store: &Store) -> Result<Vec<OperatorKey>, StoreError> {
    let mut read = store.read().await?;
    let query = "SELECT id, name, scopes, created_at, expires_at FROM operator_keys ORDER BY id";
    let rows = sqlx::query(query).fetch_all(&mut *read).await?;
    rows.iter()
        .map(|row| {
            Ok(OperatorKey {
                id: objects::id_of(row, 0)?,
                name: row.try_get(1)?,
                scopes: scopes(row, 2)?,
                created_at: UnixMillis::from_millis(row.try_get::<i64, _>(3)?.cast_unsigned()),
                expires_at: expiry(row, 4)?,
            })
        })
        .collect()
}

/// Ends a key.
///
/// # Errors
/// There is no such key.
pub(crate) async fn revoke(store: &Store, id: Id) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let gone = sqlx::query("DELETE FROM operator_keys WHERE id = $1").bind(id.as_i64());
                if gone.execute(tx.conn()).await?.rows_affected() == 0 {
                    return Err(Refusal::Unknown { what: "operator key" }.into());
                }
                tx.revoke_keys();
                Ok(())
            })
        })
        .await
}

/// Whose key this is; `None` if it is nobody's, or has ended.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn authenticate(store: &Store, key: &str) -> Result<Option<Operator>, StoreError> {
    let Some(claim) = Claim::parse(key) else { return Ok(None) };
    let now = store.clock.steady();
    if let Some(known) = store.keys.find(claim.id) {
        return Ok((claim.matches(&known.hash) && known.is_valid(now)).then_some(known.operator));
    }
    let revocations = store.keys.revocations();
    let query = "SELECT hash, name, scopes, expires_at FROM operator_keys WHERE id = $1";
    let Some(row) = claim.row(store, query).await? else { return Ok(None) };
    let operator = Operator { id: claim.id, name: row.try_get(1)?, scopes: scopes(&row, 2)? };
    let key = KnownKey { hash: row.try_get(0)?, operator: operator.clone(), expires_at: expiry(&row, 3)? };
    if !key.is_valid(now) {
        return Ok(None);
    }
    if !store.is_shared() {
        store.keys.keep(key, revocations);
    }
    Ok(Some(operator))
}

fn expiry(row: &AnyRow, column: usize) -> Result<Option<UnixMillis>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(|at| UnixMillis::from_millis(at.cast_unsigned())))
}

fn scopes(row: &AnyRow, column: usize) -> Result<Vec<Scope>, StoreError> {
    let text: String = row.try_get(column)?;
    let scopes = text.split(',').map(str::parse).collect::<Result<_, InvalidScope>>();
    scopes.map_err(|error| StoreError::Unavailable(format!("the database holds a scope that is none: {error}")))
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::*;
    use crate::store::tests::{Bench, On};

    fn key(name: &str, scopes: &[Scope]) -> NewKey {
        NewKey { name: name.into(), scopes: scopes.to_vec(), expires_in: None }
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn there_is_one_first_key(on: On) {
        let bench = Bench::new(on).await;
        let (one, two) = tokio::join!(create_first(&bench.store), create_first(&bench.store));
        let made = [one.unwrap(), two.unwrap()].into_iter().flatten().collect::<Vec<_>>();
        let keys = list(&bench.store).await.unwrap();
        assert_eq!((made.len(), keys.len(), keys[0].scopes.len()), (1, 1, Scope::ALL.len()));
        assert!(create_first(&bench.store).await.unwrap().is_none());
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_key_has_its_scopes_until_it_is_revoked(on: On) {
        let bench = Bench::new(on).await;
        let store = &bench.store;
        let made = create(store, key("backend", &[Scope::Act, Scope::Publish, Scope::Act])).await.unwrap();
        assert_eq!(made.about.scopes, [Scope::Publish, Scope::Act]);
        let found = authenticate(store, &made.key).await.unwrap().unwrap();
        assert_eq!((found.id, found.scopes), (made.about.id, made.about.scopes.clone()));
        assert_eq!(authenticate(store, &made.key[..made.key.len() - 1]).await.unwrap(), None);
        assert_eq!(list(store).await.unwrap(), std::slice::from_ref(&made.about));
        revoke(store, made.about.id).await.unwrap();
        assert_eq!(authenticate(store, &made.key).await.unwrap(), None);
        assert_eq!(revoke(store, made.about.id).await, Err(Refusal::Unknown { what: "operator key" }.into()));
        assert!(create(store, key(" ", &[Scope::Act])).await.is_err());
        assert!(create(store, key("x", &[])).await.is_err());
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_key_that_has_run_out_is_nobodys_also_where_it_is_known(on: On) {
        let bench = Bench::new(on).await;
        let store = &bench.store;
        let lasting =
            |millis| NewKey { expires_in: Some(Duration::from_millis(millis)), ..key("backend", &[Scope::Publish]) };
        let over = create(store, lasting(0)).await.unwrap();
        assert_eq!(authenticate(store, &over.key).await.unwrap(), None);
        // Asked again and again, so that it is known by the time it ends; its own end is told by the same clock.
        let short = create(store, lasting(1_000)).await.unwrap();
        let ends = short.about.expires_at.unwrap();
        let mut valid = 0;
        while authenticate(store, &short.key).await.unwrap().is_some() {
            assert!(store.clock.steady() <= ends + Duration::from_secs(1), "it outlives its end");
            valid += 1;
        }
        assert!(valid > 0 && store.clock.steady() >= ends);
        let long = create(store, lasting(60_000)).await.unwrap();
        for _ in 0..2 {
            assert!(authenticate(store, &long.key).await.unwrap().is_some());
        }
        let listed = list(store).await.unwrap();
        assert_eq!(listed.iter().find(|key| key.id == long.about.id).unwrap().expires_at, long.about.expires_at);
    }

    #[test]
    fn scopes_have_names() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
            assert_eq!(serde_json::to_string(&scope).unwrap(), format!("\"{scope}\""));
        }
    }
}
