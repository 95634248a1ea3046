//! A client of the gateway: it finds a server, identifies, follows the events, and comes back where it was.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sanmon::client::{Client, Update};
//!
//! # async fn example(session_id: String) -> Result<(), sanmon::client::ConnectError> {
//! let mut client = Client::builder("https://chat.example").session(session_id).connect()?;
//! while let Some(update) = client.next().await {
//!     match update {
//!         Update::Event(event) => println!("{} {}", event.t(), event.to_json()),
//!         Update::Reset => println!("what is known is outdated; a READY and all guilds follow"),
//!         Update::Ended(reason) => println!("over: {reason}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod builder;
mod driver;
mod network;
mod sleep;
mod trust;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use sanmon_core::event::{Envelope, Presence};
pub use sanmon_core::gateway::{ClientState, EndReason};
use tokio::sync::mpsc;

pub use self::builder::Builder;
use self::driver::Command;
pub use self::network::ConnectError;
pub use self::trust::{Trust, TrustError};

/// A client of the gateway, over any number of connections: a stream of what happens.
///
/// Each event comes once and in order, or [`Update::Reset`] says that this could not be. A client that is not read stops
/// reading its socket; one that is dropped closes its connection.
#[derive(Debug)]
pub struct Client {
    updates: mpsc::Receiver<Update>,
    commands: mpsc::Sender<Command>,
}

/// What happens to a client.
#[derive(Debug)]
#[non_exhaustive]
pub enum Update {
    /// An event, READY and GUILD_INIT among them.
    Event(Envelope),
    /// Some events could not be delivered. The READY and the GUILD_INITs that follow replace all that is known.
    Reset,
    /// How far the client is.
    State(ClientState),
    /// No server was found, or it could not be reached. It is tried again.
    Trouble(ConnectError),
    /// It is over. The last update.
    Ended(EndReason),
}

/// The client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client has ended")]
pub struct Ended;

impl Client {
    /// A client of the server at `url`: `https://` or `http://` to let its API name the gateway, `wss://` or `ws://` for a
    /// gateway itself.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    /// Chooses how the user shows, on this connection and on every later one.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn set_presence(&self, presence: Presence) -> Result<(), Ended> {
        self.commands.send(Command::Presence(Box::new(presence))).await.map_err(|_| Ended)
    }

    /// The machine woke up, or its network is another: the link is doubted, and what was waited for is tried now. That the machine
    /// slept is noticed by itself, within five seconds.
    pub async fn wake(&self) {
        // Who has ended does not wake.
        let _ = self.commands.send(Command::Wake).await;
    }

    /// Ends the client. What was already received can still be read, [`Update::Ended`] last.
    pub async fn close(&self) {
        // Who has ended needs no telling.
        let _ = self.commands.send(Command::Stop).await;
    }
}

impl Stream for Client {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        self.updates.poll_recv(cx)
    }
}
