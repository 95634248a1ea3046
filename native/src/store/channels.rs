//! Channels of guilds: their order, what is inside of what, and the events of a change.

use std::collections::{HashMap, HashSet};

use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use sanmon_core::id::Id;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::guilds::{self, Caps};
use super::members;
use super::objects::{self, Shape};
use super::tx::Tx;
use crate::fields::Fields;
use crate::store::Store;

/// What a channel must look like.
const SHAPE: Shape = Shape { reserved: &["id", "guild_id"] };
/// The largest `position`.
pub(crate) const MAX_POSITION: i64 = i32::MAX as i64;

/// Makes a channel in a guild, as its owner `actor` may. One without a `position` comes last.
///
/// # Errors
/// A field is wrong, the id is taken, there is no such guild or `actor` is not in it or not its owner, or the guild has
/// too many channels.
pub(crate) async fn create(
    store: &Store,
    caps: Caps,
    actor: Id,
    guild: Id,
    id: Option<Id>,
    fields: Fields,
) -> Result<Fields, StoreError> {
    SHAPE.check_new(&fields)?;
    check_kind_and_position(&fields)?;
    store.add(move |tx| Box::pin(create_in(tx, caps, actor, guild, id, fields))).await
}

async fn create_in(
    tx: &mut Tx,
    caps: Caps,
    actor: Id,
    guild: Id,
    id: Option<Id>,
    mut fields: Fields,
) -> Result<Fields, StoreError> {
    guilds::must_own(tx.conn(), guild, actor).await?;
    let siblings = siblings(tx.conn(), guild).await?;
    if siblings.len() >= caps.channels_per_guild as usize {
        return Err(Refusal::Cap { code: "too_many_channels", limit: caps.channels_per_guild }.into());
    }
    let id = id.unwrap_or_else(|| tx.new_id());
    if find(tx.conn(), id).await?.is_some() {
        let message = "there is a channel with this id".to_owned();
        return Err(Refusal::Conflict { code: "id_taken", message }.into());
    }
    fields.drop_nulls();
    fields.set_first("guild_id", &guild);
    fields.set_first("id", &id);
    if fields.get("position").is_none() {
        let last = siblings.values().map(|sibling| sibling.position).max();
        fields.set("position", &last.map_or(0, |last| last.saturating_add(1).min(MAX_POSITION)));
    }
    check_place(&fields, id, &siblings)?;
    let data = objects::stored(&fields)?;
    sqlx::query("INSERT INTO channels (id, guild_id, position, data) VALUES ($1, $2, $3, $4)")
        .bind(id.as_i64())
        .bind(guild.as_i64())
        .bind(position(&fields)?)
        .bind(data)
        .execute(tx.conn())
        .await?;
    tx.emit(Draft::new(objects::event("CHANNEL_CREATE", &fields), Audience::Guild(guild)));
    Ok(fields)
}

/// The channels of a guild that `actor` is in, in order.
///
/// # Errors
/// There is no such guild, or `actor` is not in it.
pub(crate) async fn list(store: &Store, actor: Id, guild: Id) -> Result<Vec<Box<RawValue>>, StoreError> {
    let mut tx = store.read().await?;
    members::must_be_in(&mut tx, guild, actor).await?;
    of_guild(&mut tx, guild).await
}

/// Lays `patch` over a channel, as the owner of its guild may.
///
/// # Errors
/// A field is wrong, there is no such channel, or `actor` is not in its guild or not its owner.
pub(crate) async fn change(store: &Store, actor: Id, channel: Id, patch: Fields) -> Result<Fields, StoreError> {
    SHAPE.check_patch(&patch)?;
    check_kind_and_position(&patch)?;
    if patch.get("position").is_some_and(|position| position.get() == "null") {
        return Err(Refusal::invalid("`position`: a channel has a position").into());
    }
    store.add(move |tx| Box::pin(change_in(tx, actor, channel, patch))).await
}

async fn change_in(tx: &mut Tx, actor: Id, channel: Id, patch: Fields) -> Result<Fields, StoreError> {
    let found = must_own(tx.conn(), channel, actor).await?;
    let mut fields = Fields::parse(&found.data)?;
    fields.merge(patch);
    check_place(&fields, channel, &siblings(tx.conn(), found.guild).await?)?;
    update(tx, found.guild, channel, &fields).await?;
    Ok(fields)
}

/// Deletes a channel, as the owner of its guild may. Channels that were inside of it are inside of nothing then.
///
/// # Errors
/// There is no such channel, or `actor` is not in its guild or not its owner.
pub(crate) async fn delete(store: &Store, actor: Id, channel: Id) -> Result<(), StoreError> {
    store.write(move |tx| Box::pin(delete_in(tx, actor, channel))).await
}

async fn delete_in(tx: &mut Tx, actor: Id, channel: Id) -> Result<(), StoreError> {
    let found = must_own(tx.conn(), channel, actor).await?;
    let mut inside: Vec<_> = siblings(tx.conn(), found.guild).await?.into_iter().collect();
    inside.retain(|(_, sibling)| sibling.inside_of == Some(channel));
    inside.sort_by_key(|(id, _)| *id);
    for (id, sibling) in inside {
        let mut fields = sibling.fields;
        fields.take("inside_of");
        update(tx, found.guild, id, &fields).await?;
    }
    sqlx::query("DELETE FROM channels WHERE id = $1").bind(channel.as_i64()).execute(tx.conn()).await?;
    let gone = RawValue::from_string(found.data)?;
    tx.emit(Draft::new(objects::event("CHANNEL_DELETE", &gone), Audience::Guild(found.guild)));
    Ok(())
}

/// The channels of a guild, in order.
pub(super) async fn of_guild(conn: &mut AnyConnection, guild: Id) -> Result<Vec<Box<RawValue>>, StoreError> {
    let rows = sqlx::query("SELECT data FROM channels WHERE guild_id = $1 ORDER BY position, id")
        .bind(guild.as_i64())
        .fetch_all(conn)
        .await?;
    rows.iter().map(|row| Ok(RawValue::from_string(row.try_get(0)?)?)).collect()
}

/// A channel as it is stored.
struct Found {
    guild: Id,
    data: String,
}

/// A channel among those of its guild.
struct Sibling {
    position: i64,
    inside_of: Option<Id>,
    fields: Fields,
}

async fn find(conn: &mut AnyConnection, channel: Id) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query("SELECT guild_id, data FROM channels WHERE id = $1")
        .bind(channel.as_i64())
        .fetch_optional(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Found { guild: objects::id_of(&row, 0)?, data: row.try_get(1)? }))
}

/// The channel, if `actor` owns its guild. Who is not in the guild is told that there is no such channel.
async fn must_own(conn: &mut AnyConnection, channel: Id, actor: Id) -> Result<Found, StoreError> {
    let unknown = Refusal::Unknown { what: "channel" };
    let found = find(conn, channel).await?.ok_or_else(|| unknown.clone())?;
    if !members::is_in(conn, found.guild, actor).await? {
        return Err(unknown.into());
    }
    guilds::must_own(conn, found.guild, actor).await?;
    Ok(found)
}

async fn siblings(conn: &mut AnyConnection, guild: Id) -> Result<HashMap<Id, Sibling>, StoreError> {
    let rows = sqlx::query("SELECT id, position, data FROM channels WHERE guild_id = $1")
        .bind(guild.as_i64())
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            let fields = Fields::parse(&row.try_get::<String, _>(2)?)?;
            let inside_of = fields.read("inside_of")?;
            Ok((objects::id_of(row, 0)?, Sibling { position: row.try_get(1)?, inside_of, fields }))
        })
        .collect()
}

async fn update(tx: &mut Tx, guild: Id, channel: Id, fields: &Fields) -> Result<(), StoreError> {
    sqlx::query("UPDATE channels SET position = $1, data = $2 WHERE id = $3")
        .bind(position(fields)?)
        .bind(objects::stored(fields)?)
        .bind(channel.as_i64())
        .execute(tx.conn())
        .await?;
    tx.emit(Draft::new(objects::event("CHANNEL_UPDATE", fields), Audience::Guild(guild)));
    Ok(())
}

fn position(fields: &Fields) -> Result<i64, Refusal> {
    Ok(objects::read::<i64>(fields, "position")?.unwrap_or_default())
}

fn check_kind_and_position(fields: &Fields) -> Result<(), Refusal> {
    objects::read::<i64>(fields, "type")?;
    if (0..=MAX_POSITION).contains(&position(fields)?) {
        return Ok(());
    }
    Err(Refusal::invalid(format!("`position`: a position is 0 to {MAX_POSITION}")))
}

/// Checks that the channel is inside of one of the same guild, and not, over however many others, inside of itself.
fn check_place(fields: &Fields, channel: Id, siblings: &HashMap<Id, Sibling>) -> Result<(), Refusal> {
    let mut seen = HashSet::from([channel]);
    let mut outer = objects::read::<Id>(fields, "inside_of")?;
    while let Some(id) = outer {
        if !seen.insert(id) {
            return Err(Refusal::invalid("`inside_of`: a channel can't be inside of itself"));
        }
        let Some(sibling) = siblings.get(&id) else {
            return Err(Refusal::invalid("`inside_of`: the guild has no such channel"));
        };
        outer = sibling.inside_of;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::super::objects::bench::{CAPS, Platform, fields, id};
    use super::super::tests::On;
    use super::*;

    async fn make(bench: &Platform, guild: Id, channel: u64, text: &str) -> Result<Fields, StoreError> {
        create(&bench.store, CAPS, id(1), guild, Some(id(channel)), fields(text)).await
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn channels_stand_in_order_and_inside_of_each_other(on: On) {
        let bench = Platform::new(on, &[1, 2]).await;
        let guild = bench.guild_of(1, &[2]).await;
        let first = make(&bench, guild, 50, r#"{"name":"a","type":4}"#).await.unwrap();
        assert_eq!(first.to_raw().get(), format!(r#"{{"id":50,"guild_id":{guild},"name":"a","type":4,"position":0}}"#));
        make(&bench, guild, 51, r#"{"name":"b","inside_of":"50"}"#).await.unwrap();
        make(&bench, guild, 52, r#"{"name":"c","position":0,"inside_of":51}"#).await.unwrap();
        let order: Vec<Id> = list(&bench.store, id(2), guild)
            .await
            .unwrap()
            .iter()
            .map(|channel| Fields::parse(channel.get()).unwrap().read("id").unwrap().unwrap())
            .collect();
        assert_eq!(order, [id(50), id(52), id(51)]);

        let circle = change(&bench.store, id(1), id(50), fields(r#"{"inside_of":52}"#)).await.unwrap_err();
        assert!(circle.to_string().contains("`inside_of`"), "{circle}");
        delete(&bench.store, id(1), id(51)).await.unwrap();
        let names = bench.names().await;
        assert_eq!(names[names.len() - 2..], ["CHANNEL_UPDATE", "CHANNEL_DELETE"]);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_does_not_fit_is_refused(on: On) {
        let bench = Platform::new(on, &[1, 2, 3]).await;
        let (guild, other) = (bench.guild_of(1, &[2]).await, bench.guild_of(1, &[]).await);
        make(&bench, other, 90, r#"{"name":"a"}"#).await.unwrap();
        for (text, field) in [
            (r#"{"name":"a","inside_of":90}"#, "`inside_of`"),
            (r#"{"name":"a","inside_of":50}"#, "`inside_of`"),
            (r#"{"name":"a","position":-1}"#, "`position`"),
            (r#"{"name":"a","position":"1"}"#, "`position`"),
            (r#"{"name":"a","type":1.5}"#, "`type`"),
            (r#"{"name":"a","guild_id":1}"#, "`guild_id`"),
        ] {
            let refused = make(&bench, guild, 50, text).await.unwrap_err().to_string();
            assert!(refused.contains(field), "{text}: {refused}");
        }
        for channel in 50..53 {
            make(&bench, guild, channel, r#"{"name":"a"}"#).await.unwrap();
        }
        let refused = make(&bench, guild, 53, r#"{"name":"a"}"#).await.unwrap_err();
        assert_eq!(refused, Refusal::Cap { code: "too_many_channels", limit: 3 }.into());
        let foreign = change(&bench.store, id(3), id(50), fields(r#"{"name":"b"}"#)).await.unwrap_err();
        assert_eq!(foreign, Refusal::Unknown { what: "channel" }.into());
        let not_owner = delete(&bench.store, id(2), id(50)).await.unwrap_err();
        assert!(matches!(not_owner, StoreError::Refused(Refusal::Forbidden { .. })));
        let no_position = change(&bench.store, id(1), id(50), fields(r#"{"position":null}"#)).await.unwrap_err();
        assert!(no_position.to_string().contains("`position`"));
    }
}
