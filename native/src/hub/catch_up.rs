//! Where a connection stands that is brought up to its thread's place in the log.

use std::sync::Arc;
use std::vec;

use sanmon_core::audience::Listener;
use sanmon_core::codec::Dispatch;
use sanmon_core::entry::Entry;
use sanmon_core::event::{Presence, Seq};

/// A cursor that the socket pulls: nothing is taken from it while the socket would block.
#[derive(Debug)]
pub(super) struct CatchUp {
    /// What the user hears, true at `at`.
    pub(super) listener: Listener,
    /// The place up to which everything was sent, once `source` is used up.
    pub(super) at: Seq,
    /// Where the next frames come from.
    pub(super) source: Source,
    /// How often the ring had moved on before the connection was through with what it got.
    pub(super) rounds: u8,
    /// The presence that the user chose last, shown once the connection is live.
    pub(super) chosen: Option<Presence>,
}

/// Where a connection that catches up takes its next frames from.
#[derive(Debug)]
pub(super) enum Source {
    /// The GUILD_INITs behind READY.
    Inits(vec::IntoIter<Arc<Dispatch>>),
    /// The entries behind RESUMED, page by page.
    Missed {
        /// The places of entries that were not loaded yet.
        seqs: vec::IntoIter<Seq>,
        /// Those that were.
        page: vec::IntoIter<Arc<Entry>>,
    },
    /// The loader was asked for the next page, and gives back what comes behind it.
    Page(vec::IntoIter<Seq>),
    /// The ring of recent entries, up to where the thread stands; then the connection is live.
    Ring,
    /// The ring no longer reached back to where the connection stood: the loader was asked.
    Again,
}
