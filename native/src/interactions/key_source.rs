//! Where the public key comes from: given, or fetched once.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use sanmon_core::interaction::{ApplicationKey, Server};
use tracing::info;

use super::platform::{KeyError, Platform, Token};

/// Where the public key comes from.
pub(super) enum KeySource {
    /// The door has it.
    Given,
    /// The platform's REST API.
    Fetched(Fetch),
}

/// A key that is fetched at the first request.
pub(super) struct Fetch {
    platform: Platform,
    token: Token,
    done: OnceLock<()>,
    under_way: Mutex<Option<UnderWay>>,
}

/// A fetch whose outcome all who wait for it get.
#[derive(Clone)]
struct UnderWay(Shared<BoxFuture<'static, Result<ApplicationKey, KeyError>>>);

impl Fetch {
    pub(super) fn new(platform: Platform, token: Token) -> Self {
        Self { platform, token, done: OnceLock::new(), under_way: Mutex::default() }
    }

    /// Gives the door its key. Requests that come meanwhile share one fetch; the first one after a failed fetch tries
    /// again.
    async fn ensure(&self, door: &Server) -> Result<(), KeyError> {
        if self.done.get().is_some() {
            return Ok(());
        }
        let fetch = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            match &*under_way {
                Some(fetch) if fetch.0.peek().is_none() => fetch.clone(),
                _ => under_way.insert(self.begin()).clone(),
            }
        };
        let key = fetch.0.await?;
        if self.done.set(()).is_ok() {
            info!("fetched the application's public key");
        }
        door.set_keys(vec![key]);
        Ok(())
    }

    /// A fetch that goes on even if the request ends that began it.
    fn begin(&self) -> UnderWay {
        let (platform, token) = (self.platform.clone(), self.token.clone());
        let task = tokio::spawn(async move { platform.key(&token).await });
        let key = async move { task.await.unwrap_or_else(|error| Err(KeyError::Unreachable(error.to_string()))) };
        UnderWay(key.boxed().shared())
    }
}

impl KeySource {
    pub(super) async fn ensure(&self, door: &Server) -> Result<(), KeyError> {
        match self {
            Self::Given => Ok(()),
            Self::Fetched(fetch) => fetch.ensure(door).await,
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "Given",
            Self::Fetched(_) => "Fetched",
        })
    }
}
