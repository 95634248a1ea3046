//! Sanmon from the outside: the real program, real sockets, one module a behaviour.

mod browsers;
mod caps;
mod command_line;
mod data_folder;
mod discovery;
mod drain;
mod durability;
mod events;
mod guilds;
mod http_errors;
mod identify;
mod interactions;
mod keep_alive;
mod metrics;
mod openapi;
mod presence;
mod rate_limits;
mod readme;
mod resume;
mod rust_client;
mod seed_client;
mod slow_consumer;
mod tidy;
mod tls;
mod unix_sockets;
mod websocket;
