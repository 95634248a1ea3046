//! What a fault cost, as a row of the table.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ledger::Audit;
use super::swarm::{Record, Swarm, readings};
use super::{Crowd, Ledger};

/// What came of a fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What was done, in words and numbers.
    pub tried: String,
    /// How often the fault was done.
    pub times: u32,
    /// What was acknowledged and what came of it.
    pub audit: Audit,
    /// How long things took, by what.
    pub recovered: Vec<(String, Duration)>,
}

impl Outcome {
    /// Ends a swarm and audits it. Beside what is counted, nobody may have seen an event out of order, or been told to start
    /// anew.
    pub fn of(tried: String, times: u32, swarm: Swarm, crowd: &Crowd, ledger: &Ledger) -> (Self, Vec<Record>) {
        let records = swarm.stop();
        for (index, record) in records.iter().enumerate() {
            assert!(record.is_in_order, "client {index} saw a place that was not larger than the one before");
            assert_eq!(record.refused, 0, "client {index} could not resume");
        }
        let audit = ledger.audit(&readings(&records, crowd));
        (Self { tried, times, audit, recovered: Vec::new() }, records)
    }

    /// The same with how long something took.
    #[must_use]
    pub fn took(mut self, what: &str, time: Duration) -> Self {
        self.recovered.push((what.to_owned(), time));
        self
    }

    /// Fails the test unless nothing was lost, doubled, or given to the wrong ones.
    #[track_caller]
    pub fn assert_clean(&self) {
        let Audit { acknowledged, due, lost, duplicated, strange } = self.audit;
        assert!(acknowledged > 0 && due > 0, "nothing was tried: {self:?}");
        assert_eq!((lost, duplicated, strange), (0, 0, 0), "lost, duplicated, strange: {self:?}");
    }

    /// How long things took, as one reads it.
    pub fn recovery(&self) -> String {
        let mut text = String::new();
        for (what, time) in &self.recovered {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = match time.as_millis() {
                millis @ ..1000 => write!(text, "{separator}{what} {millis} ms"),
                millis => write!(text, "{separator}{what} {:.1} s", millis as f64 / 1e3),
            };
        }
        text
    }

    /// The same for machines.
    pub fn to_json(&self) -> Value {
        let recovered: serde_json::Map<String, Value> =
            self.recovered.iter().map(|(what, time)| (what.clone(), json!(time.as_millis()))).collect();
        json!({
            "tried": self.tried, "times": self.times, "acknowledged": self.audit.acknowledged, "deliveries": self.audit.due,
            "lost": self.audit.lost, "duplicated": self.audit.duplicated, "strange": self.audit.strange,
            "recovered_ms": recovered,
        })
    }
}

/// The longest of some times.
pub(super) fn longest(times: &[Duration]) -> Duration {
    times.iter().copied().max().unwrap_or_default()
}
