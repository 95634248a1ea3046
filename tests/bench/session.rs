//! One run of the bench: how much is measured, beside whom, and where it is recorded.

use std::fs;
use std::io;
use std::path::PathBuf;

use harness::workspace;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::machine::Machine;
use crate::peers;
use crate::plot::Plot;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Enough for figures.
    Full,
    /// Enough to see that the bench works: seconds, without the servers to compare with, and nothing is recorded.
    Smoke,
}

/// One run of the bench.
pub(crate) struct Session {
    pub(crate) scale: Scale,
    /// The servers to compare with, if they are here.
    pub(crate) beside: Vec<&'static str>,
    /// Connections for which fan-out is measured, if others than usual.
    pub(crate) sizes: Option<Vec<usize>>,
    pub(crate) machine: Machine,
}

/// A bar that tells how far a bench has come; it shows on terminals only.
pub(crate) struct Progress(ProgressBar);

impl Session {
    pub(crate) fn new(scale: Scale, beside: Option<Vec<&'static str>>) -> Self {
        let beside = match scale {
            Scale::Full => beside.unwrap_or_else(|| peers::NAMES.to_vec()),
            Scale::Smoke => Vec::new(),
        };
        Self { scale, beside, sizes: None, machine: Machine::this() }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn is_smoke(&self) -> bool {
        self.scale == Scale::Smoke
    }

    /// The one or the other, as the scale is.
    pub(crate) fn pick<T>(&self, full: T, smoke: T) -> T {
        match self.scale {
            Scale::Full => full,
            Scale::Smoke => smoke,
        }
    }

    /// Whether a bar is met, in a word; a smoke run is too short to tell.
    pub(crate) fn verdict(&self, is_met: bool) -> &'static str {
        match (self.scale, is_met) {
            (Scale::Full, true) => "met",
            (Scale::Full, false) => "missed",
            (Scale::Smoke, _) => "not told by so short a run",
        }
    }

    pub(crate) fn progress(&self, name: &'static str, steps: usize) -> Progress {
        let bar = ProgressBar::new(steps as u64).with_prefix(name);
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{wide_bar}] {pos}/{len} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress(bar)
    }

    /// Records the figures of a bench in results.json, beside those of others.
    pub(crate) fn record(&self, name: &str, figures: Value) -> io::Result<()> {
        if self.is_smoke() {
            return Ok(());
        }
        let file = folder().join("results.json");
        let mut all: Map<String, Value> = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
            Err(error) => return Err(error),
        };
        all.insert(name.to_owned(), json!({ "machine": self.machine, "figures": figures }));
        let mut text = serde_json::to_string_pretty(&all)?;
        text.push('\n');
        fs::write(file, text)
    }

    /// Draws a plot, and keeps it as plots/<name>.svg.
    pub(crate) fn draw(&self, name: &str, plot: &Plot) -> io::Result<()> {
        let svg = plot.to_svg();
        if self.is_smoke() {
            return Ok(());
        }
        fs::create_dir_all(folder().join("plots"))?;
        fs::write(folder().join("plots").join(name).with_extension("svg"), svg)
    }
}

impl Progress {
    /// The next step begins.
    pub(crate) fn step(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
        self.0.inc(1);
    }

    /// Something that is no step takes a while.
    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn folder() -> PathBuf {
    workspace().join("tests").join("bench")
}
