//! The steps of a test run, timed and listed at its end.

use std::time::{Duration, Instant};

use crate::command::Failure;

/// Runs steps and remembers how long each took.
pub(crate) struct Steps {
    only: Option<String>,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    /// Steps of which only those whose name contains `only` are run, or all.
    pub(crate) fn new(only: Option<String>) -> Self {
        Self { only, done: Vec::new() }
    }

    /// Runs one step; when it fails, the list of all steps so far is printed and the failure returned.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.only.as_deref().is_some_and(|only| !name.contains(only)) {
            return Ok(());
        }
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = work();
        let took = start.elapsed();
        if outcome.is_err() {
            self.print();
            println!("FAILED {name:<26} {:>7.1} s", took.as_secs_f64());
        }
        self.done.push((name, took));
        outcome
    }

    /// Prints that all went well.
    pub(crate) fn finish(&self) {
        self.print();
        let all: Duration = self.done.iter().map(|(_, took)| *took).sum();
        println!("all    {:<26} {:>7.1} s", format!("{} steps", self.done.len()), all.as_secs_f64());
    }

    fn print(&self) {
        println!();
        for (name, took) in &self.done {
            println!("ok     {name:<26} {:>7.1} s", took.as_secs_f64());
        }
    }
}
