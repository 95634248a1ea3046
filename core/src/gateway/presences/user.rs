//! One user's devices, and the presence that they make together.

use std::sync::Arc;

use super::Device;
use crate::event::{Presence, PresenceKind};
use crate::time::Moment;

/// A user who is connected, or was until lately.
#[derive(Debug, Default)]
pub(super) struct User {
    devices: Vec<Chosen>,
    shown: Shown,
    /// What the user chose last, on whatever device: a new one begins with it.
    pub(super) chosen: Option<Arc<Presence>>,
    /// Without a device, until when the absence is bridged.
    pub(super) absent_until: Option<Moment>,
    /// Whether how the user shows may have changed since the last batch.
    pub(super) dirty: bool,
    /// Whether the user chose anew since the last batch.
    pub(super) chose: bool,
}

#[derive(Debug)]
struct Chosen {
    device: Device,
    order: u64,
    presence: Arc<Presence>,
}

/// What was published last.
#[derive(Debug, Default)]
enum Shown {
    #[default]
    Offline,
    Visible(Arc<Presence>),
    /// By a run that crashed, or by a batch of which nobody knows whether it was committed.
    Unknown,
}

impl User {
    /// A user whom the store shows as not offline, from a run that crashed.
    pub(super) fn leftover(absent_until: Moment) -> Self {
        Self { shown: Shown::Unknown, absent_until: Some(absent_until), ..Self::default() }
    }

    pub(super) const fn is_absent(&self) -> bool {
        self.devices.is_empty()
    }

    pub(super) fn has(&self, device: Device) -> bool {
        self.devices.iter().any(|chosen| chosen.device == device)
    }

    pub(super) fn set(&mut self, device: Device, order: u64, presence: Arc<Presence>) {
        self.remove(device);
        self.devices.push(Chosen { device, order, presence });
    }

    pub(super) fn set_all(&mut self, order: u64, presence: &Arc<Presence>) {
        for chosen in &mut self.devices {
            (chosen.order, chosen.presence) = (order, presence.clone());
        }
    }

    /// Whether the device was there.
    pub(super) fn remove(&mut self, device: Device) -> bool {
        let before = self.devices.len();
        self.devices.retain(|chosen| chosen.device != device);
        self.devices.len() < before
    }

    pub(super) fn forget_shown(&mut self) {
        self.shown = Shown::Unknown;
    }

    /// What to publish so that others see how the user shows now; `None` when they see it already.
    pub(super) fn settle(&mut self) -> Option<Presence> {
        let visible = self.visible();
        let same = match (&self.shown, &visible) {
            (Shown::Visible(shown), Some(visible)) => shown == visible,
            (Shown::Offline, None) => true,
            _ => false,
        };
        if same {
            return None;
        }
        // Offline says nothing else: whatever an invisible user wrote stays private.
        let publish = visible.as_deref().cloned().unwrap_or_else(|| Presence::of(PresenceKind::Offline));
        self.shown = visible.map_or(Shown::Offline, Shown::Visible);
        Some(publish)
    }

    /// The most present visible device wins; of equals the one that chose later.
    fn visible(&self) -> Option<Arc<Presence>> {
        let visible = self.devices.iter().filter(|chosen| chosen.presence.kind != PresenceKind::Offline);
        visible.max_by_key(|chosen| (chosen.presence.kind.rank(), chosen.order)).map(|chosen| chosen.presence.clone())
    }
}
