//! NATS and PostgreSQL as processes that belong to who started them: own folders, own ports, gone with their owner.

#![forbid(unsafe_code)]

mod engine;
mod fault;
mod folder;
mod nats;
mod port;
mod postgres;
mod process;
mod program;

pub use self::engine::Engine;
pub use self::fault::Fault;
pub use self::nats::Nats;
pub use self::postgres::{Certificate, Durability, Postgres};
pub use self::process::{Farewell, Process};
pub use self::program::{has_nats, has_postgres, nats_server};
pub use rustix::process::Signal;
