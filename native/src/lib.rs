//! Sanmon, a realtime gateway for chat platforms and bots: the server, and a client for Rust programs.
//!
//! | module | for whom |
//! | --- | --- |
//! | [`client`] | programs that follow the events of a gateway |
//! | [`interactions`] | bots that take the platform's signed interactions over HTTP |
//! | [`server`] | programs that run a node themselves, as `sanmon serve` does |
//! | [`config`], [`telemetry`] | the settings of such a node; log lines as the program writes them |
//!
//! Events, ids and interactions are types of [`sanmon_core`].
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use sanmon::client::{Client, Update};
//! use sanmon::config::Config;
//! use sanmon::server::Server;
//!
//! # async fn example(session_id: String) -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(Config::default()).await?;
//!
//! let mut client = Client::builder(server.public_url()).session(session_id).connect()?;
//! while let Some(update) = client.next().await {
//!     if let Update::Event(event) = update {
//!         println!("{} {}", event.t(), event.to_json());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Sessions, guilds and events are made over the server's HTTP API, by any HTTP client with the operator key, or by the
//! command `sanmon`. All of it runs on a multi-threaded tokio runtime.

#![forbid(unsafe_code)]

mod addresses;
mod causes;
#[doc(hidden)]
pub mod cli;
pub mod client;
mod clock;
mod cluster;
pub mod config;
mod disk;
mod doorway;
mod failures;
mod fields;
mod headers;
mod hub;
pub mod interactions;
mod listen;
mod log;
mod metrics;
mod nats;
mod node;
mod origin;
mod peer;
mod routes;
pub mod server;
mod store;
mod tally;
pub mod telemetry;
mod tls;
mod upgrade;

pub use sanmon_core;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
