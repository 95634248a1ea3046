//! What is particular to PostgreSQL: its version, how connections are set up, and how long anything may take.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Row};

use super::error::{ServerError, StoreError};
use crate::config::ServerUrl;

/// The oldest version that is served.
const OLDEST: i64 = 140_000;

/// How long a start waits for a server that can't be reached: long enough for one that starts beside this node.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it waits between two attempts.
const START_PAUSE: Duration = Duration::from_millis(250);

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a reader waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a statement of the writer may take that holds up every other node: longer than the server's own bounds, for when
/// nothing is heard of the server any more.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);

/// After how long without use a connection is tried before it is used.
const STALE: Duration = Duration::from_secs(1);

/// Connections of one node that read.
const READERS: u32 = 16;

/// How many of them may be taken by snapshots, which wait for the log.
pub(super) const SNAPSHOTS: usize = 12;

/// A node that hangs in a transaction must not stop the others.
const SET_UP_WRITER: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '10s'; SET synchronous_commit = on; \
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// Begins a transaction that writes, once no other does, says the log's state, and sets the savepoint that the writer takes a
/// change back to. In one go: all other nodes wait meanwhile.
pub(super) const BEGIN_WRITE: &str = "BEGIN; SELECT last_seq, last_id FROM log_state FOR UPDATE; SAVEPOINT change";

/// One transaction reads one snapshot, as it does in SQLite.
const SET_UP_READER: &str = "SET statement_timeout = '10s'; SET idle_in_transaction_session_timeout = '30s'; \
    SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// A PostgreSQL server and a database in it.
#[derive(Clone)]
pub(super) struct Server {
    options: AnyConnectOptions,
    /// The same without the password.
    shown: String,
}

impl Server {
    /// The database that the URL names.
    pub(super) fn at(url: &ServerUrl) -> Result<Self, ServerError> {
        sqlx::any::install_default_drivers();
        let shown = url.to_string();
        let options = AnyConnectOptions::from_str(url.secret())
            .map_err(|error| ServerError::Url { server: shown.clone(), reason: error.to_string() })?;
        Ok(Self { options: options.disable_statement_logging(), shown })
    }

    /// Where it is, without the password.
    pub(super) fn shown(&self) -> String {
        self.shown.clone()
    }

    /// A connection that writes.
    pub(super) async fn writer(&self) -> Result<AnyConnection, StoreError> {
        bounded(CONNECT_TIMEOUT, async { Ok(self.connect().await?) }).await
    }

    /// The first such connection. A server that can't be reached yet is waited for; one that refuses this node is not.
    pub(super) async fn first_writer(&self) -> Result<AnyConnection, ServerError> {
        let unreachable = |reason| ServerError::Unreachable { server: self.shown(), reason };
        let mut last = None;
        let connecting = async {
            loop {
                let reason = match tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await {
                    Ok(Ok(conn)) => return Ok(conn),
                    Ok(Err(error)) if !may_pass(&error) => return Err(unreachable(error.to_string())),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
                };
                if last.is_none() {
                    tracing::warn!(%reason, server = self.shown, "PostgreSQL can't be reached yet");
                }
                last = Some(reason);
                tokio::time::sleep(START_PAUSE).await;
            }
        };
        match tokio::time::timeout(START_TIMEOUT, connecting).await {
            Ok(done) => done,
            Err(_) => {
                let last = last.unwrap_or_else(|| "no answer".to_owned());
                Err(unreachable(format!("{last}, after trying for {} s", START_TIMEOUT.as_secs())))
            }
        }
    }

    async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut conn = self.options.connect().await?;
        sqlx::raw_sql(SET_UP_WRITER).execute(&mut conn).await?;
        Ok(conn)
    }

    /// Connections that only read.
    pub(super) fn readers(&self) -> AnyPool {
        AnyPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|conn, about| {
                Box::pin(async move {
                    // After a restart of the server all that were idle are broken: those are made anew, unseen.
                    Ok(about.idle_for < STALE || bounded(CONNECT_TIMEOUT, ping(conn)).await.is_ok())
                })
            })
            .after_connect(|conn, _| {
                Box::pin(async move {
                    sqlx::raw_sql(SET_UP_READER).execute(&mut *conn).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(self.options.clone())
    }

    /// Refuses a server that is too old.
    pub(super) async fn check_version(&self, conn: &mut AnyConnection) -> Result<(), ServerError> {
        let failed = |error: StoreError| ServerError::Unreachable { server: self.shown(), reason: error.to_string() };
        let row = sqlx::query(
            "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_version')",
        )
        .fetch_one(conn)
        .await
        .map_err(|error| failed(error.into()))?;
        let number: i64 = row.try_get(0).map_err(|error| failed(error.into()))?;
        if number >= OLDEST {
            return Ok(());
        }
        let version = row.try_get(1).map_err(|error| failed(error.into()))?;
        Err(ServerError::TooOld { server: self.shown(), version })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.shown).finish()
    }
}

/// Whether the same attempt may succeed a little later: nobody listens there yet, or a server that starts, stops or is full.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => !error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| ["08", "53", "57"].iter().any(|class| code.starts_with(class)))
        }
        // What sqlx makes of a connection that was closed instead of answered: the octet that it never got.
        sqlx::Error::Protocol(what) => what.contains("SSLRequest: 0x00"),
        _ => false,
    }
}

async fn ping(conn: &mut AnyConnection) -> Result<(), StoreError> {
    Ok(conn.ping().await?)
}

/// What this does, unless it takes longer than it may.
pub(super) async fn bounded<T>(
    time: Duration,
    doing: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    match tokio::time::timeout(time, doing).await {
        Ok(done) => done,
        Err(_) => Err(StoreError::Unavailable(format!("the database did not answer within {} s", time.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_that_is_closed_unanswered_is_tried_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://sanmon@{}/sanmon", listener.local_addr().unwrap());
        let server = Server::at(&url.parse().unwrap()).unwrap();
        let closes = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = [0; 8];
            tokio::io::AsyncReadExt::read_exact(&mut socket, &mut asked).await.unwrap();
        };
        let (refused, ()) = tokio::join!(server.connect(), closes);
        let error = refused.unwrap_err();
        assert!(may_pass(&error), "{error}");
    }
}
