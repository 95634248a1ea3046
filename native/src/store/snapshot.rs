//! What a connection starts from: all that its user may see, or all that its user missed.

use std::sync::Arc;

use sanmon_core::codec::Dispatch;
use sanmon_core::entry::Entry;
use sanmon_core::event::{Envelope, Seq};
use sanmon_core::id::Id;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::guild_inits::GuildInit;
use super::{Store, objects, users};
use crate::fields::Fields;
use crate::log::rows;

/// GUILD_INIT shows presences up to this many (protocol, section 3).
const MAX_PRESENCES: i64 = 1000;

/// Up to how many presences are counted in a guild that shows none: so many fewer may change before it is read again.
const MAX_COUNTED: i64 = 5000;

/// All that a user may see at one place in the log.
#[derive(Debug)]
pub struct Snapshot {
    /// The place: every entry up to it is in here, none after it.
    pub head: Seq,
    /// The user.
    pub user: Box<RawValue>,
    /// The guilds that the user is in.
    pub guilds: Vec<Id>,
    /// GUILD_INIT of each of them, encoded, in the same order.
    pub inits: Vec<Arc<Dispatch>>,
}

/// What a user missed up to one place in the log.
#[derive(Debug)]
pub struct Missed {
    /// The place.
    pub head: Seq,
    /// The guilds that the user is in there.
    pub guilds: Vec<Id>,
    /// The places of the entries that the user missed, in order.
    pub seqs: Vec<Seq>,
}

/// All that `user` may see; `None` if there is no such user.
///
/// # Errors
/// Only faults of the machine.
pub async fn snapshot(store: &Store, user: Id) -> Result<Option<Snapshot>, StoreError> {
    let mut read = store.read().await?;
    let head = rows::head(&mut read).await?;
    let Some(about) = users::find(&mut read, user).await? else { return Ok(None) };
    // Whatever changed a guild up to here is known to what is kept of encoded guilds after this.
    store.log.reach(head).await?;
    let mut snapshot = Snapshot { head, user: about, guilds: Vec::new(), inits: Vec::new() };
    for guild in users::guilds_of(&mut read, user).await? {
        let init = match store.inits.find(guild) {
            Some(init) => init,
            None => {
                let Some(init) = read_guild(&mut read, guild, head).await? else { continue };
                store.inits.keep(guild, init.clone());
                init.dispatch
            }
        };
        snapshot.guilds.push(guild);
        snapshot.inits.push(init);
    }
    Ok(Some(snapshot))
}

/// The entries at these places, in the same order: recent ones from memory, others from the database.
///
/// # Errors
/// [`Refusal::Unknown`] when one of them is no longer held; else faults of the machine.
pub async fn entries(store: &Store, places: &[Seq]) -> Result<Vec<Arc<Entry>>, StoreError> {
    let mut entries = store.log.recent(places);
    let absent: Vec<Seq> =
        places.iter().zip(&entries).filter(|(_, entry)| entry.is_none()).map(|(place, _)| *place).collect();
    if !absent.is_empty() {
        let mut read = store.read().await?;
        let found = rows::at(&mut read, &absent).await?;
        for (place, entry) in places.iter().zip(&mut entries).filter(|(_, entry)| entry.is_none()) {
            let index = found.binary_search_by_key(place, |entry| entry.seq);
            *entry = index.ok().map(|index| Arc::clone(&found[index]));
        }
    }
    let whole: Option<Vec<_>> = entries.into_iter().collect();
    whole.ok_or_else(|| Refusal::Unknown { what: "log entry" }.into())
}

/// Reads and encodes one guild at the place `at`.
async fn read_guild(conn: &mut AnyConnection, guild: Id, at: Seq) -> Result<Option<GuildInit>, StoreError> {
    let row = sqlx::query("SELECT data FROM guilds WHERE id = $1").bind(guild.as_i64()).fetch_optional(&mut *conn);
    let Some(row) = row.await? else { return Ok(None) };
    let mut fields = Fields::parse(row.try_get(0)?)?;

    let channels = sqlx::query("SELECT data FROM channels WHERE guild_id = $1 ORDER BY position, id")
        .bind(guild.as_i64())
        .fetch_all(&mut *conn)
        .await?;
    let channels: Vec<Box<RawValue>> =
        channels.iter().map(|row| Ok(RawValue::from_string(row.try_get(0)?)?)).collect::<Result<_, StoreError>>()?;
    fields.set("channels", &channels);

    let count = count_presences(conn, guild).await?;
    if count <= MAX_PRESENCES {
        fields.set("presences", &read_presences(conn, guild).await?);
    }
    let event = Envelope::new("GUILD_INIT".parse().expect("a valid name")).with_d(&fields);
    let slack = usize::try_from(count - MAX_PRESENCES).unwrap_or(0).saturating_sub(1);
    Ok(Some(GuildInit { at, dispatch: Arc::new(Dispatch::new(event.to_json())), slack }))
}

async fn count_presences(conn: &mut AnyConnection, guild: Id) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) FROM (SELECT 1 FROM members JOIN presences ON presences.user_id = members.user_id \
         WHERE members.guild_id = $1 AND members.left_seq IS NULL AND presences.shown IS NOT NULL LIMIT $2) AS shown",
    )
    .bind(guild.as_i64())
    .bind(MAX_COUNTED)
    .fetch_one(conn)
    .await?;
    Ok(row.try_get(0)?)
}

async fn read_presences(conn: &mut AnyConnection, guild: Id) -> Result<Vec<Shown>, StoreError> {
    let rows = sqlx::query(
        "SELECT members.user_id, presences.shown FROM members JOIN presences ON presences.user_id = members.user_id \
         WHERE members.guild_id = $1 AND members.left_seq IS NULL AND presences.shown IS NOT NULL \
         ORDER BY members.user_id",
    )
    .bind(guild.as_i64())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(Shown { id: objects::id_of(row, 0)?, d: RawValue::from_string(row.try_get(1)?)? }))
        .collect()
}

/// [`sanmon_core::event::PresenceUpdate`] to the letter.
#[derive(Serialize)]
struct Shown {
    id: Id,
    d: Box<RawValue>,
}
