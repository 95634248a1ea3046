//! Signed interactions over HTTP (protocol, section 10): verify, age, parse, in that order and only there.

pub mod kind;
pub mod model;
