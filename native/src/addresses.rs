//! How many connections each address has, with a cap for one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections by address. An address without any takes no memory.
#[derive(Debug)]
pub(crate) struct Addresses {
    max: u32,
    counts: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection of an address; it no longer counts when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// No connections, of which one address may have `max`.
    pub(crate) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { max, counts: Mutex::default() })
    }

    /// A place for one more connection from `address`, if it may have one.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut counts = self.lock();
        let count = counts.get(&address).copied().unwrap_or_default();
        if count >= self.max {
            return None;
        }
        counts.insert(address, count + 1);
        Some(Place { addresses: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The address whose it is.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_and_nothing_is_left_of_them() {
        let addresses = Addresses::new(2);
        let admit = |address: &str| addresses.admit(address.parse().unwrap());
        let first = admit("10.0.0.1").unwrap();
        let second = admit("::ffff:10.0.0.1").unwrap();
        assert!(admit("10.0.0.1").is_none());
        let other = admit("10.0.0.2").unwrap();
        drop(first);
        let third = admit("10.0.0.1").unwrap();
        assert!(admit("10.0.0.1").is_none());
        drop((second, third, other));
        assert!(addresses.lock().is_empty());
    }
}
