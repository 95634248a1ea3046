//! Guilds: who may change them, and the events that a change causes.

use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft};
use sanmon_core::event::GuildDelete;
use sanmon_core::id::Id;
use serde::Serialize;
use serde_json::Map;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row};

use super::channels;
use super::error::{Refusal, StoreError};
use super::members;
use super::objects::{self, Shape};
use super::tx::Tx;
use crate::config::Config;
use crate::fields::Fields;
use crate::store::Store;

/// What a guild must look like.
const SHAPE: Shape = Shape { reserved: &["id", "owner", "channels", "presences"] };

/// How many of each there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caps {
    /// Guilds that one user may be in.
    pub guilds_per_user: u32,
    /// Members of one guild.
    pub members_per_guild: u32,
    /// Channels of one guild.
    pub channels_per_guild: u32,
    /// Invites of one guild that are still valid.
    pub invites_per_guild: u32,
}

impl Caps {
    /// What the operator set.
    pub(crate) const fn of(config: &Config) -> Self {
        Self {
            guilds_per_user: config.max_guilds_per_user,
            members_per_guild: config.max_members_per_guild,
            channels_per_guild: config.max_channels_per_guild,
            invites_per_guild: config.max_invites_per_guild,
        }
    }
}

/// What is shown of a guild to who is not in it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Preview {
    /// The guild's id.
    pub id: Id,
    /// The guild's name, as the text that came in.
    pub name: Box<RawValue>,
    /// What the guild is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Box<RawValue>>,
    /// How many members it has.
    pub member_count: i64,
}

/// Makes a guild, whose owner and first member is `actor`, and answers it with its `channels`.
///
/// # Errors
/// A field is wrong, the id is taken, there is no such user, or the user is in too many guilds.
pub(crate) async fn create(
    store: &Store,
    caps: Caps,
    actor: Id,
    id: Option<Id>,
    fields: Fields,
) -> Result<Fields, StoreError> {
    SHAPE.check_new(&fields)?;
    store.add(move |tx| Box::pin(create_in(tx, caps, actor, id, fields))).await
}

async fn create_in(
    tx: &mut Tx,
    caps: Caps,
    actor: Id,
    id: Option<Id>,
    mut fields: Fields,
) -> Result<Fields, StoreError> {
    let id = id.unwrap_or_else(|| tx.new_id());
    if find(tx.conn(), id).await?.is_some() {
        let message = "there is a guild with this id".to_owned();
        return Err(Refusal::Conflict { code: "id_taken", message }.into());
    }
    members::user(tx.conn(), actor).await?;
    members::check_guilds_of(tx.conn(), caps, actor).await?;
    fields.drop_nulls();
    fields.set_first("id", &id);
    fields.set("owner", &actor);
    let data = objects::stored(&fields)?;
    sqlx::query("INSERT INTO guilds (id, owner, data) VALUES ($1, $2, $3)")
        .bind(id.as_i64())
        .bind(actor.as_i64())
        .bind(data)
        .execute(tx.conn())
        .await?;
    fields.set("channels", &[0; 0]);
    let created = Draft::new(objects::event("GUILD_CREATE", &fields), Audience::Users(vec![actor]))
        .with_change(Change::Joined { guild: id, user: actor });
    let seq = tx.emit(created);
    members::insert(tx.conn(), id, actor, seq).await?;
    Ok(fields)
}

/// A guild as its member `actor` sees it, without its channels.
///
/// # Errors
/// There is no such guild, or `actor` is not in it.
pub(crate) async fn show(store: &Store, actor: Id, guild: Id) -> Result<Box<RawValue>, StoreError> {
    let mut tx = store.read().await?;
    members::must_be_in(&mut tx, guild, actor).await?;
    let guild = find(&mut tx, guild).await?.ok_or(UNKNOWN)?;
    Ok(RawValue::from_string(guild.data)?)
}

/// The guilds that `user` is in, oldest first, without their channels.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn of_user(store: &Store, user: Id) -> Result<Vec<Box<RawValue>>, StoreError> {
    let mut tx = store.read().await?;
    let rows = sqlx::query(
        "SELECT guilds.data FROM members JOIN guilds ON guilds.id = members.guild_id \
         WHERE members.user_id = $1 AND members.left_seq IS NULL ORDER BY guilds.id",
    )
    .bind(user.as_i64())
    .fetch_all(&mut *tx)
    .await?;
    rows.iter().map(|row| Ok(RawValue::from_string(row.try_get(0)?)?)).collect()
}

/// The first of these guilds that there is not.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn first_unknown(store: &Store, guilds: &[Id]) -> Result<Option<Id>, StoreError> {
    // Publishers ask this each time, nearly always for guilds that are known.
    let unknown = store.inits.unknown(guilds);
    if unknown.is_empty() {
        return Ok(None);
    }
    // Before it is read: what changes later is told with a later place.
    let head = store.log.head();
    let mut tx = store.read().await?;
    for guild in unknown {
        if find(&mut tx, guild).await?.is_none() {
            return Ok(Some(guild));
        }
        store.inits.know(guild, head);
    }
    Ok(None)
}

/// What is shown of a guild to its members, and to whoever has a valid invite to it.
///
/// # Errors
/// There is no such guild, or who asks may not know of it.
pub(crate) async fn preview(
    store: &Store,
    actor: Option<Id>,
    guild: Id,
    invite: Option<String>,
) -> Result<Preview, StoreError> {
    let mut tx = store.read().await?;
    let is_member = match actor {
        Some(actor) => members::is_in(&mut tx, guild, actor).await?,
        None => false,
    };
    let is_invited = match invite {
        Some(code) if !is_member => {
            let invite = super::invites::find(&mut tx, &code, store.clock.steady()).await?;
            invite.is_some_and(|invite| invite.guild_id == guild)
        }
        _ => false,
    };
    if !is_member && !is_invited {
        return Err(UNKNOWN.into());
    }
    let found = find(&mut tx, guild).await?.ok_or(UNKNOWN)?;
    let mut fields = Fields::parse(&found.data)?;
    let member_count = members::count(&mut tx, guild).await?;
    let name = fields.take("name").unwrap_or_default();
    Ok(Preview { id: guild, name, description: fields.take("description"), member_count })
}

/// Lays `patch` over a guild, as its owner `actor` may, and answers the guild.
///
/// # Errors
/// A field is wrong, there is no such guild or `actor` is not in it, or not its owner.
pub(crate) async fn change(store: &Store, actor: Id, guild: Id, patch: Fields) -> Result<Fields, StoreError> {
    SHAPE.check_patch(&patch)?;
    store.add(move |tx| Box::pin(change_in(tx, actor, guild, patch))).await
}

async fn change_in(tx: &mut Tx, actor: Id, guild: Id, patch: Fields) -> Result<Fields, StoreError> {
    let found = must_own(tx.conn(), guild, actor).await?;
    let mut fields = Fields::parse(&found.data)?;
    fields.merge(patch);
    let data = objects::stored(&fields)?;
    sqlx::query("UPDATE guilds SET data = $1 WHERE id = $2").bind(data).bind(guild.as_i64()).execute(tx.conn()).await?;
    tx.emit(Draft::new(objects::event("GUILD_UPDATE", &fields), Audience::Guild(guild)));
    Ok(fields)
}

/// Deletes a guild with all that is in it, as its owner `actor` may.
///
/// # Errors
/// There is no such guild or `actor` is not in it, or not its owner.
pub(crate) async fn delete(store: &Store, actor: Id, guild: Id) -> Result<(), StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                must_own(tx.conn(), guild, actor).await?;
                delete_in(tx, guild).await
            })
        })
        .await
}

/// Deletes a guild that is there.
pub(super) async fn delete_in(tx: &mut Tx, guild: Id) -> Result<(), StoreError> {
    let gone = GuildDelete { id: guild, rest: Map::new() };
    let draft = Draft::new(objects::event("GUILD_DELETE", &gone), Audience::Guild(guild))
        .with_change(Change::GuildGone { guild });
    let seq = tx.emit(draft);
    members::all_left(tx.conn(), guild, seq).await?;
    for statement in [
        "DELETE FROM invites WHERE guild_id = $1",
        "DELETE FROM channels WHERE guild_id = $1",
        "DELETE FROM guilds WHERE id = $1",
    ] {
        sqlx::query(statement).bind(guild.as_i64()).execute(tx.conn()).await?;
    }
    Ok(())
}

/// A guild as it is stored.
pub(super) struct Found {
    pub(super) owner: Id,
    pub(super) data: String,
}

/// There is no such guild, or none that the caller may know of.
pub(super) const UNKNOWN: Refusal = Refusal::Unknown { what: "guild" };

pub(super) async fn find(conn: &mut AnyConnection, guild: Id) -> Result<Option<Found>, StoreError> {
    let row =
        sqlx::query("SELECT owner, data FROM guilds WHERE id = $1").bind(guild.as_i64()).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Found { owner: objects::id_of(&row, 0)?, data: row.try_get(1)? }))
}

/// The guild, if `actor` owns it.
pub(super) async fn must_own(conn: &mut AnyConnection, guild: Id, actor: Id) -> Result<Found, StoreError> {
    members::must_be_in(conn, guild, actor).await?;
    let found = find(conn, guild).await?.ok_or(UNKNOWN)?;
    if found.owner == actor {
        return Ok(found);
    }
    Err(Refusal::Forbidden { message: "only the guild's owner may do this".into() }.into())
}

/// The guild with its channels, as GUILD_CREATE and GUILD_JOIN have it.
pub(super) async fn with_channels(conn: &mut AnyConnection, guild: Id) -> Result<Fields, StoreError> {
    let found = find(conn, guild).await?.ok_or(UNKNOWN)?;
    let mut fields = Fields::parse(&found.data)?;
    fields.set("channels", &channels::of_guild(conn, guild).await?);
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::super::objects::bench::{CAPS, Platform, fields, id};
    use super::super::tests::On;
    use super::*;

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_guild_is_made_changed_and_deleted_with_its_events(on: On) {
        let bench = Platform::new(on, &[1, 2]).await;
        let store = &bench.store;
        let made =
            create(store, CAPS, id(1), None, fields(r#"{"name":"a","n":1.50,"description":null}"#)).await.unwrap();
        let guild: Id = made.read("id").unwrap().unwrap();
        assert_eq!(made.to_raw().get(), format!(r#"{{"id":{guild},"name":"a","n":1.50,"owner":1,"channels":[]}}"#));

        let changed = change(store, id(1), guild, fields(r#"{"n":null,"name":"b","x":[1e2]}"#)).await.unwrap();
        let wire = format!(r#"{{"id":{guild},"name":"b","owner":1,"x":[1e2]}}"#);
        assert_eq!(changed.to_raw().get(), wire);
        assert_eq!(show(store, id(1), guild).await.unwrap().get(), wire);
        assert_eq!(of_user(store, id(1)).await.unwrap()[0].get(), wire);
        delete(store, id(1), guild).await.unwrap();
        assert_eq!(show(store, id(1), guild).await.unwrap_err(), UNKNOWN.into());
        assert_eq!(bench.names().await, ["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"]);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_guild_is_known_to_publishers_until_it_is_deleted(on: On) {
        let bench = Platform::new(on, &[1]).await;
        let store = &bench.store;
        let (guild, other) = (bench.guild_of(1, &[]).await, bench.guild_of(1, &[]).await);
        for _ in 0..2 {
            assert_eq!(first_unknown(store, &[guild, other]).await.unwrap(), None);
            assert_eq!(first_unknown(store, &[guild, id(999), other]).await.unwrap(), Some(id(999)));
        }
        assert!(store.inits.unknown(&[guild, other]).is_empty(), "the second time, nothing was read");
        delete(store, id(1), guild).await.unwrap();
        assert_eq!(first_unknown(store, &[other, guild]).await.unwrap(), Some(guild));
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_guild_is_its_owners_and_unknown_to_strangers(on: On) {
        let bench = Platform::new(on, &[1, 2, 3]).await;
        let store = &bench.store;
        let guild = bench.guild_of(1, &[2]).await;
        let told = bench.names().await.len();
        let patch = || fields(r#"{"name":"b"}"#);
        assert_eq!(change(store, id(3), guild, patch()).await.unwrap_err(), UNKNOWN.into());
        assert_eq!(change(store, id(1), id(999), patch()).await.unwrap_err(), UNKNOWN.into());
        let refused = change(store, id(2), guild, patch()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused(Refusal::Forbidden { .. })), "{refused:?}");
        assert!(delete(store, id(2), guild).await.is_err() && delete(store, id(3), guild).await.is_err());
        assert!(change(store, id(1), guild, fields(r#"{"owner":2}"#)).await.is_err());
        assert_eq!(show(store, id(3), guild).await.unwrap_err(), UNKNOWN.into());
        assert_eq!(preview(store, Some(id(3)), guild, None).await.unwrap_err(), UNKNOWN.into());
        assert_eq!(preview(store, Some(id(2)), guild, None).await.unwrap().member_count, 2);
        assert_eq!(bench.names().await.len(), told);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn ids_are_taken_once_and_guilds_are_capped(on: On) {
        let bench = Platform::new(on, &[1]).await;
        let store = &bench.store;
        let named = |n| create(store, CAPS, id(1), Some(id(n)), fields(r#"{"name":"a"}"#));
        named(70).await.unwrap();
        assert!(matches!(named(70).await, Err(StoreError::Refused(Refusal::Conflict { code: "id_taken", .. }))));
        named(71).await.unwrap();
        named(72).await.unwrap();
        let refused = named(73).await.unwrap_err();
        assert_eq!(refused, Refusal::Cap { code: "too_many_guilds", limit: 3 }.into());
    }
}
