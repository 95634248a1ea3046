//! The tables, and the numbered migrations that make them.

use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migrator};

use super::engine::Engine;

static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");

static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// Brings the tables up to date; what was done already is left alone. Nodes that start together wait for each other.
pub(super) async fn migrate(engine: &Engine, conn: &mut AnyConnection) -> Result<(), MigrateError> {
    match engine {
        Engine::Sqlite(_) => SQLITE.run(conn).await,
        Engine::Postgres(_) => POSTGRES.run(conn).await,
    }
}
