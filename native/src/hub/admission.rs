//! How many connections there may be: on the node, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::config::Config;

/// Counts connections and refuses those beyond the caps.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    max_per_address: u32,
    open: AtomicUsize,
    is_shut: AtomicBool,
    emptied: Notify,
    addresses: Mutex<HashMap<IpAddr, u32>>,
}

/// The right to one connection; its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoom {
    /// The node has as many connections as it may have, or takes none since it drains.
    #[error("this node takes no more connections")]
    Node,
    /// The address has as many connections as one may have.
    #[error("too many connections from this address")]
    Address,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            max: config.max_connections as usize,
            max_per_address: config.max_connections_per_address,
            open: AtomicUsize::new(0),
            is_shut: AtomicBool::new(false),
            emptied: Notify::new(),
            addresses: Mutex::default(),
        })
    }

    /// Takes a place for a connection from `address`; unix sockets have none and count for the node alone.
    pub(super) fn admit(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Ticket, NoRoom> {
        let address = address.map(|address| address.to_canonical());
        let taken = self.open.fetch_add(1, Ordering::SeqCst);
        if taken >= self.max || self.is_shut.load(Ordering::SeqCst) {
            self.give_back();
            return Err(NoRoom::Node);
        }
        if let Some(address) = address {
            let mut addresses = self.lock();
            let count = addresses.entry(address).or_default();
            if *count >= self.max_per_address {
                drop(addresses);
                self.give_back();
                return Err(NoRoom::Address);
            }
            *count += 1;
        }
        Ok(Ticket { admission: self.clone(), address })
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(super) fn has_room(&self) -> bool {
        self.open() < self.max && !self.is_shut.load(Ordering::SeqCst)
    }

    /// From here on there is no room.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    /// Waits until there are no connections.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.open() == 0 {
                return;
            }
            emptied.await;
        }
    }

    fn give_back(&self) {
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.emptied.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            let mut addresses = self.admission.lock();
            if let Some(count) = addresses.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&address);
                }
            }
        }
        self.admission.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back() {
        let config = Config { max_connections: 3, max_connections_per_address: 2, ..Config::default() };
        let admission = Admission::new(&config);
        let (one, mapped, two) = ("10.0.0.1".parse().ok(), "::ffff:10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        let first = admission.admit(one).unwrap();
        let _second = admission.admit(mapped).unwrap();
        assert_eq!(admission.admit(one).unwrap_err(), NoRoom::Address);
        let _third = admission.admit(two).unwrap();
        assert!(!admission.has_room());
        assert_eq!(admission.admit(None).unwrap_err(), NoRoom::Node);
        drop(first);
        let _again = admission.admit(one).unwrap();
        assert_eq!(admission.open(), 3);
    }
}
