//! The protocol of Sanmon, a realtime gateway, without any I/O.

#![forbid(unsafe_code)]

pub mod audience;
pub mod codec;
pub mod entry;
pub mod event;
pub mod gateway;
pub mod history;
pub mod id;
pub mod interaction;
pub mod time;
#[cfg(feature = "types")]
mod typescript;

#[cfg(test)]
mod vectors;
