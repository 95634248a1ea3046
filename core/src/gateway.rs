//! The gateway's protocol: what the two ends of a connection say to one another, and in which order.
//!
//! Every machine in here has the same three moves: `handle_*(now, input)` pushes, `poll_output()` pulls one of a single
//! output enum that the driver matches exhaustively, `deadline()` says when to call `handle_timeout(now)`. A peer's fault
//! is an output (a close), never a panic.

mod backoff;
mod catch_up;
mod client;
mod close;
mod keep_alive;
mod limits;
mod presences;
mod send_queue;
mod session;

pub use self::backoff::Backoff;
pub use self::catch_up::{CatchUp, CatchUpLimits, CatchUpStep, Lagged, Recent};
pub use self::client::{Client, ClientOptions, ClientOutput, ClientState, EndReason, Incoming, Kind};
pub use self::close::{Advice, CODES, Close, Code, Reason, Row};
pub use self::limits::{Allowance, Limits, RateLimited, RateWindow};
pub use self::presences::{CROWD, Device, PresenceOutput, PresenceTimes, Presences, is_told};
pub use self::send_queue::{Lane, Overflow, QueueLimits, SendQueue};
pub use self::session::{Fault, Principal, Session, SessionOutput, Welcome};
