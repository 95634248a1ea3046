//! Sessions: secrets that the platform hands to its users, kept as hashes alone.

use std::time::Duration;

use sanmon_core::entry::{Change, Draft};
use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;
use serde_json::value::RawValue;
use sqlx::Row;

use super::error::{Refusal, StoreError};
use super::secret::{Claim, Secret};
use super::{Store, objects, users};
use crate::fields::Fields;

/// A session to make, and its user.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    /// The user's id; a new one when absent.
    pub id: Option<Id>,
    /// The user's fields. A user with this id is replaced.
    pub user: Fields,
    /// How long the session lasts; for ever when absent.
    pub expires_in: Option<Duration>,
}

/// A session that was made.
#[derive(Debug)]
pub(crate) struct Minted {
    /// The secret, which is nowhere else.
    pub session_id: String,
    /// The session's id, by which it is revoked.
    pub id: Id,
    /// The user's id.
    pub user_id: Id,
    /// The user as stored.
    pub user: Box<RawValue>,
    /// When the session ends.
    pub expires_at: Option<UnixMillis>,
}

/// Whose session a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authenticated {
    /// The session's id.
    pub session: Id,
    /// Its user.
    pub user: Id,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
}

/// Makes a session, and makes or replaces its user.
///
/// # Errors
/// A field of the user is wrong.
pub(crate) async fn create(store: &Store, new: NewSession) -> Result<Minted, StoreError> {
    store
        .add(move |tx| {
            Box::pin(async move {
                let now = tx.now();
                let user_id = new.id.unwrap_or_else(|| tx.new_id());
                let user = users::put(tx, user_id, new.user).await?;
                let id = tx.new_id();
                let secret = Secret::mint(id)?;
                let expires_at = new.expires_in.map(|span| now + span);
                sqlx::query(
                    "INSERT INTO sessions (id, user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(id.as_i64())
                .bind(user_id.as_i64())
                .bind(secret.hash)
                .bind(now.as_millis().cast_signed())
                .bind(expires_at.map(|at| i64::try_from(at.as_millis()).unwrap_or(i64::MAX)))
                .execute(tx.conn())
                .await?;
                Ok(Minted { session_id: secret.text, id, user_id, user, expires_at })
            })
        })
        .await
}

/// Whose session this secret is; `None` if it is nobody's, or has ended.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn authenticate(store: &Store, secret: &str) -> Result<Option<Authenticated>, StoreError> {
    let query = "SELECT hash, user_id, expires_at FROM sessions WHERE id = $1";
    let Some(claim) = Claim::parse(secret) else { return Ok(None) };
    let Some(row) = claim.row(store, query).await? else { return Ok(None) };
    let session = claim.id;
    let expires_at = row.try_get::<Option<i64>, _>(2)?.map(|at| UnixMillis::from_millis(at.cast_unsigned()));
    if expires_at.is_some_and(|at| at <= store.clock.steady()) {
        return Ok(None);
    }
    Ok(Some(Authenticated { session, user: objects::id_of(&row, 1)?, expires_at }))
}

/// Ends a session; its connections are closed.
///
/// # Errors
/// There is no such session.
pub(crate) async fn revoke(store: &Store, id: Id) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let gone =
                    sqlx::query("DELETE FROM sessions WHERE id = $1").bind(id.as_i64()).execute(tx.conn()).await?;
                if gone.rows_affected() == 0 {
                    return Err(Refusal::Unknown { what: "session" }.into());
                }
                tx.emit(Draft::silent(Change::SessionRevoked { session: id }));
                Ok(())
            })
        })
        .await
}

/// Ends all sessions of a user; their connections are closed.
///
/// # Errors
/// There is no such user.
pub(crate) async fn revoke_all_of(store: &Store, user: Id) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                users::find(tx.conn(), user).await?.ok_or(Refusal::Unknown { what: "user" })?;
                sqlx::query("DELETE FROM sessions WHERE user_id = $1").bind(user.as_i64()).execute(tx.conn()).await?;
                tx.emit(Draft::silent(Change::UserRevoked { user }));
                Ok(())
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::*;
    use crate::store::tests::{Bench, On};

    fn new(user: &str) -> NewSession {
        let mut user = Fields::parse(user).unwrap();
        let id = user.read("id").unwrap();
        user.take("id");
        NewSession { id, user, expires_in: None }
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_secret_opens_its_session_until_it_is_revoked(on: On) {
        let bench = Bench::new(on).await;
        let store = &bench.store;
        let one = create(store, new(r#"{"id":7,"username":"a","x":1.50}"#)).await.unwrap();
        let two = create(store, new(r#"{"id":7,"username":"a","x":1.50}"#)).await.unwrap();
        assert_eq!(one.user.get(), r#"{"id":7,"username":"a","x":1.50}"#);
        let user = Id::new(7).unwrap();
        let found = authenticate(store, &one.session_id).await.unwrap();
        assert_eq!(found, Some(Authenticated { session: one.id, user, expires_at: None }));
        for wrong in ["", "7", "my_session_id", &one.session_id.replacen(&one.id.to_string(), &two.id.to_string(), 1)] {
            assert_eq!(authenticate(store, wrong).await.unwrap(), None, "{wrong}");
        }

        revoke(store, one.id).await.unwrap();
        assert_eq!(revoke(store, one.id).await, Err(Refusal::Unknown { what: "session" }.into()));
        assert_eq!(authenticate(store, &one.session_id).await.unwrap(), None);
        assert!(authenticate(store, &two.session_id).await.unwrap().is_some());
        revoke_all_of(store, user).await.unwrap();
        assert_eq!(authenticate(store, &two.session_id).await.unwrap(), None);
        let changes: Vec<_> = bench.told().await.iter().filter_map(|entry| entry.change.clone()).collect();
        assert_eq!(changes, [Change::SessionRevoked { session: one.id }, Change::UserRevoked { user }]);
        let unknown = revoke_all_of(store, Id::new(8).unwrap()).await;
        assert_eq!(unknown, Err(Refusal::Unknown { what: "user" }.into()));
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_session_ends_and_outlives_a_restart(on: On) {
        let bench = Bench::new(on).await;
        let span = |millis| Some(Duration::from_millis(millis));
        let short = NewSession { expires_in: span(0), ..new(r#"{"username":"a"}"#) };
        let long = NewSession { expires_in: span(60_000), ..new(r#"{"username":"b"}"#) };
        let short = create(&bench.store, short).await.unwrap();
        let long = create(&bench.store, long).await.unwrap();
        assert_eq!(authenticate(&bench.store, &short.session_id).await.unwrap(), None);
        let bench = bench.again().await;
        let found = authenticate(&bench.store, &long.session_id).await.unwrap().unwrap();
        assert_eq!(found.expires_at, long.expires_at);
        assert!(found.user.as_u64() > 4096, "a snowflake");
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_user_that_changed_is_told_of_once(on: On) {
        let bench = Bench::new(on).await;
        for user in [r#"{"id":7,"username":"a"}"#, r#"{"id":7,"username":"a"}"#, r#"{"id":7,"username":"b","c":null}"#]
        {
            create(&bench.store, new(user)).await.unwrap();
        }
        let texts = bench.texts(0).await;
        assert_eq!(texts.len(), 1);
        assert!(texts[0].ends_with(r#""d":{"id":7,"username":"b"}}"#), "{texts:?}");
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_user_without_a_name_is_refused(on: On) {
        let bench = Bench::new(on).await;
        for user in ["{}", r#"{"username":5}"#, r#"{"username":""}"#, r#"{"username":null}"#] {
            let error = create(&bench.store, new(user)).await.unwrap_err();
            assert!(
                matches!(&error, StoreError::Refused(Refusal::Invalid { message }) if message.contains("`username`"))
            );
        }
        assert_eq!(users::user(&bench.store, Id::new(7).unwrap()).await.unwrap().map(|user| user.to_string()), None);
    }
}
