//! What a connection starts from: all that its user may see, or all that its user missed.

use std::sync::Arc;

use sanmon_core::codec::Dispatch;
use sanmon_core::entry::Entry;
use sanmon_core::event::{Envelope, Presence, Seq};
use sanmon_core::gateway::CROWD;
use sanmon_core::history::{Membership, Replay};
use sanmon_core::id::Id;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::guild_inits::GuildInit;
use super::{Store, objects, presence_counts, presences, users};
use crate::fields::Fields;
use crate::log::{ChangeNumber, rows};

/// GUILD_INIT shows presences up to this many (protocol, section 3).
const MAX_PRESENCES: i64 = CROWD as i64;

/// All that a user may see at one place in the log.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The place: every entry up to it is in here, none after it.
    pub head: Seq,
    /// The user.
    pub user: Box<RawValue>,
    /// The presence that the user chose last.
    pub chosen: Option<Presence>,
    /// The guilds that the user is in.
    pub guilds: Vec<Id>,
    /// GUILD_INIT of each of them, encoded, in the same order.
    pub inits: Vec<Arc<Dispatch>>,
}

/// What a user missed up to one place in the log.
#[derive(Debug)]
pub(crate) struct Missed {
    /// The place.
    pub head: Seq,
    /// The presence that the user chose last.
    pub chosen: Option<Presence>,
    /// The guilds that the user is in there.
    pub guilds: Vec<Id>,
    /// The entries that the user missed.
    pub replay: Replay,
    /// How many they are.
    pub count: u64,
}

/// All that `user` may see; `None` if there is no such user.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn snapshot(store: &Store, user: Id) -> Result<Option<Snapshot>, StoreError> {
    // While the log stands still, nobody who waits for it keeps a connection from those who don't. What is committed after this
    // is waited for with one, yet by so few at once that some are left.
    store.meet_all().await?;
    let _turn = store.snapshots.acquire().await;
    let before = store.log.head();
    let mut read = store.read().await?;
    let last = store.log.audible(rows::head(&mut read).await?);
    let Some(about) = users::find(&mut read, user).await? else { return Ok(None) };
    // Whatever changed a guild up to here is known to what is kept of encoded guilds after this.
    store.log.reach(last).await?;
    let head = place(store, before, last);
    let chosen = presences::chosen(&mut read, user).await?;
    let mut snapshot = Snapshot { head, user: about, chosen, guilds: Vec::new(), inits: Vec::new() };
    for guild in users::guilds_of(&mut read, user).await? {
        let init = store.inits.find_or_read(guild, head, async || read_guild(&mut read, guild, head).await).await?;
        let Some(init) = init else { continue };
        snapshot.guilds.push(guild);
        snapshot.inits.push(init);
    }
    Ok(Some(snapshot))
}

/// What `user` missed after `after`; `None` if the log never gave `after` or no longer holds all that came after it.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn missed(store: &Store, user: Id, after: Seq) -> Result<Option<Missed>, StoreError> {
    store.log.catch_up(after).await;
    let before = store.log.head();
    let mut read = store.read().await?;
    let last = store.log.audible(rows::head(&mut read).await?);
    let rows = sqlx::query(
        "SELECT guild_id, joined_seq, left_seq FROM members WHERE user_id = $1 AND (left_seq IS NULL OR left_seq > $2)",
    )
    .bind(user.as_i64())
    .bind(store.log.change_at(after).as_i64())
    .fetch_all(&mut *read)
    .await?;
    let chosen = presences::chosen(&mut read, user).await?;
    drop(read);
    store.log.reach(last).await?;
    let head = place(store, before, last);
    let place_of = |number: i64| store.log.place_of(ChangeNumber::new(number.cast_unsigned()));
    let mut stays = Vec::with_capacity(rows.len());
    for row in &rows {
        let (from, to): (i64, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        stays.push(Membership { guild: objects::id_of(row, 0)?, from: place_of(from), to: to.map(place_of) });
    }
    if after > head {
        return Ok(None);
    }
    let guilds = stays.iter().filter(|stay| stay.to.is_none()).map(|stay| stay.guild).collect();
    let replay = Replay::new(user, stays, after, head);
    let Some(count) = store.log.count(&replay) else { return Ok(None) };
    Ok(Some(Missed { head, chosen, guilds, replay, count }))
}

/// The next entries of a replay, at most so many; it goes on behind them.
///
/// # Errors
/// As [`entries`].
pub(crate) async fn next_page(store: &Store, replay: &mut Replay, most: usize) -> Result<Vec<Arc<Entry>>, StoreError> {
    let places = store.log.next_page(replay, most).ok_or(Refusal::Unknown { what: "log entry" })?;
    entries(store, &places).await
}

/// The entries at these places, in the same order: from memory, or from the database.
///
/// # Errors
/// [`Refusal::Unknown`] when one of them is no longer held; else faults of the machine.
pub(crate) async fn entries(store: &Store, places: &[Seq]) -> Result<Vec<Arc<Entry>>, StoreError> {
    let mut entries = store.log.in_memory(places);
    let absent: Vec<Seq> =
        places.iter().zip(&entries).filter(|(_, entry)| entry.is_none()).map(|(place, _)| *place).collect();
    if !absent.is_empty() {
        let found = match &store.shared {
            Some(log) => log.read(absent).await?,
            None => rows::at(&mut *store.read().await?, &absent).await?,
        };
        let found = store.log.share(found);
        for (place, entry) in places.iter().zip(&mut entries).filter(|(_, entry)| entry.is_none()) {
            let index = found.binary_search_by_key(place, |entry| entry.seq);
            *entry = index.ok().map(|index| Arc::clone(&found[index]));
        }
    }
    let whole: Option<Vec<_>> = entries.into_iter().collect();
    whole.ok_or_else(|| Refusal::Unknown { what: "log entry" }.into())
}

/// The place at which what was read is all that there is: `last` was the newest change of what was read, and `before` the log's
/// head before that. Every change up to `before` was read, and none comes between it and `last`.
fn place(store: &Store, before: Seq, last: ChangeNumber) -> Seq {
    store.log.place_of(last).max(before)
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

    let count = presence_counts::of(conn, guild).await?;
    if count <= MAX_PRESENCES {
        fields.set("presences", &read_presences(conn, guild).await?);
    }
    let event = Envelope::new("GUILD_INIT".parse().expect("a valid name")).with_d(&fields);
    // So many fewer may change before it is read again.
    let slack = usize::try_from(count - MAX_PRESENCES).unwrap_or(0).saturating_sub(1);
    Ok(Some(GuildInit { at, dispatch: Arc::new(Dispatch::new(event.to_json())), slack }))
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

#[cfg(test)]
mod tests {
    use sanmon_core::audience::Audience;
    use sanmon_core::entry::Draft;
    use sanmon_core::event::{PresenceKind, PresenceUpdate};
    use test_case::test_matrix;

    use super::*;
    use crate::config::Config;
    use crate::store::guilds::{self, Caps};
    use crate::store::members::{self, Remover};
    use crate::store::sessions::{self, NewSession};
    use crate::store::tests::{Bench, On};
    use crate::store::{channels, presences};

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    fn caps() -> Caps {
        Caps::of(&Config::default())
    }

    /// The places of what was missed.
    fn seqs_of(store: &Store, missed: &Missed) -> Vec<Seq> {
        let seqs = store.log.next_page(&mut missed.replay.clone(), usize::MAX).unwrap();
        assert_eq!(seqs.len() as u64, missed.count);
        seqs
    }

    async fn with_users(on: On, config: Config, users: u64) -> Bench {
        let bench = Bench::with(on, config).await;
        for user in 1..=users {
            let fields = Fields::parse(r#"{"username":"someone"}"#).unwrap();
            let new = NewSession { id: Some(id(user)), user: fields, expires_in: None };
            sessions::create(&bench.store, new).await.unwrap();
        }
        bench
    }

    async fn guild(bench: &Bench, owner: u64, number: u64) -> Id {
        let fields = Fields::parse(r#"{"name":"g","x":1.50}"#).unwrap();
        guilds::create(&bench.store, caps(), id(owner), Some(id(number)), fields).await.unwrap();
        id(number)
    }

    async fn say(bench: &Bench, guild: Id) -> Seq {
        let draft = Draft::new(r#"{"t":"SAID"}"#.parse().unwrap(), Audience::Guild(guild));
        bench.store.publish(vec![draft], None).await.unwrap()[0]
    }

    async fn init(bench: &Bench, user: u64) -> String {
        let snapshot = snapshot(&bench.store, id(user)).await.unwrap().unwrap();
        assert_eq!(snapshot.head, bench.store.head());
        assert_eq!(snapshot.guilds.len(), snapshot.inits.len());
        snapshot.inits[0].text().to_owned()
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_snapshot_shows_the_guild_as_it_is(on: On) {
        let bench = with_users(on, Config::default(), 2).await;
        let guild = guild(&bench, 1, 50).await;
        let store = &bench.store;
        let plain = r#"{"t":"GUILD_INIT","d":{"id":50,"name":"g","x":1.50,"owner":1,"channels":[],"presences":[]}}"#;
        assert_eq!(init(&bench, 1).await, plain);

        let fields = Fields::parse(r#"{"name":"c"}"#).unwrap();
        channels::create(store, caps(), id(1), guild, None, fields).await.unwrap();
        assert!(init(&bench, 1).await.contains(r#""name":"c""#));

        let online = PresenceUpdate { id: id(2), d: Presence::of(PresenceKind::Online) };
        presences::show(store, vec![online]).await.unwrap();
        assert!(init(&bench, 1).await.contains(r#""presences":[]"#), "not a member");
        members::add(store, caps(), guild, id(2)).await.unwrap();
        assert!(init(&bench, 1).await.contains(r#""presences":[{"id":2,"d":{"type":1}}]"#));
        members::remove(store, Remover::Platform, guild, id(2)).await.unwrap();
        assert!(init(&bench, 1).await.contains(r#""presences":[]"#));
        assert!(snapshot(store, id(2)).await.unwrap().unwrap().inits.is_empty());
        assert!(snapshot(store, id(3)).await.unwrap().is_none());
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_guild_is_encoded_once(on: On) {
        let bench = with_users(on, Config::default(), 2).await;
        let guild = guild(&bench, 1, 50).await;
        members::add(&bench.store, caps(), guild, id(2)).await.unwrap();
        let of = async |user| snapshot(&bench.store, id(user)).await.unwrap().unwrap().inits.remove(0);
        let first = of(1).await;
        say(&bench, guild).await;
        assert!(Arc::ptr_eq(&first, &of(2).await));
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn who_was_away_missed_what_was_said_while_a_member(on: On) {
        let bench = with_users(on, Config::default(), 2).await;
        let guild = guild(&bench, 1, 50).await;
        let start = bench.store.head();
        let (join, leave) = (
            async || members::add(&bench.store, caps(), guild, id(2)).await.unwrap(),
            async || members::remove(&bench.store, Remover::Platform, guild, id(2)).await.unwrap(),
        );
        say(&bench, guild).await;
        join().await;
        say(&bench, guild).await;
        leave().await;
        say(&bench, guild).await;
        join().await;
        say(&bench, guild).await;

        let bench = &bench;
        let names = async |after| {
            let missed = missed(&bench.store, id(2), after).await.unwrap().unwrap();
            assert_eq!((missed.head, &missed.guilds), (bench.store.head(), &vec![guild]));
            let seqs = seqs_of(&bench.store, &missed);
            let entries = entries(&bench.store, &seqs).await.unwrap();
            let name = |entry: &Arc<Entry>| {
                let event: Envelope = entry.dispatch.as_ref().unwrap().text().parse().unwrap();
                event.t().to_string()
            };
            (entries.iter().map(name).collect::<Vec<_>>(), seqs)
        };
        let (all, seqs) = names(start).await;
        let stay = ["GUILD_JOIN", "GUILD_MEMBER_ADD", "SAID"];
        assert_eq!(all, [&stay[..], &["GUILD_DELETE"], &stay[..]].concat());
        // From within the first stay.
        let (some, _) = names(seqs[2]).await;
        assert_eq!(some, [&["GUILD_DELETE"], &stay[..]].concat());
        let (none, _) = names(bench.store.head()).await;
        assert!(none.is_empty());
        assert!(missed(&bench.store, id(2), bench.store.head().next()).await.unwrap().is_none());
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_was_missed_outlives_a_restart(on: On) {
        let bench = with_users(on, Config::default(), 2).await;
        let guild = guild(&bench, 1, 50).await;
        members::add(&bench.store, caps(), guild, id(2)).await.unwrap();
        let start = bench.store.head();
        let said = say(&bench, guild).await;
        let here = r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{}}"#.parse().unwrap();
        bench.store.publish(vec![Draft::new(here, Audience::Everyone)], None).await.unwrap();
        members::remove(&bench.store, Remover::Platform, guild, id(2)).await.unwrap();
        let before = missed(&bench.store, id(2), start).await.unwrap().unwrap();
        let (seqs, bench) = (seqs_of(&bench.store, &before), bench.again().await);
        let after = missed(&bench.store, id(2), start).await.unwrap().unwrap();
        assert_eq!((before.head, &seqs), (after.head, &seqs_of(&bench.store, &after)));
        assert_eq!((seqs.len(), seqs[0]), (2, said));
        assert_eq!(entries(&bench.store, &seqs).await.unwrap()[0].seq, said);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_the_log_forgot_can_not_be_asked_for(on: On) {
        let bench = with_users(on, Config { log_max_entries: 3, ..Config::default() }, 1).await;
        let guild = guild(&bench, 1, 50).await;
        let mut said = Vec::new();
        for _ in 0..8 {
            said.push(say(&bench, guild).await);
        }
        while bench.store.log_figures().entries > 3 {
            tokio::task::yield_now().await;
        }
        assert!(missed(&bench.store, id(1), said[3]).await.unwrap().is_none());
        assert_eq!(seqs_of(&bench.store, &missed(&bench.store, id(1), said[4]).await.unwrap().unwrap()), said[5..]);
        assert_eq!(entries(&bench.store, &said[5..]).await.unwrap().len(), 3);
        // A page may still be in memory, yet after a restart it is nowhere.
        let bench = bench.again().await;
        assert!(missed(&bench.store, id(1), said[3]).await.unwrap().is_none());
        let gone = entries(&bench.store, &said[..6]).await;
        assert_eq!(gone.map(drop), Err(Refusal::Unknown { what: "log entry" }.into()));
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_is_read_back_is_read_once_for_everyone(on: On) {
        let bench = with_users(on, Config::default(), 1).await;
        let large = || {
            let text = format!(r#"{{"t":"X","d":"{}"}}"#, "x".repeat(1 << 20));
            vec![Draft::new(text.parse().unwrap(), Audience::Everyone)]
        };
        let mut places = Vec::new();
        // More than is kept of the newest.
        for _ in 0..40 {
            places.extend(bench.store.publish(large(), None).await.unwrap());
        }
        let first = entries(&bench.store, &places[..4]).await.unwrap();
        let second = entries(&bench.store, &places[..4]).await.unwrap();
        assert!(first.iter().zip(&second).all(|(one, other)| Arc::ptr_eq(one, other)));
        assert_eq!(bench.store.log_figures().read_back, 4);
        entries(&bench.store, &places[36..]).await.unwrap();
        assert_eq!(bench.store.log_figures().read_back, 4, "the newest were never gone");
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn who_is_erased_leaves_every_guild_first(on: On) {
        let bench = with_users(on, Config::default(), 2).await;
        let guild = guild(&bench, 1, 50).await;
        members::add(&bench.store, caps(), guild, id(2)).await.unwrap();
        let owner = users::erase(&bench.store, id(1)).await;
        let Err(StoreError::Refused(Refusal::Conflict { code, message })) = owner else { panic!("{owner:?}") };
        assert!(code == "owns_guilds" && message.ends_with(": 50"), "{message}");
        let told = bench.told().await.len();
        users::erase(&bench.store, id(2)).await.unwrap();
        let texts = bench.texts(told).await;
        assert!(texts[0].contains("GUILD_DELETE") && texts[1].contains("GUILD_MEMBER_REMOVE"), "{texts:?}");
        assert_eq!(texts.len(), 3);
        assert!(users::user(&bench.store, id(2)).await.unwrap().is_none());
        assert!(users::erase(&bench.store, id(2)).await.is_err());
    }
}
