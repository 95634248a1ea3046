//! What the client's user saw, and whether that is what happened.

use super::server::Server;
use crate::event::{Envelope, Seq};
use crate::id::Id;

/// Stretches of the log as the user saw them, each begun by a READY.
#[derive(Debug, Default)]
pub(super) struct View {
    stretches: Vec<Stretch>,
    /// A reset came, the READY that follows did not.
    reset: bool,
    resets: usize,
    pub(super) ended: bool,
}

#[derive(Debug)]
struct Stretch {
    start: Seq,
    /// How many GUILD_INITs READY announced.
    announced: u64,
    guilds: Vec<Id>,
    events: Vec<Seq>,
}

impl View {
    pub(super) fn reset(&mut self) {
        assert!(!self.reset, "two resets in a row");
        self.reset = true;
        self.resets += 1;
    }

    pub(super) fn resets(&self) -> usize {
        self.resets
    }

    pub(super) fn event(&mut self, envelope: &Envelope) {
        let d: serde_json::Value =
            envelope.d().map_or_else(Default::default, |d| serde_json::from_str(d.get()).unwrap());
        match envelope.t().as_str() {
            "READY" => {
                assert_eq!(
                    std::mem::take(&mut self.reset),
                    !self.stretches.is_empty(),
                    "a READY that replaces has a reset"
                );
                let announced = d["guilds"].as_u64().unwrap();
                let start = envelope.s().unwrap();
                self.stretches.push(Stretch { start, announced, guilds: Vec::new(), events: Vec::new() });
            }
            "GUILD_INIT" => {
                let guild = serde_json::from_value(d["id"].clone()).unwrap();
                self.stretches.last_mut().unwrap().guilds.push(guild);
            }
            "RESUMED" => assert!(!self.reset && !self.stretches.is_empty()),
            "RECONNECT" | "PONG" => panic!("{} is between the machines", envelope.t()),
            _ => {
                assert!(!self.reset, "an event between a reset and its READY");
                self.stretches.last_mut().unwrap().events.push(envelope.s().unwrap());
            }
        }
    }

    /// Compares with what the user should have heard.
    pub(super) fn check(&self, server: &Server) {
        let heard = server.heard();
        let last = self.stretches.last().expect("the client got in");
        for stretch in &self.stretches {
            let is_last = std::ptr::eq(stretch, last);
            assert!(stretch.events.is_sorted_by(|one, next| one < next), "in order, each once: {stretch:?}");
            let end = if is_last { server.head() } else { stretch.events.last().copied().unwrap_or(stretch.start) };
            let mut seen = stretch.events.iter().copied().peekable();
            let within = heard.iter().filter(|(entry, ..)| entry.seq > stretch.start && entry.seq <= end);
            for (entry, heard, _) in within {
                let got = seen.next_if_eq(&entry.seq).is_some();
                // HERE is for who is there, and a slow reader gets the newest presence only.
                let optional = entry.here || entry.presence_of.is_some();
                assert!(got == *heard || (!got && optional), "{:?}: got {got}, due {heard}: {stretch:?}", entry.seq);
            }
            assert_eq!(seen.next(), None, "an event that never was");
            let known = |stretch: &Stretch| stretch.guilds.len() as u64 == stretch.announced;
            assert!(known(stretch) || !is_last, "guilds are missing: {stretch:?}");
            if known(stretch) {
                let at = heard.iter().rev().find(|(entry, ..)| entry.seq <= stretch.start);
                let mut due = at.map(|(.., guilds)| guilds.clone()).unwrap_or_default();
                let mut guilds = stretch.guilds.clone();
                due.sort_unstable();
                guilds.sort_unstable();
                assert_eq!(guilds, due, "the guilds at {:?}", stretch.start);
            }
        }
    }
}
