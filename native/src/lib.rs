//! Sanmon, a realtime gateway for chat platforms and bots: the server, and a client for Rust programs.

#![forbid(unsafe_code)]

pub mod causes;
pub mod client;
pub mod clock;
pub mod config;
mod doorway;
pub mod fields;
pub mod hub;
pub mod interactions;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod node;
pub mod origin;
pub mod peer;
pub mod routes;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod upgrade;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
