//! Signed interactions over HTTP (protocol, section 10): verify, age, parse, in that order and only there.
//!
//! [`Server::accept`] takes a request as bytes and says what is to be done with it. Whoever answers an interaction does
//! so by a [`Response`](response::Response) of its kind, and tells [`Server::handle_answered`].

mod answer;
mod answers;
mod keypair;
pub mod kind;
pub mod model;
mod rejection;
mod request;
pub mod response;
mod seen;
mod server;
#[cfg(feature = "types")]
mod types;
#[cfg(test)]
mod vectors;
mod verify;

pub use self::answer::Answer;
pub use self::answers::{Admission, Ticket};
pub use self::keypair::{Keypair, ZeroSeed};
pub use self::rejection::{Rejection, SignatureFault};
pub use self::request::{Head, Request, Signed};
pub use self::server::{Accepted, Config, MAX_TRIES, Opened, Server};
#[cfg(feature = "types")]
pub use self::types::typescript;
pub use self::verify::{ApplicationKey, InvalidKey, public_key_from_hex};
