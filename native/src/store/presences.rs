//! Presences: what a user chose, and what others see.

use std::collections::{HashMap, HashSet};
use std::iter::Peekable;
use std::sync::LazyLock;
use std::vec::IntoIter;

use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use sanmon_core::event::{Envelope, Presence, PresenceKind, PresenceUpdate};
use sanmon_core::gateway::is_told;
use sanmon_core::id::Id;
use sqlx::{AnyConnection, Row};

use super::bulk::Bulk;
use super::error::{Refusal, StoreError};
use super::presence_counts::Counts;
use super::tx::Tx;
use super::{Store, objects};

/// Presences that one transaction shows.
const AT_ONCE: usize = 500;

/// How users show; who is no more has no row.
static SHOWN: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::about(
        "SELECT users.id, presences.shown FROM users LEFT JOIN presences ON presences.user_id = users.id \
         WHERE users.id IN ({ids})",
    )
});

/// Which guilds users are in, and how many members of these are not offline.
static GUILDS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::about(
        "SELECT members.user_id, members.guild_id, COALESCE(presence_counts.online, 0) FROM members \
         LEFT JOIN presence_counts ON presence_counts.guild_id = members.guild_id \
         WHERE members.user_id IN ({ids}) AND members.left_seq IS NULL ORDER BY members.user_id, members.guild_id",
    )
});

static KEEP: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::storing(
        2,
        "INSERT INTO presences (user_id, shown) VALUES {rows} ON CONFLICT (user_id) DO UPDATE SET shown = excluded.shown",
    )
});

/// The presence that the user chose last.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn chosen(conn: &mut AnyConnection, user: Id) -> Result<Option<Presence>, StoreError> {
    let row =
        sqlx::query("SELECT chosen FROM presences WHERE user_id = $1").bind(user.as_i64()).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let text: Option<String> = row.try_get(0)?;
    Ok(text.as_deref().map(serde_json::from_str).transpose()?)
}

/// Keeps the presence that the user chose. Nobody is told: what others see depends on who is connected.
///
/// # Errors
/// There is no such user, or the presence is too large.
pub(crate) async fn choose(store: &Store, user: Id, presence: Presence) -> Result<(), StoreError> {
    let text = serde_json::to_string(&presence)?;
    if text.len() > objects::MAX_OBJECT_BYTES {
        let max = objects::MAX_OBJECT_BYTES;
        return Err(Refusal::invalid(format!("the presence would be larger than {max} bytes")).into());
    }
    store
        .write(move |tx| {
            Box::pin(async move {
                let kept = sqlx::query(
                    "INSERT INTO presences (user_id, chosen) SELECT id, $1 FROM users WHERE id = $2 \
                     ON CONFLICT (user_id) DO UPDATE SET chosen = excluded.chosen",
                )
                .bind(text)
                .bind(user.as_i64())
                .execute(tx.conn())
                .await?;
                if kept.rows_affected() == 0 {
                    return Err(Refusal::Unknown { what: "user" }.into());
                }
                Ok(())
            })
        })
        .await
}

/// Keeps how users show to others, and tells the users and their guilds. Users that are no more are passed over.
///
/// # Errors
/// Only faults of the machine. Some of many presences may have been kept and told of then.
pub(crate) async fn show(store: &Store, updates: Vec<PresenceUpdate>) -> Result<(), StoreError> {
    let mut rest = updates.into_iter().peekable();
    loop {
        // A few at a time, so that others get their turn at the writer.
        let some = next_of(&mut rest, AT_ONCE);
        if some.is_empty() {
            return Ok(());
        }
        store
            .write(move |tx| {
                Box::pin(async move {
                    let users: Vec<Id> = some.iter().map(|update| update.id).collect();
                    let shown = shown_of(tx.conn(), &users).await?;
                    show_all(tx, &shown, &some).await
                })
            })
            .await?;
    }
}

/// The users that others see as not offline.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn shown_online(store: &Store) -> Result<Vec<Id>, StoreError> {
    let mut read = store.read().await?;
    let rows =
        sqlx::query("SELECT user_id FROM presences WHERE shown IS NOT NULL ORDER BY user_id").fetch_all(&mut *read);
    rows.await?.iter().map(|row| objects::id_of(row, 0)).collect()
}

/// The next updates, in which no user comes twice.
pub(super) fn next_of(rest: &mut Peekable<IntoIter<PresenceUpdate>>, most: usize) -> Vec<PresenceUpdate> {
    let (mut some, mut users) = (Vec::new(), HashSet::new());
    while some.len() < most
        && let Some(update) = rest.next_if(|update| users.insert(update.id))
    {
        some.push(update);
    }
    some
}

/// How these users show, as the texts that are stored; those who are no more are left out.
pub(super) async fn shown_of(
    conn: &mut AnyConnection,
    users: &[Id],
) -> Result<HashMap<Id, Option<String>>, StoreError> {
    let rows = SHOWN.run(conn, users, None).await?;
    rows.iter().map(|row| Ok((objects::id_of(row, 0)?, row.try_get(1)?))).collect()
}

/// Keeps how users show to others, of whom none comes twice, and tells them and their guilds. `shown` is how they show before:
/// who is not in there is no more, and passed over.
pub(super) async fn show_all(
    tx: &mut Tx,
    shown: &HashMap<Id, Option<String>>,
    updates: &[PresenceUpdate],
) -> Result<(), StoreError> {
    let users: Vec<Id> = updates.iter().map(|update| update.id).filter(|user| shown.contains_key(user)).collect();
    let (mut guilds, mut counts) = (HashMap::<Id, Vec<Id>>::new(), Counts::default());
    for row in GUILDS.run(tx.conn(), &users, None).await? {
        let guild = objects::id_of(&row, 1)?;
        guilds.entry(objects::id_of(&row, 0)?).or_default().push(guild);
        counts.know(guild, row.try_get(2)?);
    }
    let mut kept = Vec::with_capacity(users.len());
    for PresenceUpdate { id: user, d } in updates {
        let Some(before) = shown.get(user) else { continue };
        let text = match d.kind {
            PresenceKind::Offline => None,
            _ => Some(serde_json::to_string(d)?),
        };
        let change = i64::from(text.is_some()) - i64::from(before.is_some());
        let mut told = Vec::new();
        for guild in guilds.remove(user).unwrap_or_default() {
            if is_told(d.kind, counts.change(guild, change)) {
                told.push(guild);
            } else {
                tx.touch_presences(guild);
            }
        }
        kept.push((*user, text));
        let event = Envelope::new("PRESENCE_UPDATE".parse().expect("a valid name"))
            .with("id", serde_json::value::to_raw_value(user)?)
            .with_d(d);
        tx.emit(Draft::new(event, Audience::UserAndGuilds { user: *user, guilds: told }));
    }
    KEEP.store(tx.conn(), &kept, |query, (user, text)| query.bind(user.as_i64()).bind(text.clone())).await?;
    counts.store(tx.conn()).await
}

#[cfg(test)]
mod tests {
    use test_case::test_matrix;

    use super::*;
    use crate::fields::Fields;
    use crate::store::sessions::{self, NewSession};
    use crate::store::tests::{Bench, On};

    async fn chosen_of(store: &Store, user: Id) -> Result<Option<Presence>, StoreError> {
        chosen(&mut *store.read().await?, user).await
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_is_shown_is_kept_and_told(on: On) {
        let bench = Bench::new(on).await;
        let (user, nobody) = (Id::new(7).unwrap(), Id::new(8).unwrap());
        let fields = Fields::parse(r#"{"username":"a"}"#).unwrap();
        sessions::create(&bench.store, NewSession { id: Some(user), user: fields, expires_in: None }).await.unwrap();

        assert_eq!(chosen_of(&bench.store, user).await.unwrap(), None);
        let idle = Presence { description: Some("tea".into()), ..Presence::of(PresenceKind::Idle) };
        choose(&bench.store, user, idle.clone()).await.unwrap();
        assert_eq!(chosen_of(&bench.store, user).await.unwrap(), Some(idle.clone()));
        let unknown = choose(&bench.store, nobody, idle.clone()).await;
        assert_eq!(unknown, Err(Refusal::Unknown { what: "user" }.into()));

        let shown = [user, nobody].map(|id| PresenceUpdate { id, d: idle.clone() });
        show(&bench.store, shown.to_vec()).await.unwrap();
        // In one batch, and each is told.
        let [online, again] =
            [Presence::of(PresenceKind::Online), idle.clone()].map(|d| PresenceUpdate { id: user, d });
        show(&bench.store, vec![online, again]).await.unwrap();
        assert_eq!(shown_online(&bench.store).await.unwrap(), [user]);
        let offline = PresenceUpdate { id: user, d: Presence::of(PresenceKind::Offline) };
        show(&bench.store, vec![offline]).await.unwrap();
        assert_eq!(shown_online(&bench.store).await.unwrap(), []);
        assert_eq!(chosen_of(&bench.store, user).await.unwrap(), Some(idle));
        let texts = bench.texts(0).await;
        assert!(texts[0].contains(r#""id":7,"d":{"type":2,"description":"tea"}"#), "{texts:?}");
        assert!(texts[1].contains(r#""id":7,"d":{"type":1}"#), "{texts:?}");
        assert!(texts[2].contains(r#""id":7,"d":{"type":2,"#), "{texts:?}");
        assert!(texts[3].contains(r#""id":7,"d":{"type":4}"#), "{texts:?}");
        assert_eq!(texts.len(), 4);
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_crowd_is_told_of_who_goes_offline_alone(on: On) {
        let bench = Bench::new(on).await;
        let id = |number| Id::new(number).unwrap();
        let write = bench.store.write(|tx| {
            Box::pin(async move {
                for sql in [
                    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1002) \
                     INSERT INTO users (id, data) SELECT x, '{}' FROM n",
                    "INSERT INTO guilds (id, owner, data) VALUES (5000, 1, '{}'), (6000, 1, '{}')",
                    "INSERT INTO members (guild_id, user_id, joined_seq) SELECT 5000, id, 1 FROM users",
                    "INSERT INTO members (guild_id, user_id, joined_seq) VALUES (6000, 1000, 1), (6000, 1001, 1)",
                    "INSERT INTO presences (user_id, shown) SELECT id, '{\"type\":1}' FROM users WHERE id < 1000",
                    "INSERT INTO presence_counts (guild_id, online) VALUES (5000, 999)",
                ] {
                    sqlx::query(sql).execute(tx.conn()).await?;
                }
                Ok(())
            })
        });
        write.await.unwrap();
        let update = |user, kind| PresenceUpdate { id: id(user), d: Presence::of(kind) };
        let online = [1000, 1001, 1002].map(|user| update(user, PresenceKind::Online));
        show(&bench.store, online.to_vec()).await.unwrap();
        show(&bench.store, vec![update(1, PresenceKind::Idle)]).await.unwrap();
        show(&bench.store, vec![update(1, PresenceKind::Offline), update(2, PresenceKind::Offline)]).await.unwrap();
        show(&bench.store, vec![update(3, PresenceKind::Idle)]).await.unwrap();

        let told = bench.told().await;
        let guilds: Vec<Vec<u64>> = told
            .iter()
            .map(|entry| match &entry.audience {
                Audience::UserAndGuilds { guilds, .. } => guilds.iter().map(|guild| guild.as_u64()).collect(),
                other => panic!("{other:?}"),
            })
            .collect();
        let (both, small, large, none) = (vec![5000, 6000], vec![6000], vec![5000], vec![]);
        assert_eq!(guilds, [both, small, none.clone(), none, large.clone(), large.clone(), large]);
    }
}
