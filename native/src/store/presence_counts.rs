//! How many members of each guild others see as not offline, kept beside what it counts: a large guild in which few are about
//! would be looked through to its end by whoever counts them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sanmon_core::id::Id;
use sqlx::{AnyConnection, Row};

use super::bulk::Bulk;
use super::error::StoreError;

/// Adds to the counts of guilds.
static ADD: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::storing(
        2,
        "INSERT INTO presence_counts (guild_id, online) VALUES {rows} \
         ON CONFLICT (guild_id) DO UPDATE SET online = presence_counts.online + excluded.online",
    )
});

/// How many members of a guild are not offline.
pub(super) async fn of(conn: &mut AnyConnection, guild: Id) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT online FROM presence_counts WHERE guild_id = $1").bind(guild.as_i64());
    Ok(row.fetch_optional(conn).await?.map(|row| row.try_get(0)).transpose()?.unwrap_or(0))
}

/// A member came or went, which changes the guild's count by this much unless the member is offline.
pub(super) async fn count_member(conn: &mut AnyConnection, guild: Id, user: Id, change: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO presence_counts (guild_id, online) SELECT $1, $2 FROM presences WHERE user_id = $3 AND shown IS NOT NULL \
         ON CONFLICT (guild_id) DO UPDATE SET online = presence_counts.online + excluded.online",
    )
    .bind(guild.as_i64())
    .bind(change)
    .bind(user.as_i64())
    .execute(conn)
    .await?;
    Ok(())
}

/// The counts of guilds while one transaction changes them.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<Id, Count>);

struct Count {
    stored: i64,
    now: i64,
}

impl Counts {
    /// Takes note of a count as it is stored.
    pub(super) fn know(&mut self, guild: Id, stored: i64) {
        self.0.entry(guild).or_insert(Count { stored, now: stored });
    }

    /// Changes the count of a guild that is known, and says it.
    pub(super) fn change(&mut self, guild: Id, change: i64) -> u64 {
        let Some(count) = self.0.get_mut(&guild) else { return 0 };
        count.now += change;
        count.now.max(0).cast_unsigned()
    }

    /// Stores what has changed.
    pub(super) async fn store(self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        let changes = self.0.into_iter().map(|(guild, Count { stored, now })| (guild, now - stored));
        let changes: Vec<(Id, i64)> = changes.filter(|(_, change)| *change != 0).collect();
        ADD.store(conn, &changes, |query, (guild, change)| query.bind(guild.as_i64()).bind(*change)).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    use sanmon_core::event::{Presence, PresenceKind, PresenceUpdate};
    use test_case::test_matrix;

    use super::super::guilds::{self, Caps};
    use super::super::members::{self, Remover};
    use super::super::objects::bench::{Platform, fields, id};
    use super::super::tests::{Bench, On};
    use super::super::{presences, sessions, users};
    use super::*;

    const USERS: u64 = 6;
    const CAPS: Caps = Caps { guilds_per_user: 9, members_per_guild: 9, channels_per_guild: 9, invites_per_guild: 9 };

    /// Something that may change a count. Guilds are 101 to 103.
    #[derive(Clone, Debug)]
    enum Op {
        Make(u64, u64),
        Join(u64, u64),
        Leave(u64, u64),
        Show(Vec<(u64, PresenceKind)>),
        Choose(u64),
        Delete(u64, u64),
        Erase(u64),
        Return(u64),
    }

    fn any_op() -> impl Strategy<Value = Op> {
        let (guild, user) = (101..=103_u64, 1..=USERS);
        let kind = prop_oneof![Just(PresenceKind::Online), Just(PresenceKind::Idle), Just(PresenceKind::Offline)];
        prop_oneof![
            2 => (guild.clone(), user.clone()).prop_map(|(guild, owner)| Op::Make(guild, owner)),
            6 => (guild.clone(), user.clone()).prop_map(|(guild, user)| Op::Join(guild, user)),
            3 => (guild.clone(), user.clone()).prop_map(|(guild, user)| Op::Leave(guild, user)),
            6 => prop::collection::vec((user.clone(), kind), 1..5).prop_map(Op::Show),
            1 => user.clone().prop_map(Op::Choose),
            1 => (guild, user.clone()).prop_map(|(guild, owner)| Op::Delete(guild, owner)),
            1 => user.clone().prop_map(Op::Erase),
            2 => user.prop_map(Op::Return),
        ]
    }

    async fn make(bench: &Bench, user: u64) -> Result<(), StoreError> {
        let new = sessions::NewSession { id: Some(id(user)), user: fields(r#"{"username":"a"}"#), expires_in: None };
        sessions::create(&bench.store, new).await.map(drop)
    }

    async fn run(bench: &Bench, op: Op) -> Result<(), StoreError> {
        let store = &bench.store;
        match op {
            Op::Make(guild, owner) => {
                guilds::create(store, CAPS, id(owner), Some(id(guild)), fields(r#"{"name":"g"}"#)).await.map(drop)
            }
            Op::Join(guild, user) => members::add(store, CAPS, id(guild), id(user)).await.map(drop),
            Op::Leave(guild, user) => members::remove(store, Remover::Platform, id(guild), id(user)).await,
            Op::Show(shown) => {
                let shown =
                    shown.into_iter().map(|(user, kind)| PresenceUpdate { id: id(user), d: Presence::of(kind) });
                presences::show(store, shown.collect()).await
            }
            Op::Choose(user) => presences::choose(store, id(user), Presence::of(PresenceKind::Idle)).await,
            Op::Delete(guild, owner) => guilds::delete(store, id(owner), id(guild)).await,
            Op::Erase(user) => users::erase(store, id(user)).await,
            Op::Return(user) => make(bench, user).await,
        }
    }

    /// The counts of guilds as they are kept, and as they are.
    async fn kept_and_counted(bench: &Bench) -> Vec<(i64, i64)> {
        let rows = sqlx::query(
            "SELECT COALESCE((SELECT online FROM presence_counts WHERE guild_id = guilds.id), 0), \
             (SELECT COUNT(*) FROM members JOIN presences ON presences.user_id = members.user_id \
             WHERE members.guild_id = guilds.id AND left_seq IS NULL AND shown IS NOT NULL) FROM guilds ORDER BY id",
        );
        let rows = rows.fetch_all(&mut *bench.store.read().await.unwrap()).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn what_is_kept_is_what_there_is(on: On) {
        let bench = Bench::new(on).await;
        for user in 1..=USERS {
            make(&bench, user).await.unwrap();
        }
        let (mut most, mut done) = (0, Vec::new());
        let ops = prop::collection::vec(any_op(), 300).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        for op in ops {
            done.push(op.clone());
            match run(&bench, op).await {
                Ok(()) | Err(StoreError::Refused(_)) => {}
                Err(error) => panic!("{error} after {done:?}"),
            }
            let counts = kept_and_counted(&bench).await;
            assert!(counts.iter().all(|(kept, counted)| kept == counted), "{counts:?} after {done:?}");
            most = counts.iter().map(|(kept, _)| *kept).max().unwrap_or(0).max(most);
        }
        assert!(most > 2, "too little happened: {done:?}");
    }

    #[test_matrix([On::Sqlite, On::Postgres])]
    #[tokio::test]
    async fn a_database_from_before_is_counted_once(on: On) {
        let bench = Platform::new(on, &[1, 2, 3]).await;
        bench.guild_of(1, &[2, 3]).await;
        bench.guild_of(1, &[2]).await;
        bench.guild_of(1, &[]).await;
        let online = [2, 3].map(|user| PresenceUpdate { id: id(user), d: Presence::of(PresenceKind::Online) });
        presences::show(&bench.store, online.to_vec()).await.unwrap();
        bench.run("DROP TABLE presence_counts").await;
        bench.run("DELETE FROM _sqlx_migrations WHERE description = 'presence counts'").await;
        let bench = bench.into_bench().again().await;
        assert_eq!(kept_and_counted(&bench).await, [(2, 2), (1, 1), (0, 0)]);
    }
}
