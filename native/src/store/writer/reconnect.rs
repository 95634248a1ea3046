//! Connecting anew to a server that went away, beside whatever else the writer does.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::time::sleep;

use crate::store::engine::Engine;
use crate::store::error::StoreError;

/// How often it is tried.
const EVERY: Duration = Duration::from_millis(100);

/// A server that is tried until it is back.
pub(crate) struct Reconnect {
    tries: BoxFuture<'static, AnyConnection>,
    failed: Arc<Mutex<StoreError>>,
}

impl Reconnect {
    /// Tries the server of this engine, as long as this is polled.
    pub(super) fn to(engine: Engine) -> Self {
        let failed = Arc::new(Mutex::new(StoreError::Unavailable("the database does not answer".into())));
        let tries = {
            let failed = Arc::clone(&failed);
            async move {
                loop {
                    match engine.writer().await {
                        Ok(conn) => return conn,
                        Err(error) => *failed.lock().unwrap_or_else(PoisonError::into_inner) = error,
                    }
                    sleep(EVERY).await;
                }
            }
        };
        Self { tries: Box::pin(tries), failed }
    }

    /// The connection, once there is one: then this is at its end.
    pub(super) async fn connection(&mut self) -> AnyConnection {
        (&mut self.tries).await
    }

    /// What the last try came to.
    pub(super) fn failed(&self) -> StoreError {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The connection to a server that is away, once it is back; never to one that is not away.
pub(super) async fn back(away: &mut Option<Reconnect>) -> AnyConnection {
    match away {
        Some(away) => away.connection().await,
        None => pending().await,
    }
}
