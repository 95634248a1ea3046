//! What a node says of itself to the others.

use serde::{Deserialize, Serialize};

/// What stands in the bucket under a node's number. Fields that a newer version adds are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// A random number that tells this process from every other that ever holds the same lease.
    pub holder: u64,
    /// The name under which the node stands in `/domains`.
    pub domain: String,
    /// The address that clients are told.
    pub url: String,
    /// How far the node is between its start and its end.
    pub stage: Stage,
    /// Whether it takes another connection.
    pub room: bool,
    /// How many connections it has.
    pub connections: u64,
    /// The run under which it keeps how its users show, once it has one.
    pub run: Option<i64>,
    /// When it started, in Unix milliseconds: for who looks into the bucket.
    pub started: u64,
}

/// How far a node is between its start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// It has a number, and looks whether its name is another's.
    Joining,
    /// The number and the name are its own; it reads the log and serves nobody.
    Starting,
    /// It serves.
    Serving,
    /// It sends its clients away and will stop.
    Draining,
}

/// What a node says anew with every renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vitals {
    /// How far it is.
    pub stage: Stage,
    /// Whether it takes another connection.
    pub room: bool,
    /// How many connections it has.
    pub connections: u64,
    /// The run under which it keeps how its users show.
    pub run: Option<i64>,
}

impl Vitals {
    /// Of a node that is not open yet.
    pub(crate) const fn of(stage: Stage) -> Self {
        Self { stage, room: false, connections: 0, run: None }
    }
}

impl Record {
    /// The same node as it is now.
    #[must_use]
    pub(crate) fn with(self, vitals: Vitals) -> Self {
        let Vitals { stage, room, connections, run } = vitals;
        Self { stage, room, connections, run, ..self }
    }

    /// Whether clients may be told of it.
    pub(crate) fn serves(&self) -> bool {
        self.stage == Stage::Serving
    }
}
