//! The tables, and the numbered migrations that make them.

use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Brings the tables up to date; what was done already is left alone.
pub(super) async fn migrate(conn: &mut AnyConnection) -> Result<(), MigrateError> {
    MIGRATIONS.run(conn).await
}
