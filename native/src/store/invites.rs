//! Invites: whoever has the code of one may join its guild while it lasts.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use sanmon_core::event::Invite;
use sanmon_core::id::Id;
use sanmon_core::time::UnixMillis;
use serde_json::Map;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::guilds::{self, Caps};
use super::members;
use super::objects;
use super::tx::Tx;
use crate::fields::Fields;
use crate::store::Store;

/// The longest that an invite may last, in seconds: a year.
pub(crate) const MAX_EXPIRES_IN_S: u32 = 31_536_000;
/// The most uses that an invite may have.
pub(crate) const MAX_USES: u32 = 1_000_000;

/// What an invite is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NewInvite {
    /// After how many seconds it ends; `None` for never.
    pub expires_in_s: Option<u32>,
    /// How many may join with it; `None` for any number.
    pub max_uses: Option<u32>,
}

/// Makes an invite to a guild that `actor` is in.
///
/// # Errors
/// A number is out of bounds, there is no such guild or `actor` is not in it, or the guild has too many invites.
pub(crate) async fn create(
    store: &Store,
    caps: Caps,
    actor: Id,
    guild: Id,
    new: NewInvite,
) -> Result<Invite, StoreError> {
    for (name, value, max) in
        [("expires_in_s", new.expires_in_s, MAX_EXPIRES_IN_S), ("max_uses", new.max_uses, MAX_USES)]
    {
        if value.is_some_and(|value| !(1..=max).contains(&value)) {
            return Err(Refusal::invalid(format!("`{name}`: this is 1 to {max}")).into());
        }
    }
    // 72 random bits, which nobody guesses.
    let mut bits = [0; 9];
    getrandom::fill(&mut bits)
        .map_err(|error| StoreError::Unavailable(format!("the system gives no random numbers: {error}")))?;
    let code = URL_SAFE_NO_PAD.encode(bits);
    store.add(move |tx| Box::pin(create_in(tx, caps, actor, guild, new, code))).await
}

async fn create_in(
    tx: &mut Tx,
    caps: Caps,
    actor: Id,
    guild: Id,
    new: NewInvite,
    code: String,
) -> Result<Invite, StoreError> {
    members::must_be_in(tx.conn(), guild, actor).await?;
    let now = tx.now();
    // Everyone who saw an invite also saw when it ends, so nobody is told of that again.
    sqlx::query("DELETE FROM invites WHERE guild_id = $1 AND expires_at <= $2")
        .bind(guild.as_i64())
        .bind(now.as_millis().cast_signed())
        .execute(tx.conn())
        .await?;
    let row = sqlx::query("SELECT COUNT(*) FROM invites WHERE guild_id = $1")
        .bind(guild.as_i64())
        .fetch_one(tx.conn())
        .await?;
    if row.try_get::<i64, _>(0)? >= i64::from(caps.invites_per_guild) {
        return Err(Refusal::Cap { code: "too_many_invites", limit: caps.invites_per_guild }.into());
    }
    let invite = Invite {
        code,
        guild_id: guild,
        inviter_id: Some(actor),
        expires_at: new.expires_in_s.map(|seconds| now + Duration::from_secs(seconds.into())),
        max_uses: new.max_uses,
        rest: Map::new(),
    };
    sqlx::query(
        "INSERT INTO invites (code, guild_id, inviter_id, created_at, expires_at, max_uses, uses) \
         VALUES ($1, $2, $3, $4, $5, $6, 0)",
    )
    .bind(invite.code.clone())
    .bind(guild.as_i64())
    .bind(actor.as_i64())
    .bind(now.as_millis().cast_signed())
    .bind(invite.expires_at.map(|at| at.as_millis().cast_signed()))
    .bind(invite.max_uses.map(i64::from))
    .execute(tx.conn())
    .await?;
    tx.emit(Draft::new(objects::event("INVITE_CREATE", &invite), Audience::Guild(guild)));
    Ok(invite)
}

/// The invite with this code.
///
/// # Errors
/// There is none, or it has ended.
pub(crate) async fn show(store: &Store, code: &str) -> Result<Invite, StoreError> {
    let mut tx = store.read().await?;
    Ok(find(&mut tx, code, store.clock.steady()).await?.ok_or(UNKNOWN)?)
}

/// Lets `user` join the guild that the invite leads to, and answers the guild with its `channels`. For who is in it
/// already, nothing changes and no use is counted.
///
/// # Errors
/// There is no such invite, it has ended, or a cap is reached.
pub(crate) async fn join(store: &Store, caps: Caps, user: Id, code: String) -> Result<Fields, StoreError> {
    store.add(move |tx| Box::pin(join_in(tx, caps, user, code))).await
}

async fn join_in(tx: &mut Tx, caps: Caps, user: Id, code: String) -> Result<Fields, StoreError> {
    let now = tx.now();
    let invite = find(tx.conn(), &code, now).await?.ok_or(UNKNOWN)?;
    if members::is_in(tx.conn(), invite.guild_id, user).await? {
        return guilds::with_channels(tx.conn(), invite.guild_id).await;
    }
    let joined = members::join_in(tx, caps, invite.guild_id, user).await?;
    sqlx::query("UPDATE invites SET uses = uses + 1 WHERE code = $1").bind(code.clone()).execute(tx.conn()).await?;
    let row = sqlx::query("SELECT uses FROM invites WHERE code = $1").bind(code).fetch_one(tx.conn()).await?;
    let uses: i64 = row.try_get(0)?;
    if invite.max_uses.is_some_and(|max| uses >= i64::from(max)) {
        forget(tx, invite).await?;
    }
    Ok(joined)
}

/// Deletes an invite, as who made it may, or the guild's owner.
///
/// # Errors
/// There is no such invite, or `actor` is neither.
pub(crate) async fn delete(store: &Store, actor: Id, code: String) -> Result<(), StoreError> {
    store.write(move |tx| Box::pin(delete_in(tx, actor, code))).await
}

async fn delete_in(tx: &mut Tx, actor: Id, code: String) -> Result<(), StoreError> {
    let now = tx.now();
    let invite = find(tx.conn(), &code, now).await?.ok_or(UNKNOWN)?;
    let owner = guilds::find(tx.conn(), invite.guild_id).await?.map(|guild| guild.owner);
    if invite.inviter_id != Some(actor) && owner != Some(actor) {
        let message = "only who made the invite, or the guild's owner, may delete it".into();
        return Err(Refusal::Forbidden { message }.into());
    }
    forget(tx, invite).await
}

const UNKNOWN: Refusal = Refusal::Unknown { what: "invite" };

/// The invite with this code, if it is still valid at `now`. One that is used up is no longer stored.
pub(super) async fn find(conn: &mut AnyConnection, code: &str, now: UnixMillis) -> Result<Option<Invite>, StoreError> {
    let row = sqlx::query(
        "SELECT guild_id, inviter_id, expires_at, max_uses FROM invites \
         WHERE code = $1 AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(code.to_owned())
    .bind(now.as_millis().cast_signed())
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Invite {
        code: code.to_owned(),
        guild_id: objects::id_of(&row, 0)?,
        inviter_id: Some(objects::id_of(&row, 1)?),
        expires_at: row.try_get::<Option<i64>, _>(2)?.map(|at| UnixMillis::from_millis(at.cast_unsigned())),
        max_uses: row.try_get::<Option<i64>, _>(3)?.and_then(|max| u32::try_from(max).ok()),
        rest: Map::new(),
    }))
}

pub(super) async fn forget(tx: &mut Tx, invite: Invite) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM invites WHERE code = $1").bind(invite.code.clone()).execute(tx.conn()).await?;
    let guild = invite.guild_id;
    tx.emit(Draft::new(objects::event("INVITE_DELETE", &invite), Audience::Guild(guild)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::super::objects::bench::{CAPS, Platform, id};
    use super::super::tests::On;
    use super::*;

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn an_invite_lets_in_as_many_as_it_says(on: On) {
        let bench = Platform::new(on, &[1, 2, 3]).await;
        let guild = bench.guild_of(1, &[]).await;
        let new = NewInvite { expires_in_s: Some(60), max_uses: Some(1) };
        let invite = create(&bench.store, CAPS, id(1), guild, new).await.unwrap();
        assert!(invite.code.len() >= 10 && invite.expires_at.is_some());
        assert_eq!(show(&bench.store, &invite.code).await.unwrap(), invite);
        join(&bench.store, CAPS, id(1), invite.code.clone()).await.unwrap();
        let preview = guilds::preview(&bench.store, None, guild, Some(invite.code.clone())).await.unwrap();
        assert_eq!(preview.member_count, 1);
        join(&bench.store, CAPS, id(2), invite.code.clone()).await.unwrap();
        assert_eq!(join(&bench.store, CAPS, id(3), invite.code).await.unwrap_err(), UNKNOWN.into());
        let events = ["GUILD_CREATE", "INVITE_CREATE", "GUILD_JOIN", "GUILD_MEMBER_ADD", "INVITE_DELETE"];
        assert_eq!(bench.names().await, events);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn an_invite_that_has_ended_is_unknown_and_makes_room(on: On) {
        let bench = Platform::new(on, &[1, 2]).await;
        let guild = bench.guild_of(1, &[]).await;
        let new = NewInvite { expires_in_s: Some(60), max_uses: None };
        for _ in 0..3 {
            create(&bench.store, CAPS, id(1), guild, new).await.unwrap();
        }
        let refused = create(&bench.store, CAPS, id(1), guild, new).await.unwrap_err();
        assert_eq!(refused, Refusal::Cap { code: "too_many_invites", limit: 3 }.into());
        bench.run("UPDATE invites SET expires_at = 1").await;
        let invite = create(&bench.store, CAPS, id(1), guild, new).await.unwrap();
        bench.run("UPDATE invites SET expires_at = 1").await;
        assert_eq!(show(&bench.store, &invite.code).await.unwrap_err(), UNKNOWN.into());
        assert_eq!(join(&bench.store, CAPS, id(2), invite.code).await.unwrap_err(), UNKNOWN.into());
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn the_maker_or_the_owner_deletes(on: On) {
        let bench = Platform::new(on, &[1, 2, 3, 4]).await;
        let guild = bench.guild_of(1, &[2, 3]).await;
        let make = async |maker| create(&bench.store, CAPS, id(maker), guild, NewInvite::default()).await;
        assert_eq!(make(4).await.unwrap_err(), guilds::UNKNOWN.into());
        let (one, two) = (make(2).await.unwrap(), make(2).await.unwrap());
        let refused = delete(&bench.store, id(3), one.code.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refusal::Forbidden { .. })));
        delete(&bench.store, id(2), one.code.clone()).await.unwrap();
        delete(&bench.store, id(1), two.code).await.unwrap();
        assert_eq!(delete(&bench.store, id(1), one.code).await.unwrap_err(), UNKNOWN.into());
        let bad = NewInvite { expires_in_s: Some(0), max_uses: None };
        assert!(create(&bench.store, CAPS, id(1), guild, bad).await.is_err());
    }
}
