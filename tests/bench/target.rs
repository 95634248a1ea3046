//! A server that is measured, as the load generator needs to know it.

use std::net::SocketAddr;

use harness::{Authority, Server};

use crate::generator::{Dialect, Load, Pick, Request};

/// A server that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) dialect: Dialect,
    /// The authority (PEM) that clients trust, if it speaks TLS.
    pub(crate) authority: Option<String>,
    /// What a publisher shows.
    authorization: String,
}

impl Target {
    pub(crate) fn new(name: &'static str, address: SocketAddr, pid: u32, dialect: Dialect) -> Self {
        Self { name, address, pid, dialect, authority: None, authorization: String::new() }
    }

    pub(crate) fn of(server: &Server) -> Self {
        let authorization = format!("Bearer {}", server.key());
        Self { authorization, ..Self::new("Sanmon", server.address(), server.pid(), Dialect::Sanmon) }
    }

    /// The same, reached by TLS under this authority.
    pub(crate) fn trusting(self, authority: &Authority) -> Self {
        Self { authority: Some(authority.pem().to_owned()), ..self }
    }

    /// Any one of these requests, so many events under way at once, as fast as they arrive.
    pub(crate) fn load(&self, requests: Vec<Request>, in_flight: u64, millis: u64) -> Load {
        let authorization = self.authorization.clone();
        Load { pid: self.pid, requests, pick: Pick::Random, in_flight, pace: None, millis, authorization }
    }
}
