//! Users: what the platform says of them, and what becomes of all that is theirs when they are erased.

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft};
use sanmon_core::id::Id;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::tx::Tx;
use super::{Store, invites, members, objects};
use crate::fields::Fields;

const UNKNOWN: Refusal = Refusal::Unknown { what: "user" };

/// The user as clients see it.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn user(store: &Store, id: Id) -> Result<Option<Box<RawValue>>, StoreError> {
    let mut read = store.read().await?;
    find(&mut read, id).await
}

/// Lays `patch` over the user's fields (a null takes one out) and tells everyone who may see the user.
///
/// # Errors
/// There is no such user, or a field is wrong.
pub(crate) async fn patch(store: &Store, id: Id, patch: Fields) -> Result<Box<RawValue>, StoreError> {
    store
        .add(move |tx| {
            Box::pin(async move {
                let old = find(tx.conn(), id).await?.ok_or(UNKNOWN)?;
                if objects::read::<Id>(&patch, "id")?.is_some_and(|other| other != id) {
                    return Err(Refusal::invalid("`id`: a user keeps its id").into());
                }
                let mut fields = Fields::parse(old.get())?;
                fields.merge(patch);
                put_over(tx, id, Some(old), fields).await
            })
        })
        .await
}

/// Erases the user with everything that is theirs: sessions, presence, invites and membership.
///
/// # Errors
/// There is no such user, or the user owns guilds: [`Refusal::Conflict`] `owns_guilds`.
pub(crate) async fn erase(store: &Store, id: Id) -> Result<(), StoreError> {
    store.write(move |tx| Box::pin(erase_in(tx, id))).await
}

/// Stores a user, made or replaced, and tells of the change if there was such a user and it changed.
pub(super) async fn put(tx: &mut Tx, id: Id, fields: Fields) -> Result<Box<RawValue>, StoreError> {
    let old = find(tx.conn(), id).await?;
    put_over(tx, id, old, fields).await
}

async fn put_over(
    tx: &mut Tx,
    id: Id,
    old: Option<Box<RawValue>>,
    mut fields: Fields,
) -> Result<Box<RawValue>, StoreError> {
    fields.take("id");
    fields.drop_nulls();
    check(&fields)?;
    fields.set_first("id", &id);
    let data = objects::stored(&fields)?;
    let user = RawValue::from_string(data.clone())?;
    if old.as_ref().is_some_and(|old| old.get() == data) {
        return Ok(user);
    }
    sqlx::query("INSERT INTO users (id, data) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET data = excluded.data")
        .bind(id.as_i64())
        .bind(data)
        .execute(tx.conn())
        .await?;
    if old.is_some() {
        let guilds = guilds_of(tx.conn(), id).await?;
        tx.emit(Draft::new(objects::event("USER_UPDATE", &user), Audience::UserAndGuilds { user: id, guilds }));
    }
    Ok(user)
}

pub(super) async fn find(conn: &mut AnyConnection, id: Id) -> Result<Option<Box<RawValue>>, StoreError> {
    let row = sqlx::query("SELECT data FROM users WHERE id = $1").bind(id.as_i64()).fetch_optional(conn).await?;
    row.map(|row| Ok(RawValue::from_string(row.try_get(0)?)?)).transpose()
}

/// The guilds that the user is in, by id.
pub(super) async fn guilds_of(conn: &mut AnyConnection, user: Id) -> Result<Vec<Id>, StoreError> {
    let rows = sqlx::query("SELECT guild_id FROM members WHERE user_id = $1 AND left_seq IS NULL ORDER BY guild_id")
        .bind(user.as_i64())
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| objects::id_of(row, 0)).collect()
}

async fn erase_in(tx: &mut Tx, user: Id) -> Result<(), StoreError> {
    find(tx.conn(), user).await?.ok_or(UNKNOWN)?;
    let owned = sqlx::query("SELECT id FROM guilds WHERE owner = $1 ORDER BY id")
        .bind(user.as_i64())
        .fetch_all(tx.conn())
        .await?;
    let owned =
        owned.iter().map(|row| Ok(objects::id_of(row, 0)?.to_string())).collect::<Result<Vec<_>, StoreError>>()?;
    if !owned.is_empty() {
        let message = format!("the user owns guilds, which are to be deleted first: {}", owned.join(", "));
        return Err(Refusal::Conflict { code: "owns_guilds", message }.into());
    }
    let now = tx.now();
    let made = sqlx::query("SELECT code FROM invites WHERE inviter_id = $1 ORDER BY code")
        .bind(user.as_i64())
        .fetch_all(tx.conn())
        .await?;
    for row in made {
        if let Some(invite) = invites::find(tx.conn(), row.try_get(0)?, now).await? {
            invites::forget(tx, invite).await?;
        }
    }
    for guild in guilds_of(tx.conn(), user).await? {
        members::leave_in(tx, guild, user).await?;
    }
    // The last that the user's connections hear of.
    tx.emit(Draft::silent(Change::UserRevoked { user }));
    for sql in [
        "DELETE FROM invites WHERE inviter_id = $1",
        "DELETE FROM sessions WHERE user_id = $1",
        "DELETE FROM presences WHERE user_id = $1",
        // Nobody can ask any longer what the user missed.
        "DELETE FROM members WHERE user_id = $1",
        "DELETE FROM users WHERE id = $1",
    ] {
        sqlx::query(sql).bind(user.as_i64()).execute(tx.conn()).await?;
    }
    Ok(())
}

fn check(fields: &Fields) -> Result<(), Refusal> {
    let max = objects::MAX_NAME_CHARS;
    let name: String =
        objects::read(fields, "username")?.ok_or_else(|| Refusal::invalid("`username`: this field is missing"))?;
    if name.trim().is_empty() || name.chars().count() > max {
        let message = format!("`username`: a name has 1 to {max} characters, and not only spaces");
        return Err(Refusal::invalid(message));
    }
    Ok(())
}
