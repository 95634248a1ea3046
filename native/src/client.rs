//! A client of the gateway: it finds a server, identifies, follows the events, and comes back where it was.

mod network;
mod trust;

pub use self::network::ConnectError;
pub use self::trust::{Trust, TrustError};
