//! Drives the machine that decides how users show, on the runtime.
use sanmon_core::event::Presence;
use sanmon_core::id::Id;
use tokio::runtime::Handle;

use super::Bounds;
use crate::clock::Clock;
use crate::store::{Store, StoreError};

pub(super) struct PresenceDesk;
impl PresenceDesk {
    pub(super) async fn start(_: &Handle, _: Store, _: Clock, _: &Bounds) -> Result<Self, StoreError> {
        Ok(Self)
    }
    pub(super) fn connected(&self, _: Id, _: u64, _: Option<Presence>) {}
    pub(super) fn disconnected(&self, _: Id, _: u64) {}
    pub(super) fn chosen(&self, _: Id, _: u64, _: Presence) {}
    pub(super) async fn choose(&self, _: Id, _: Presence) -> Result<(), StoreError> {
        Ok(())
    }
}
