//! Who is in which guild: joining, leaving, and the events of both.

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft};
use sanmon_core::event::GuildDelete;
use sanmon_core::id::Id;
use serde::Serialize;
use serde_json::Map;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::guilds::{self, Caps, UNKNOWN};
use super::tx::Tx;
use super::{objects, presence_counts};
use crate::fields::Fields;
use crate::log::ChangeNumber;
use crate::store::Store;

/// In whose name a member is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remover {
    /// A user: the member itself, or the guild's owner.
    User(Id),
    /// The platform, which mirrors its own state.
    Platform,
}

/// Puts `user` into a guild, as the platform does, and answers the guild with its `channels`. Who is in it stays in it,
/// and nothing is emitted.
///
/// # Errors
/// There is no such guild or user, or a cap is reached.
pub(crate) async fn add(store: &Store, caps: Caps, guild: Id, user: Id) -> Result<Fields, StoreError> {
    store.add(move |tx| Box::pin(join_in(tx, caps, guild, user))).await
}

/// Takes `user` out of a guild. The owner stays.
///
/// # Errors
/// There is no such guild, or the remover is not in it; there is no such member; or the remover may not do this.
pub(crate) async fn remove(store: &Store, remover: Remover, guild: Id, user: Id) -> Result<(), StoreError> {
    store.write(move |tx| Box::pin(remove_in(tx, remover, guild, user))).await
}

/// Members of a guild that `actor` is in, by id, from the one after `after`.
///
/// # Errors
/// There is no such guild, or `actor` is not in it.
pub(crate) async fn page(
    store: &Store,
    actor: Id,
    guild: Id,
    after: Option<Id>,
    limit: u32,
) -> Result<Vec<Box<RawValue>>, StoreError> {
    let mut tx = store.read().await?;
    must_be_in(&mut tx, guild, actor).await?;
    let rows = sqlx::query(
        "SELECT users.data FROM members JOIN users ON users.id = members.user_id \
         WHERE members.guild_id = $1 AND members.left_seq IS NULL AND members.user_id > $2 \
         ORDER BY members.user_id LIMIT $3",
    )
    .bind(guild.as_i64())
    .bind(after.map_or(0, Id::as_i64))
    .bind(i64::from(limit))
    .fetch_all(&mut *tx)
    .await?;
    rows.iter().map(|row| Ok(RawValue::from_string(row.try_get(0)?)?)).collect()
}

/// Lets `user` join a guild that is there, and answers the guild with its channels.
pub(super) async fn join_in(tx: &mut Tx, caps: Caps, guild: Id, user: Id) -> Result<Fields, StoreError> {
    let joined = guilds::with_channels(tx.conn(), guild).await?;
    let member = self::user(tx.conn(), user).await?;
    if is_in(tx.conn(), guild, user).await? {
        return Ok(joined);
    }
    check_guilds_of(tx.conn(), caps, user).await?;
    if count(tx.conn(), guild).await? >= i64::from(caps.members_per_guild) {
        return Err(Refusal::Cap { code: "too_many_members", limit: caps.members_per_guild }.into());
    }
    let draft = Draft::new(objects::event("GUILD_JOIN", &joined), Audience::Users(vec![user]))
        .with_change(Change::Joined { guild, user });
    let seq = tx.emit(draft);
    insert(tx.conn(), guild, user, seq).await?;
    tx.emit(member_event("GUILD_MEMBER_ADD", guild, &member));
    Ok(joined)
}

async fn remove_in(tx: &mut Tx, remover: Remover, guild: Id, user: Id) -> Result<(), StoreError> {
    if let Remover::User(actor) = remover {
        must_be_in(tx.conn(), guild, actor).await?;
    }
    let owner = guilds::find(tx.conn(), guild).await?.ok_or(UNKNOWN)?.owner;
    if let Remover::User(actor) = remover
        && actor != owner
        && actor != user
    {
        let message = "only the guild's owner removes other members".into();
        return Err(Refusal::Forbidden { message }.into());
    }
    if !is_in(tx.conn(), guild, user).await? {
        return Err(Refusal::Unknown { what: "member" }.into());
    }
    if user == owner {
        let message = "the owner can't leave the guild: delete it instead".into();
        return Err(Refusal::Conflict { code: "owner_stays", message }.into());
    }
    leave_in(tx, guild, user).await
}

/// Lets the member `user` leave.
pub(super) async fn leave_in(tx: &mut Tx, guild: Id, user: Id) -> Result<(), StoreError> {
    let member = self::user(tx.conn(), user).await?;
    let gone = GuildDelete { id: guild, rest: Map::new() };
    let draft = Draft::new(objects::event("GUILD_DELETE", &gone), Audience::Users(vec![user]))
        .with_change(Change::Left { guild, user });
    let seq = tx.emit(draft);
    sqlx::query("UPDATE members SET left_seq = $1 WHERE guild_id = $2 AND user_id = $3 AND left_seq IS NULL")
        .bind(seq.as_i64())
        .bind(guild.as_i64())
        .bind(user.as_i64())
        .execute(tx.conn())
        .await?;
    count_on(tx.conn(), guild, user, -1).await?;
    tx.emit(member_event("GUILD_MEMBER_REMOVE", guild, &member));
    Ok(())
}

/// Every member's stay ends with this change.
pub(super) async fn all_left(conn: &mut AnyConnection, guild: Id, seq: ChangeNumber) -> Result<(), StoreError> {
    sqlx::query("UPDATE members SET left_seq = $1 WHERE guild_id = $2 AND left_seq IS NULL")
        .bind(seq.as_i64())
        .bind(guild.as_i64())
        .execute(conn)
        .await?;
    Ok(())
}

/// The user's stay in the guild begins with this change.
pub(super) async fn insert(conn: &mut AnyConnection, guild: Id, user: Id, seq: ChangeNumber) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO members (guild_id, user_id, joined_seq, left_seq) VALUES ($1, $2, $3, NULL)")
        .bind(guild.as_i64())
        .bind(user.as_i64())
        .bind(seq.as_i64())
        .execute(&mut *conn)
        .await?;
    count_on(conn, guild, user, 1).await
}

/// Keeps up the number of members, and of those who are not offline.
async fn count_on(conn: &mut AnyConnection, guild: Id, user: Id, change: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE guilds SET member_count = member_count + $1 WHERE id = $2")
        .bind(change)
        .bind(guild.as_i64())
        .execute(&mut *conn)
        .await?;
    presence_counts::count_member(conn, guild, user, change).await
}

pub(super) async fn is_in(conn: &mut AnyConnection, guild: Id, user: Id) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM members WHERE guild_id = $1 AND user_id = $2 AND left_seq IS NULL")
        .bind(guild.as_i64())
        .bind(user.as_i64())
        .fetch_optional(conn)
        .await?;
    Ok(row.is_some())
}

/// Refuses who is not in the guild with the words for one that is not there.
pub(super) async fn must_be_in(conn: &mut AnyConnection, guild: Id, user: Id) -> Result<(), StoreError> {
    if is_in(conn, guild, user).await? { Ok(()) } else { Err(UNKNOWN.into()) }
}

/// How many members a guild has that is there.
pub(super) async fn count(conn: &mut AnyConnection, guild: Id) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT member_count FROM guilds WHERE id = $1").bind(guild.as_i64()).fetch_one(conn).await?;
    Ok(row.try_get(0)?)
}

/// Refuses a user who is in as many guilds as one may be.
pub(super) async fn check_guilds_of(conn: &mut AnyConnection, caps: Caps, user: Id) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT COUNT(*) FROM members WHERE user_id = $1 AND left_seq IS NULL")
        .bind(user.as_i64())
        .fetch_one(conn)
        .await?;
    if row.try_get::<i64, _>(0)? < i64::from(caps.guilds_per_user) {
        return Ok(());
    }
    Err(Refusal::Cap { code: "too_many_guilds", limit: caps.guilds_per_user }.into())
}

/// The user as events show it.
pub(super) async fn user(conn: &mut AnyConnection, user: Id) -> Result<Box<RawValue>, StoreError> {
    let row = sqlx::query("SELECT data FROM users WHERE id = $1").bind(user.as_i64()).fetch_optional(conn).await?;
    let row = row.ok_or(Refusal::Unknown { what: "user" })?;
    Ok(RawValue::from_string(row.try_get(0)?)?)
}

fn member_event(name: &str, guild: Id, user: &RawValue) -> Draft {
    /// [`sanmon_core::event::GuildMember`] with the user to the letter.
    #[derive(Serialize)]
    struct Member<'a> {
        guild_id: Id,
        user: &'a RawValue,
    }

    Draft::new(objects::event(name, &Member { guild_id: guild, user }), Audience::Guild(guild))
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::super::objects::bench::{CAPS, Platform, id};
    use super::super::tests::On;
    use super::*;

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn joining_and_leaving_tell_the_user_and_then_the_guild(on: On) {
        let bench = Platform::new(on, &[1, 2]).await;
        let guild = bench.guild_of(1, &[]).await;
        let joined = add(&bench.store, CAPS, guild, id(2)).await.unwrap();
        assert_eq!(joined.get("channels").unwrap().get(), "[]");
        add(&bench.store, CAPS, guild, id(2)).await.unwrap();
        remove(&bench.store, Remover::User(id(2)), guild, id(2)).await.unwrap();
        add(&bench.store, CAPS, guild, id(2)).await.unwrap();
        let events = [
            "GUILD_CREATE",
            "GUILD_JOIN",
            "GUILD_MEMBER_ADD",
            "GUILD_DELETE",
            "GUILD_MEMBER_REMOVE",
            "GUILD_JOIN",
            "GUILD_MEMBER_ADD",
        ];
        assert_eq!(bench.names().await, events);
        let page = page(&bench.store, id(1), guild, Some(id(1)), 10).await.unwrap();
        assert_eq!(page.iter().map(|user| user.get()).collect::<Vec<_>>(), [r#"{"id":2,"username":"u2","z":1.50}"#]);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn the_owner_stays_and_alone_removes_others(on: On) {
        let bench = Platform::new(on, &[1, 2, 3, 4]).await;
        let guild = bench.guild_of(1, &[2, 3]).await;
        let refusal = async |remover, user| match remove(&bench.store, remover, guild, id(user)).await {
            Err(StoreError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
        assert!(matches!(refusal(Remover::User(id(1)), 1).await, Refusal::Conflict { code: "owner_stays", .. }));
        assert!(matches!(refusal(Remover::Platform, 1).await, Refusal::Conflict { code: "owner_stays", .. }));
        assert!(matches!(refusal(Remover::User(id(2)), 3).await, Refusal::Forbidden { .. }));
        assert_eq!(refusal(Remover::User(id(4)), 3).await, UNKNOWN);
        assert_eq!(refusal(Remover::User(id(1)), 4).await, Refusal::Unknown { what: "member" });
        remove(&bench.store, Remover::User(id(1)), guild, id(3)).await.unwrap();
        remove(&bench.store, Remover::Platform, guild, id(2)).await.unwrap();
        let mut read = bench.store.read().await.unwrap();
        assert_eq!(count(&mut read, guild).await.unwrap(), 1);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn members_are_capped(on: On) {
        let bench = Platform::new(on, &[1, 2, 3, 4]).await;
        let guild = bench.guild_of(1, &[2, 3]).await;
        let refused = add(&bench.store, CAPS, guild, id(4)).await.unwrap_err();
        assert_eq!(refused, Refusal::Cap { code: "too_many_members", limit: 3 }.into());
        assert_eq!(add(&bench.store, CAPS, guild, id(9)).await.unwrap_err(), Refusal::Unknown { what: "user" }.into());
    }
}
