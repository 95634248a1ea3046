//! One device of a user: core's client, the driver around it, and the application above it.

use sanmon_core::codec::Encoding;
use sanmon_core::event::Envelope;
use sanmon_core::gateway::{Client, ClientState};
use sanmon_core::time::Moment;

use crate::frames::Frames;
use crate::reader::Reader;

#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) user: u64,
    pub(crate) session: u64,
    pub(crate) encoding: Encoding,
    /// None while the device is off.
    pub(crate) client: Option<Client<Envelope>>,
    pub(crate) state: ClientState,
    /// The connection that the client is on.
    pub(crate) link: Option<u64>,
    pub(crate) frames: Frames,
    /// When the driver's answer to a question of the client is due.
    pub(crate) errand: Option<(Moment, Errand)>,
    /// The machine sleeps until then.
    pub(crate) asleep_until: Option<Moment>,
    /// No network until then.
    pub(crate) offline_until: Moment,
    /// Reads nothing before.
    pub(crate) reads_at: Moment,
    /// How long the application takes for what it read at once, in milliseconds.
    pub(crate) pace: u64,
    /// When the device is switched on, or its user logs in again.
    pub(crate) starts_at: Option<Moment>,
    /// The presence that was chosen on it.
    pub(crate) choice: Option<u8>,
    pub(crate) reader: Reader,
}

/// What the client's driver was asked to do.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    Discover,
    Connect(String),
    Session,
}

impl Device {
    pub(crate) fn is_live(&self) -> bool {
        self.client.is_some() && self.state == ClientState::Live
    }
}
