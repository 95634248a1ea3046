//! What a run of libFuzzer came to, read from its log.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Failure;

/// What a run of libFuzzer came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many inputs were run.
    executions: u64,
    /// How many inputs a second.
    per_second: u64,
    /// How many edges of the code were reached.
    edges: u64,
    /// How many inputs are worth keeping.
    corpus: u64,
    /// Inputs that made the target panic, take too long or hold too much; those of earlier runs as well.
    pub(crate) crashes: Vec<PathBuf>,
}

impl Report {
    /// Reads a log, and the folder to which crashes go.
    pub(crate) fn read(log: &Path, crashes: &Path) -> Result<Self, Failure> {
        let failure = |source| Failure::File { what: log.display().to_string(), source };
        let bytes = fs::read(log).map_err(failure)?;
        let mut report = Self::of(&String::from_utf8_lossy(&bytes));
        for entry in fs::read_dir(crashes).map_err(failure)? {
            report.crashes.push(entry.map_err(failure)?.path());
        }
        report.crashes.sort();
        Ok(report)
    }

    fn of(log: &str) -> Self {
        let mut report = Self::default();
        for line in log.lines() {
            if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
                report.executions = count.trim().parse().unwrap_or(report.executions);
            } else if let Some(count) = line.strip_prefix("stat::average_exec_per_sec:") {
                report.per_second = count.trim().parse().unwrap_or(report.per_second);
            } else if line.starts_with('#') {
                report.edges = behind(line, " cov: ").unwrap_or(report.edges);
                report.corpus = behind(line, " corp: ").unwrap_or(report.corpus);
            }
        }
        report
    }
}

/// The number behind a word of a line.
fn behind(line: &str, word: &str) -> Option<u64> {
    let (_, rest) = line.split_once(word)?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    rest[..digits].parse().ok()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, per_second, edges, corpus, crashes } = self;
        write!(f, "{executions} executions ({per_second}/s), {edges} edges covered by {corpus} inputs")?;
        if crashes.is_empty() { write!(f, ", no crash") } else { write!(f, ", {} CRASHES", crashes.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_to_its_end() {
        let log = "INFO: Running with entropic power schedule\n\
                   #2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                   #91094\tDONE   cov: 550 ft: 2142 corp: 470/51Kb lim: 513 exec/s: 459 rss: 29Mb\n\
                   Done 91094 runs in 6 second(s)\n\
                   stat::number_of_executed_units: 91094\n\
                   stat::average_exec_per_sec:     15182\n";
        let report = Report::of(log).to_string();
        assert_eq!(report, "91094 executions (15182/s), 550 edges covered by 470 inputs, no crash");
        assert_eq!(Report::of("no log at all").executions, 0);
    }
}
