//! Presences: what a user chose, and what others see.

use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use sanmon_core::event::{Envelope, Presence, PresenceKind, PresenceUpdate};
use sanmon_core::id::Id;
use sqlx::{AnyConnection, Row};

use super::error::{Refusal, StoreError};
use super::tx::Tx;
use super::{Store, objects, users};

/// Presences that one transaction shows.
const AT_ONCE: usize = 500;

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
    let mut rest = updates.into_iter();
    loop {
        // A few at a time, so that others get their turn at the writer.
        let some: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return Ok(());
        }
        store
            .write(move |tx| {
                Box::pin(async move {
                    for update in some {
                        show_one(tx, update).await?;
                    }
                    Ok(())
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

async fn show_one(tx: &mut Tx, update: PresenceUpdate) -> Result<(), StoreError> {
    let PresenceUpdate { id: user, d } = update;
    let shown = match d.kind {
        PresenceKind::Offline => None,
        _ => Some(serde_json::to_string(&d)?),
    };
    let kept = sqlx::query(
        "INSERT INTO presences (user_id, shown) SELECT id, $1 FROM users WHERE id = $2 \
         ON CONFLICT (user_id) DO UPDATE SET shown = excluded.shown",
    )
    .bind(shown)
    .bind(user.as_i64())
    .execute(tx.conn())
    .await?;
    if kept.rows_affected() == 0 {
        return Ok(());
    }
    let guilds = users::guilds_of(tx.conn(), user).await?;
    let event = Envelope::new("PRESENCE_UPDATE".parse().expect("a valid name"))
        .with("id", serde_json::value::to_raw_value(&user)?)
        .with_d(&d);
    tx.emit(Draft::new(event, Audience::UserAndGuilds { user, guilds }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;
    use crate::store::sessions::{self, NewSession};
    use crate::store::tests::Bench;

    async fn chosen_of(store: &Store, user: Id) -> Result<Option<Presence>, StoreError> {
        chosen(&mut *store.read().await?, user).await
    }

    #[tokio::test]
    async fn what_is_shown_is_kept_and_told() {
        let bench = Bench::new().await;
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
        assert_eq!(shown_online(&bench.store).await.unwrap(), [user]);
        let offline = PresenceUpdate { id: user, d: Presence::of(PresenceKind::Offline) };
        show(&bench.store, vec![offline]).await.unwrap();
        assert_eq!(shown_online(&bench.store).await.unwrap(), []);
        assert_eq!(chosen_of(&bench.store, user).await.unwrap(), Some(idle));
        let texts = bench.texts(0);
        assert!(texts[0].contains(r#""id":7,"d":{"type":2,"description":"tea"}"#), "{texts:?}");
        assert!(texts[1].contains(r#""id":7,"d":{"type":4}"#), "{texts:?}");
        assert_eq!(texts.len(), 2);
    }
}
