//! How users show when they are connected to many nodes: each run of a node keeps its own part, and others see what comes of
//! all parts.
//!
//! A run is one life of a node among the others. Transactions that write follow one another over all nodes, so a run either
//! has ended before what it writes, and then writes nothing, or its part is found by whoever ends it.

use std::collections::HashMap;
use std::sync::LazyLock;

use sanmon_core::event::{Presence, PresenceKind, PresenceUpdate};
use sanmon_core::id::Id;
use sqlx::{AnyConnection, Row};

use super::bulk::Bulk;
use super::error::StoreError;
use super::presences::{next_of, show_all, shown_of};
use super::tx::Tx;
use super::{Store, objects};

/// Users whose part one transaction changes: it keeps all other nodes from writing.
const AT_ONCE: usize = 200;

/// All parts of users, the newest of each last.
static PARTS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::about(
        "SELECT user_id, run, shown, written FROM presence_nodes WHERE user_id IN ({ids}) ORDER BY user_id, written",
    )
});

static LEAVE: LazyLock<Bulk> =
    LazyLock::new(|| Bulk::about("DELETE FROM presence_nodes WHERE run = {next} AND user_id IN ({ids})"));

static KEEP: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::storing(
        4,
        "INSERT INTO presence_nodes (user_id, run, shown, written) VALUES {rows} \
         ON CONFLICT (user_id, run) DO UPDATE SET shown = excluded.shown, written = excluded.written",
    )
});

/// A run of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Run(i64);

/// What became of what a run wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is kept.
    Kept,
    /// Nothing was kept: others have ended the run.
    Ended,
}

impl Run {
    /// The number that others know it by.
    pub(crate) const fn as_i64(self) -> i64 {
        self.0
    }

    #[cfg(test)]
    pub(crate) const fn test(run: i64) -> Self {
        Self(run)
    }
}

/// Begins a run of the node with this number.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn begin(store: &Store, node: u8) -> Result<Run, StoreError> {
    store
        .write(move |tx| {
            Box::pin(async move {
                let run = tx.new_id().as_i64();
                sqlx::query("INSERT INTO presence_runs (run, node, ended) VALUES ($1, $2, 0)")
                    .bind(run)
                    .bind(i64::from(node))
                    .execute(tx.conn())
                    .await?;
                Ok(Run(run))
            })
        })
        .await
}

/// All runs that began and whose part is not all taken away.
///
/// # Errors
/// Only faults of the machine.
pub(crate) async fn all(store: &Store) -> Result<Vec<Run>, StoreError> {
    let mut read = store.read().await?;
    let rows = sqlx::query("SELECT run FROM presence_runs ORDER BY run").fetch_all(&mut *read).await?;
    rows.iter().map(|row| Ok(Run(row.try_get(0)?))).collect()
}

/// Keeps how users show at this node, and tells of those for whom that changes what others see. Users that are no more are
/// passed over.
///
/// # Errors
/// Only faults of the machine. Some of many presences may have been kept and told of then.
pub(crate) async fn show(store: &Store, run: Run, updates: Vec<PresenceUpdate>) -> Result<Written, StoreError> {
    let mut rest = updates.into_iter().peekable();
    loop {
        let some = next_of(&mut rest, AT_ONCE);
        if some.is_empty() {
            return Ok(Written::Kept);
        }
        let write = store.write(move |tx| {
            Box::pin(async move {
                let lives = sqlx::query("SELECT run FROM presence_runs WHERE run = $1 AND ended = 0").bind(run.0);
                if lives.fetch_optional(tx.conn()).await?.is_none() {
                    return Ok(Written::Ended);
                }
                let users: Vec<Id> = some.iter().map(|update| update.id).collect();
                let mut before = Before::of(tx.conn(), &users).await?;
                before.keep(tx.conn(), run, &some).await?;
                before.reshow(tx, &users).await?;
                Ok(Written::Kept)
            })
        });
        if write.await? == Written::Ended {
            return Ok(Written::Ended);
        }
    }
}

/// Ends a run, whichever node's it was: it writes nothing more, and of its part nothing is left. Users whom no other run
/// shows go offline, once, however many nodes do this at the same time.
///
/// # Errors
/// Only faults of the machine; what is left is for the next who ends it.
pub(crate) async fn end(store: &Store, run: Run) -> Result<(), StoreError> {
    loop {
        let write = store.write(move |tx| {
            Box::pin(async move {
                sqlx::query("UPDATE presence_runs SET ended = 1 WHERE run = $1").bind(run.0).execute(tx.conn()).await?;
                let rows = sqlx::query(
                    "DELETE FROM presence_nodes WHERE run = $1 AND user_id IN \
                     (SELECT user_id FROM presence_nodes WHERE run = $1 ORDER BY user_id LIMIT $2) RETURNING user_id",
                )
                .bind(run.0)
                .bind(AT_ONCE as i64)
                .fetch_all(tx.conn())
                .await?;
                let mut users = rows.iter().map(|row| objects::id_of(row, 0)).collect::<Result<Vec<_>, _>>()?;
                users.sort_unstable();
                Before::of(tx.conn(), &users).await?.reshow(tx, &users).await?;
                if rows.is_empty() {
                    sqlx::query("DELETE FROM presence_runs WHERE run = $1").bind(run.0).execute(tx.conn()).await?;
                }
                Ok(rows.len())
            })
        });
        if write.await? == 0 {
            return Ok(());
        }
    }
}

/// How users show before something changes.
struct Before {
    /// Their parts, the newest of each last.
    parts: HashMap<Id, Vec<Part>>,
    /// What comes of these; who is no more is not in there.
    shown: HashMap<Id, Option<String>>,
}

/// How a run shows a user.
struct Part {
    run: i64,
    shown: String,
    written: i64,
}

impl Before {
    async fn of(conn: &mut AnyConnection, users: &[Id]) -> Result<Self, StoreError> {
        let mut parts: HashMap<Id, Vec<Part>> = HashMap::new();
        for row in PARTS.run(conn, users, None).await? {
            let part = Part { run: row.try_get(1)?, shown: row.try_get(2)?, written: row.try_get(3)? };
            parts.entry(objects::id_of(&row, 0)?).or_default().push(part);
        }
        Ok(Self { parts, shown: shown_of(conn, users).await? })
    }

    /// Keeps a run's part of these users.
    async fn keep(&mut self, conn: &mut AnyConnection, run: Run, updates: &[PresenceUpdate]) -> Result<(), StoreError> {
        let (mut gone, mut kept) = (Vec::new(), Vec::new());
        for PresenceUpdate { id: user, d } in updates {
            if !self.shown.contains_key(user) {
                continue;
            }
            let parts = self.parts.entry(*user).or_default();
            let written = parts.last().map_or(0, |newest| newest.written) + 1;
            parts.retain(|part| part.run != run.0);
            if d.kind == PresenceKind::Offline {
                gone.push(*user);
            } else {
                let shown = serde_json::to_string(d)?;
                kept.push((*user, shown.clone(), written));
                parts.push(Part { run: run.0, shown, written });
            }
        }
        LEAVE.run(conn, &gone, Some(run.0)).await?;
        KEEP.store(conn, &kept, |query, (user, shown, written)| {
            query.bind(user.as_i64()).bind(run.0).bind(shown.clone()).bind(*written)
        })
        .await
    }

    /// Shows what comes of all parts of these users, where that is not what is shown: the most present one, of equals the newest.
    async fn reshow(&self, tx: &mut Tx, users: &[Id]) -> Result<(), StoreError> {
        let mut updates = Vec::new();
        for user in users {
            let mut best = None;
            for Part { shown, .. } in self.parts.get(user).into_iter().flatten() {
                let presence: Presence = serde_json::from_str(shown)?;
                let rank = presence.kind.rank();
                if best.as_ref().is_none_or(|(before, _, _)| *before <= rank) {
                    best = Some((rank, shown, presence));
                }
            }
            let (text, d) =
                best.map_or((None, Presence::of(PresenceKind::Offline)), |(_, text, presence)| (Some(text), presence));
            if self.shown.get(user).is_some_and(|shown| shown.as_ref() != text) {
                updates.push(PresenceUpdate { id: *user, d });
            }
        }
        show_all(tx, &self.shown, &updates).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;
    use crate::store::presences::shown_online;
    use crate::store::sessions::{self, NewSession};
    use crate::store::tests::{Bench, On};

    /// A store with users 1 to `users`, of the kind that many machines share.
    async fn bench(users: u64) -> Bench {
        let bench = Bench::new(On::Postgres).await;
        for user in 1..=users {
            let user = NewSession {
                id: Id::new(user).ok(),
                user: Fields::parse(r#"{"username":"a"}"#).unwrap(),
                expires_in: None,
            };
            sessions::create(&bench.store, user).await.unwrap();
        }
        bench
    }

    fn update(user: u64, kind: PresenceKind) -> PresenceUpdate {
        PresenceUpdate { id: Id::new(user).unwrap(), d: Presence::of(kind) }
    }

    /// Who was told of, and how each shows.
    async fn told(bench: &Bench) -> Vec<(u64, u64)> {
        let texts = bench.texts(0).await;
        let events = texts.iter().map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        events.map(|event| (event["id"].as_u64().unwrap(), event["d"]["type"].as_u64().unwrap())).collect()
    }

    #[tokio::test]
    async fn of_many_nodes_the_most_present_one_shows() {
        let bench = bench(1).await;
        let (a, b) = (begin(&bench.store, 0).await.unwrap(), begin(&bench.store, 1).await.unwrap());
        assert_eq!(all(&bench.store).await.unwrap(), [a, b]);
        for (run, kind) in [
            (a, PresenceKind::Online),
            (b, PresenceKind::Idle),
            (b, PresenceKind::DoNotDisturb),
            (a, PresenceKind::Idle),
            (b, PresenceKind::Online),
            (a, PresenceKind::Online),
            // The user moves from one to the other, and nobody hears of it.
            (b, PresenceKind::Offline),
            (a, PresenceKind::Offline),
            (a, PresenceKind::Offline),
        ] {
            assert_eq!(show(&bench.store, run, vec![update(1, kind)]).await, Ok(Written::Kept));
        }
        assert_eq!(told(&bench).await, [(1, 1), (1, 3), (1, 1), (1, 4)]);
    }

    #[tokio::test]
    async fn of_equals_the_newest_shows() {
        let bench = bench(1).await;
        let (a, b) = (begin(&bench.store, 0).await.unwrap(), begin(&bench.store, 1).await.unwrap());
        let saying = |text: &str| {
            let d = Presence { description: Some(text.to_owned()), ..Presence::of(PresenceKind::Online) };
            vec![PresenceUpdate { id: Id::new(1).unwrap(), d }]
        };
        for (run, text) in [(a, "one"), (b, "two"), (a, "three")] {
            show(&bench.store, run, saying(text)).await.unwrap();
        }
        end(&bench.store, a).await.unwrap();
        let texts = bench.texts(0).await;
        let said: Vec<_> = ["one", "two", "three", "two"].into_iter().collect();
        assert!(texts.iter().zip(&said).all(|(text, said)| text.contains(said)) && texts.len() == 4, "{texts:?}");
    }

    #[tokio::test]
    async fn who_was_at_a_node_that_died_goes_offline_once_unless_elsewhere() {
        let users = AT_ONCE as u64 + 30;
        let bench = bench(users).await;
        let (a, b) = (begin(&bench.store, 0).await.unwrap(), begin(&bench.store, 1).await.unwrap());
        let online = (1..=users).map(|user| update(user, PresenceKind::Online)).collect();
        show(&bench.store, a, online).await.unwrap();
        show(&bench.store, b, vec![update(7, PresenceKind::Online)]).await.unwrap();
        let before = bench.texts(0).await.len();
        // Two survivors at once.
        let (one, other) = tokio::join!(end(&bench.store, a), end(&bench.store, a));
        assert_eq!((one, other), (Ok(()), Ok(())));
        let gone: Vec<_> = told(&bench).await.split_off(before);
        let expected: Vec<_> = (1..=users).filter(|user| *user != 7).map(|user| (user, 4)).collect();
        assert_eq!(gone, expected);
        assert_eq!(shown_online(&bench.store).await.unwrap(), [Id::new(7).unwrap()]);
        // The node was not dead after all: it learns that its run is over.
        assert_eq!(show(&bench.store, a, vec![update(1, PresenceKind::Online)]).await, Ok(Written::Ended));
        assert_eq!(all(&bench.store).await.unwrap(), [b]);
        assert_eq!(told(&bench).await.len(), before + gone.len());
    }
}
