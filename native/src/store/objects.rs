//! What guilds, channels and invites have in common: fields that the platform makes up, within bounds.

use sanmon_core::event::Envelope;
use sanmon_core::id::Id;
use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Refusal, StoreError};
use crate::fields::Fields;

/// The longest `name`, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 100;
/// The longest `description`, in characters.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 4_000;
/// The largest stored object as JSON text: every member gets it whole with each change.
pub(crate) const MAX_OBJECT_BYTES: usize = 64 << 10;

/// What the objects of one kind must look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Fields that Sanmon itself sets.
    pub(super) reserved: &'static [&'static str],
}

impl Shape {
    /// Checks the fields of an object that is to be made.
    pub(super) fn check_new(&self, fields: &Fields) -> Result<(), Refusal> {
        if fields.get("name").is_none() {
            return Err(Refusal::invalid("`name`: this field is missing"));
        }
        self.check_patch(fields)
    }

    /// Checks fields that are to be laid over an object.
    pub(super) fn check_patch(&self, fields: &Fields) -> Result<(), Refusal> {
        if let Some(name) = fields.names().find(|name| self.reserved.contains(name)) {
            return Err(Refusal::invalid(format!("`{name}`: this field can't be set here")));
        }
        if fields.get("name").is_some() {
            let name = read::<String>(fields, "name")?.unwrap_or_default();
            if name.trim().is_empty() || name.chars().count() > MAX_NAME_CHARS {
                let message = format!("`name`: a name has 1 to {MAX_NAME_CHARS} characters, and not only spaces");
                return Err(Refusal::invalid(message));
            }
        }
        match read::<String>(fields, "description")? {
            Some(text) if text.chars().count() > MAX_DESCRIPTION_CHARS => Err(Refusal::invalid(format!(
                "`description`: a description has at most {MAX_DESCRIPTION_CHARS} characters"
            ))),
            _ => Ok(()),
        }
    }
}

/// What a field of an object holds, if anything.
pub(super) fn read<T: serde::de::DeserializeOwned>(fields: &Fields, name: &str) -> Result<Option<T>, Refusal> {
    fields.read(name).map_err(|error| {
        let text = error.to_string();
        let fault = text.rsplit_once(" at line ").map_or(text.as_str(), |(fault, _)| fault);
        Refusal::invalid(format!("`{name}`: {fault}"))
    })
}

/// The text under which an object is stored, if it is not too large.
pub(super) fn stored(fields: &Fields) -> Result<String, Refusal> {
    let text: String = Box::<str>::from(fields.to_raw()).into();
    if text.len() <= MAX_OBJECT_BYTES {
        return Ok(text);
    }
    Err(Refusal::invalid(format!("the object would be larger than {MAX_OBJECT_BYTES} bytes")))
}

/// An event of this name, whose `d` is `payload`.
pub(super) fn event(name: &str, payload: &impl Serialize) -> Envelope {
    Envelope::new(name.parse().expect("the names of the table are valid")).with_d(payload)
}

/// The id in a column.
pub(super) fn id_of(row: &AnyRow, column: usize) -> Result<Id, StoreError> {
    let number: i64 = row.try_get(column)?;
    Id::try_from(number)
        .map_err(|error| StoreError::Unavailable(format!("the database holds an id that is none: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { reserved: &["id"] };

    fn new(text: &str) -> Result<(), String> {
        SHAPE.check_new(&Fields::parse(text).unwrap()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_name_is_needed_and_bounded() {
        assert_eq!(new(r#"{"name":"a","colour":[1.50]}"#), Ok(()));
        assert_eq!(new(&format!(r#"{{"name":"{}"}}"#, "ä".repeat(MAX_NAME_CHARS))), Ok(()));
        for (text, field) in [
            (r#"{}"#, "`name`"),
            (r#"{"name":null}"#, "`name`"),
            (r#"{"name":5}"#, "`name`"),
            (r#"{"name":" "}"#, "`name`"),
            (&format!(r#"{{"name":"{}"}}"#, "a".repeat(MAX_NAME_CHARS + 1)), "`name`"),
            (r#"{"name":"a","id":5}"#, "`id`"),
            (r#"{"name":"a","description":{}}"#, "`description`"),
        ] {
            let message = new(text).unwrap_err();
            assert!(message.starts_with(field), "{text}: {message}");
        }
    }

    #[test]
    fn a_patch_needs_no_name_but_takes_none_away() {
        let patch = |text: &str| SHAPE.check_patch(&Fields::parse(text).unwrap());
        assert!(patch("{}").is_ok());
        assert!(patch(r#"{"description":null}"#).is_ok());
        assert!(patch(r#"{"name":null}"#).is_err());
    }
}

/// A store with users, for the tests of guilds and what is in them.
#[cfg(test)]
pub(super) mod bench {
    use std::ops::Deref;

    use super::super::guilds::{self, Caps};
    use super::super::members;
    use super::super::tests::{Bench, On};
    use super::*;

    pub(in crate::store) const CAPS: Caps =
        Caps { guilds_per_user: 3, members_per_guild: 3, channels_per_guild: 3, invites_per_guild: 3 };

    pub(in crate::store) struct Platform(Bench);

    pub(in crate::store) fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    pub(in crate::store) fn fields(text: &str) -> Fields {
        Fields::parse(text).unwrap()
    }

    impl Platform {
        /// A store with these users.
        pub(in crate::store) async fn new(on: On, users: &[i64]) -> Self {
            let platform = Self(Bench::new(on).await);
            let users = users.to_vec();
            let insert = platform.store.write(move |tx| {
                Box::pin(async move {
                    for user in users {
                        sqlx::query("INSERT INTO users (id, data) VALUES ($1, $2)")
                            .bind(user)
                            .bind(format!(r#"{{"id":{user},"username":"u{user}","z":1.50}}"#))
                            .execute(tx.conn())
                            .await?;
                    }
                    Ok(())
                })
            });
            insert.await.unwrap();
            platform
        }

        /// A guild of `owner` with these other members.
        pub(in crate::store) async fn guild_of(&self, owner: u64, others: &[u64]) -> Id {
            let guild = guilds::create(&self.store, CAPS, id(owner), None, fields(r#"{"name":"g"}"#)).await.unwrap();
            let guild = guild.read("id").unwrap().unwrap();
            for other in others {
                members::add(&self.store, CAPS, guild, id(*other)).await.unwrap();
            }
            guild
        }

        /// The store alone.
        pub(in crate::store) fn into_bench(self) -> Bench {
            self.0
        }

        /// Runs a statement.
        pub(in crate::store) async fn run(&self, sql: &'static str) {
            let run = self.store.write(move |tx| {
                Box::pin(async move {
                    sqlx::query(sql).execute(tx.conn()).await?;
                    Ok(())
                })
            });
            run.await.unwrap();
        }

        /// The names of all events so far.
        pub(in crate::store) async fn names(&self) -> Vec<String> {
            let name = |text: &str| text.parse::<Envelope>().unwrap().t().to_string();
            self.texts(0).await.iter().map(|text| name(text)).collect()
        }
    }

    impl Deref for Platform {
        type Target = Bench;

        fn deref(&self) -> &Bench {
            &self.0
        }
    }
}
