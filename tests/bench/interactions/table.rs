//! The table of figures: medians, what they vary between, and how they compare.

use std::fmt;
use std::time::Duration;

use super::bodies::Kind;

/// What the others are compared with, if it is there; it is the first then.
const COMPARED: &str = "hikari";

/// Figures of each server and kind.
pub(super) struct Table {
    servers: Vec<&'static str>,
    /// By server, then kind.
    figures: Vec<[Vec<Duration>; Kind::ALL.len()]>,
}

impl Table {
    pub(super) fn new(servers: Vec<&'static str>) -> Self {
        let figures = servers.iter().map(|_| Default::default()).collect();
        Self { servers, figures }
    }

    pub(super) fn add(&mut self, server: usize, kind: Kind, figure: Duration) {
        self.figures[server][kind as usize].push(figure);
    }

    fn cell(&self, server: usize, kind: Kind) -> Option<Cell> {
        let mut sorted = self.figures[server][kind as usize].clone();
        sorted.sort();
        let millis = |index: usize| sorted.get(index).map(|figure| figure.as_secs_f64() * 1e3);
        let (lowest, median, highest) = (millis(0)?, millis(sorted.len() / 2)?, millis(sorted.len() - 1)?);
        Some(Cell { lowest, median, highest })
    }
}

/// Milliseconds for 1,000 requests.
struct Cell {
    lowest: f64,
    median: f64,
    highest: f64,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| ms for 1,000 |")?;
        Kind::ALL.iter().try_for_each(|kind| write!(f, " {} |", kind.name()))?;
        write!(f, "\n| --- |")?;
        Kind::ALL.iter().try_for_each(|_| write!(f, " --- |"))?;
        for (server, name) in self.servers.iter().enumerate() {
            write!(f, "\n| {name} |")?;
            for kind in Kind::ALL {
                let Some(cell) = self.cell(server, kind) else {
                    write!(f, " |")?;
                    continue;
                };
                write!(f, " {:.0} ({:.0} to {:.0})", cell.median, cell.lowest, cell.highest)?;
                if let Some(first) = self.cell(0, kind).filter(|_| server > 0 && self.servers[0] == COMPARED) {
                    write!(f, ", {:.2} of {}", cell.median / first.median, self.servers[0])?;
                }
                write!(f, " |")?;
            }
        }
        writeln!(f, "\n\nMedian of the rounds (lowest to highest).")?;
        if self.servers[0] != COMPARED {
            return Ok(());
        }
        for (server, name) in self.servers.iter().enumerate().filter(|(_, name)| name.starts_with("sanmon")) {
            for kind in Kind::ALL {
                let (Some(cell), Some(first)) = (self.cell(server, kind), self.cell(0, kind)) else { continue };
                let (share, bar) = (cell.median / first.median, kind.bar());
                let verdict = if share <= bar { "met" } else { "missed" };
                writeln!(
                    f,
                    "{name}, {}: {share:.2} of {}, at most {bar} wanted: {verdict}",
                    kind.name(),
                    self.servers[0]
                )?;
            }
        }
        Ok(())
    }
}
