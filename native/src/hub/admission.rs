//! How many connections there may be: on the node, within its memory, and from one address.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sanmon_core::time::Moment;
use tokio::sync::Notify;

use super::memory::MemoryMark;
use crate::addresses::{Addresses, Place};
use crate::config::Config;

/// Counts connections and refuses those beyond the caps.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    open: AtomicUsize,
    memory: MemoryMark,
    is_shut: AtomicBool,
    is_cut_off: AtomicBool,
    emptied: Notify,
    addresses: Arc<Addresses>,
}

/// The right to one connection; its place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    place: Option<Place>,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoom {
    /// The node has as many connections as it may have.
    #[error("this node takes no more connections")]
    Node,
    /// The node is about to stop.
    #[error("this node is about to stop")]
    Draining,
    /// The node does not know what happens on the others.
    #[error("this node is cut off from the others")]
    CutOff,
    /// The process has more memory than its mark.
    #[error("this node takes no more connections until it has memory again")]
    Memory,
    /// The address has as many connections as one may have.
    #[error("too many connections from this address")]
    Address,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self {
            max: config.max_connections as usize,
            open: AtomicUsize::new(0),
            memory: MemoryMark::new(config.max_memory_bytes, config.low_memory_bytes),
            is_shut: AtomicBool::new(false),
            is_cut_off: AtomicBool::new(false),
            emptied: Notify::new(),
            addresses: Addresses::new(config.max_connections_per_address),
        })
    }

    /// Takes a place for a connection from `address`; unix sockets have none and count for the node alone.
    pub(super) fn admit(self: &Arc<Self>, now: Moment, address: Option<IpAddr>) -> Result<Ticket, NoRoom> {
        let taken = self.open.fetch_add(1, Ordering::SeqCst);
        if let Err(no_room) = self.room_beside(now, taken) {
            self.give_back();
            return Err(no_room);
        }
        let place = address.map(|address| self.addresses.admit(address));
        if let Some(None) = place {
            self.give_back();
            return Err(NoRoom::Address);
        }
        Ok(Ticket { admission: self.clone(), place: place.flatten() })
    }

    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Whether the node would take one more.
    pub(super) fn room(&self, now: Moment) -> Result<(), NoRoom> {
        self.room_beside(now, self.open())
    }

    fn room_beside(&self, now: Moment, open: usize) -> Result<(), NoRoom> {
        if self.is_shut() {
            Err(NoRoom::Draining)
        } else if self.is_cut_off() {
            Err(NoRoom::CutOff)
        } else if open >= self.max {
            Err(NoRoom::Node)
        } else if self.memory.is_over(now) {
            Err(NoRoom::Memory)
        } else {
            Ok(())
        }
    }

    /// From here on there is no room.
    pub(super) fn shut(&self) {
        self.is_shut.store(true, Ordering::SeqCst);
    }

    /// Whether there is no room any more.
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::SeqCst)
    }

    /// Whether the node is cut off from the others, so that what it knows may be stale.
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off.load(Ordering::SeqCst)
    }

    /// From here on there is no room, until [`Self::rejoin`].
    pub(super) fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::SeqCst);
    }

    /// The node is no longer cut off.
    pub(super) fn rejoin(&self) {
        self.is_cut_off.store(false, Ordering::SeqCst);
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
}

impl Ticket {
    /// The client's address, if it has one.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.place.as_ref().map(Place::address)
    }
}

impl NoRoom {
    /// Its word in metrics, and what each of them has a place for.
    pub(super) const ALL: [(Self, &str); 5] = [
        (Self::Node, "node"),
        (Self::Draining, "draining"),
        (Self::CutOff, "cut_off"),
        (Self::Memory, "memory"),
        (Self::Address, "address"),
    ];

    /// Its place in [`Self::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        for (index, (no_room, _)) in NoRoom::ALL.into_iter().enumerate() {
            assert_eq!(no_room.index(), index);
        }
    }

    #[test]
    fn places_are_given_back() {
        let config = Config { max_connections: 3, max_connections_per_address: 2, ..Config::default() };
        let (admission, now) = (Admission::new(&config), Moment::default());
        let (one, mapped, two) = ("10.0.0.1".parse().ok(), "::ffff:10.0.0.1".parse().ok(), "10.0.0.2".parse().ok());
        let first = admission.admit(now, one).unwrap();
        let _second = admission.admit(now, mapped).unwrap();
        assert_eq!(admission.admit(now, one).unwrap_err(), NoRoom::Address);
        let _third = admission.admit(now, two).unwrap();
        assert_eq!(admission.room(now), Err(NoRoom::Node));
        assert_eq!(admission.admit(now, None).unwrap_err(), NoRoom::Node);
        drop(first);
        let again = admission.admit(now, one).unwrap();
        assert_eq!(admission.open(), 3);
        drop(again);
        admission.cut_off();
        assert_eq!(admission.admit(now, None).unwrap_err(), NoRoom::CutOff);
        admission.rejoin();
        assert_eq!(admission.room(now), Ok(()));
        admission.shut();
        assert_eq!(admission.admit(now, None).unwrap_err(), NoRoom::Draining);
    }
}
