//! Faults done to the real server, and what they cost: each is a row of the table in tests/README.md, and a test.

mod cable;
mod churn;
mod clock;
mod connection;
mod crowd;
mod disk;
mod disk_error;
mod drain;
mod engines;
mod files;
mod forgotten;
mod half_open;
mod kill;
mod ledger;
mod listener;
mod namespace;
mod nodes;
mod outcome;
mod process;
mod publishers;
mod scene;
mod storm;
mod swarm;
pub mod table;

use std::future::Future;
use std::pin::Pin;

pub use self::crowd::{Crowd, at_home};
pub use self::ledger::{Audit, Ledger, Reading, To};
pub use self::outcome::Outcome;
pub use self::publishers::{Manner, Pace, Publishers};
pub use self::swarm::{Board, Note, Record, Return, Swarm, readings};

/// How much is done of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A few seconds: part of every run of the tests.
    Short,
    /// All of it: `cargo xtask faults`.
    Long,
}

impl Scale {
    /// One thing or the other.
    pub fn pick<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// A fault that can be done.
#[derive(Clone, Copy)]
pub struct Fault {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, for the table.
    pub title: &'static str,
    run: fn(Scale) -> Pin<Box<dyn Future<Output = Outcome>>>,
}

impl Fault {
    /// Does it. What must hold is asserted: a panic says what did not.
    pub async fn run(self, scale: Scale) -> Outcome {
        (self.run)(scale).await
    }

    /// Does the part of it that needs surroundings of its own, which this process is in.
    pub async fn run_inside(self, scale: Scale) -> Outcome {
        match self.name {
            "cable" => cable::pulled_inside(scale).await,
            name => panic!("{name} needs no surroundings of its own"),
        }
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Self> {
        FAULTS.iter().find(|fault| fault.name == name).copied()
    }
}

macro_rules! faults {
    ($($name:literal, $title:literal => $run:path;)*) => {
        /// All faults, in the table's order.
        pub const FAULTS: &[Fault] = &[$(Fault { name: $name, title: $title, run: |scale| Box::pin($run(scale)) },)*];
    };
}

faults! {
    "kill", "SIGKILL while publishing" => kill::while_publishing;
    "kill-ready", "SIGKILL in the middle of READY" => kill::in_the_middle_of_ready;
    "kill-replay", "SIGKILL in the middle of a replay" => kill::in_the_middle_of_a_replay;
    "storm", "SIGKILL with everyone coming back at once" => storm::everyone_comes_back;
    "disk-full", "disk full" => disk::full;
    "read-only", "data folder read-only" => disk::read_only;
    "read-only-live", "data folder turns read-only under the server" => disk_error::while_running;
    "files", "file descriptors exhausted" => files::exhausted;
    "clock", "clock set by an hour, both ways" => clock::set;
    "half-open", "peer that no longer answers" => half_open::stopped;
    "cable", "peer whose cable is pulled" => cable::pulled;
    "cut", "network stalls, then resets" => connection::cut;
    "churn", "members come and go, connections break" => churn::members_come_and_go;
    "drain", "SIGTERM under load" => drain::under_load;
    "forgotten", "the log forgets a sleeping client" => forgotten::log_moves_on;
    "node-kill", "SIGKILL of one of three nodes" => nodes::killed;
    "node-cut-off", "one node cut off from NATS" => nodes::cut_off;
    "rolling", "rolling restart of three nodes under load" => nodes::restarted_in_turn;
    "nats-kill", "SIGKILL of NATS" => engines::nats_killed;
    "nats-one-of-three", "SIGKILL of one NATS server of three" => engines::one_nats_of_three_killed;
    "nats-away", "NATS out of reach" => engines::nats_out_of_reach;
    "postgres-kill", "SIGKILL of PostgreSQL" => engines::postgres_killed;
}
