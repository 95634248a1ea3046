//! Session ids and operator keys that were none, counted by the address that showed them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sanmon_core::gateway::{RateLimited, RateWindow};
use sanmon_core::time::Moment;
use tokio::sync::Semaphore;

/// What failures are counted in.
const MINUTE: Duration = Duration::from_secs(60);
/// Addresses that are counted one by one; more of them share a count.
const MAX_ADDRESSES: usize = 16_384;
/// Questions of suspects that are answered at the same time.
const SUSPECTS_AT_ONCE: usize = 2;

/// Counts failures of each address in a minute.
///
/// What is shown is 256 random bits: no rate of guessing finds one. What failures cost is a question to the database each,
/// so an address with too many of them becomes a suspect: its failures are answered by telling it to stay away, and its
/// questions wait in a narrow queue of their own, where they are in nobody else's way. A secret that is right is never
/// refused, since behind the same address may be a thousand others who did nothing.
#[derive(Debug)]
pub(crate) struct Failures {
    limit: u32,
    table: Mutex<Table>,
    queue: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Table {
    windows: HashMap<IpAddr, RateWindow>,
    /// Of all addresses for which there was no room.
    others: RateWindow,
    swept: Moment,
}

impl Failures {
    /// Counts up to `limit` failures of an address in a minute.
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, table: Mutex::default(), queue: Arc::new(Semaphore::new(SUSPECTS_AT_ONCE)) }
    }

    /// Counts a failure of this address. Unix sockets have none, and are not counted.
    ///
    /// # Errors
    /// There were too many; it is to stay away so long.
    pub(crate) fn count(&self, now: Moment, address: Option<IpAddr>) -> Result<(), RateLimited> {
        let Some(address) = address.map(network) else { return Ok(()) };
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.window(now, address).take(now, self.limit, MINUTE).map(drop)
    }

    /// The queue in which questions of this address have to wait, if it is a suspect.
    pub(crate) fn queue(&self, now: Moment, address: Option<IpAddr>) -> Option<Arc<Semaphore>> {
        let address = network(address?);
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Taking from a copy changes nothing.
        let mut window = *table.windows.get(&address)?;
        window.take(now, self.limit, MINUTE).is_err().then(|| Arc::clone(&self.queue))
    }
}

impl Table {
    fn window(&mut self, now: Moment, address: IpAddr) -> &mut RateWindow {
        if self.windows.len() >= MAX_ADDRESSES && now.since(self.swept) >= Duration::from_secs(1) {
            self.swept = now;
            self.windows.retain(|_, window| !window.is_over(now, MINUTE));
        }
        if self.windows.len() >= MAX_ADDRESSES && !self.windows.contains_key(&address) {
            return &mut self.others;
        }
        self.windows.entry(address).or_default()
    }
}

/// What one subscriber has of addresses: one of IPv4, and 2^64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Moment {
        Moment::from_millis(second * 1_000)
    }

    #[test]
    fn an_address_with_too_many_failures_is_told_to_stay_away_for_the_rest_of_the_minute() {
        let failures = Failures::new(2);
        let (one, other) = ("10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        for mapped in ["10.0.0.1", "::ffff:10.0.0.1"] {
            assert!(failures.queue(at(0), one).is_none());
            assert_eq!(failures.count(at(0), mapped.parse().ok()), Ok(()));
        }
        assert_eq!(failures.count(at(20), one).unwrap_err().wait, Duration::from_secs(40));
        assert!(failures.queue(at(20), one).is_some() && failures.queue(at(20), other).is_none());
        assert_eq!(failures.count(at(20), other), Ok(()));
        assert!(failures.queue(at(60), one).is_none());
        assert_eq!(failures.count(at(60), one), Ok(()));
        for _ in 0..5 {
            assert_eq!(failures.count(at(60), None), Ok(()));
        }
    }

    #[test]
    fn a_subscriber_has_one_count_for_all_its_addresses_and_the_table_is_bounded() {
        let failures = Failures::new(1);
        assert_eq!(failures.count(at(0), "2001:db8::1".parse().ok()), Ok(()));
        assert!(failures.count(at(0), "2001:db8::ffff:2".parse().ok()).is_err());
        for number in 0..(2 * MAX_ADDRESSES as u32) {
            let _ = failures.count(at(1), Some(IpAddr::V4(number.into())));
        }
        assert_eq!(failures.table.lock().unwrap().windows.len(), MAX_ADDRESSES);
        assert!(failures.count(at(2), "2001:db8:1::".parse().ok()).is_err(), "the others share one count");
        assert_eq!(failures.count(at(90), "2001:db8:1::".parse().ok()), Ok(()));
        assert_eq!(failures.table.lock().unwrap().windows.len(), 1);
    }
}
