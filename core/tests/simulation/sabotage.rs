//! Faults of the server and of the client that the judges must find, so that a world without a finding means something.

use sanmon_core::event::Seq;

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Some live events are not sent.
    LostEvent,
    /// Some live events are sent twice.
    DoubleEvent,
    /// The last of the missed events is not replayed.
    LostReplay,
    /// Some events also reach whom they are not for.
    WrongEar,
    /// Who catches up does not notice joins and leaves on the way.
    LateGuilds,
    /// A reset is not handed to the application.
    HiddenReset,
    /// The client's driver never says that time has gone by.
    StoppedClock,
    /// Users go offline after 5 s instead of 15.
    ShortGrace,
    /// After a crash nobody thinks of who was online before.
    ForgottenGhosts,
    /// The queue of a slow reader is bounded far too late.
    GreedyQueue,
}

impl Sabotage {
    pub(crate) const ALL: [Self; 10] = [
        Self::LostEvent,
        Self::DoubleEvent,
        Self::LostReplay,
        Self::WrongEar,
        Self::LateGuilds,
        Self::HiddenReset,
        Self::StoppedClock,
        Self::ShortGrace,
        Self::ForgottenGhosts,
        Self::GreedyQueue,
    ];

    /// How often a live event is sent.
    pub(crate) const fn times(sabotage: Option<Self>, seq: Seq) -> u8 {
        match sabotage {
            Some(Self::LostEvent) if seq.as_u64().is_multiple_of(16) => 0,
            Some(Self::DoubleEvent) if seq.as_u64().is_multiple_of(16) => 2,
            _ => 1,
        }
    }
}
