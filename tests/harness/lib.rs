//! What the end to end tests share: the real server on a free port, clients that see everything, certificates.

mod api;
mod binary;
mod cluster;
pub mod faults;
mod proxy;
mod raw;
mod server;
mod socket;
mod tls;

pub use self::api::{Answer, Api};
pub use self::binary::{python, sanmon, workspace};
pub use self::cluster::Cluster;
pub use self::proxy::{Proxy, Weather};
pub use self::raw::{Opcode, RawFrame, RawSocket};
pub use self::server::{Server, Setup, User, sanmon_command};
pub use self::socket::{Closed, Encoding, Frame, Io, Socket};
pub use self::tls::Authority;

/// How long a test waits for one thing before it fails: long, since it only delays a failure.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Waits for `work`, and fails the test with `what` when it takes longer than [`PATIENCE`].
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}
