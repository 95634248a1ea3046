//! `cargo xtask fuzz`: libFuzzer on each target of tests/fuzz for a while.

mod report;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;

use self::report::Report;
use crate::command::{Failure, cargo, command, root, run, run_within, succeeds, target};

/// Which cargo-fuzz is installed when none is there.
const CARGO_FUZZ: &str = "0.13.2";

/// The targets, the quick ones first.
const TARGETS: [&str; 7] = ["decoder", "zlib", "identify", "session", "client", "interaction", "websocket"];

/// How long building a target, shrinking a corpus, or replaying an input may take.
const PATIENCE: Duration = Duration::from_secs(1800);

#[derive(Args)]
pub(crate) struct Fuzz {
    /// Only this one; all of them, one after the other, when none is named
    #[arg(long, value_name = "NAME", value_parser = TARGETS)]
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    seconds: u64,
    /// Run this input alone, such as one that crashed
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
    /// Afterwards keep what reaches new code in tests/fuzz/corpus, as few inputs as do
    #[arg(long)]
    keep: bool,
}

impl Fuzz {
    /// Runs each target, and fails at the end if any input made one panic.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let tool = tool()?;
        let names: Vec<&str> =
            TARGETS.into_iter().filter(|name| self.target.as_ref().is_none_or(|t| t == name)).collect();
        if let (Some(input), [name]) = (&self.replay, &names[..]) {
            // Where the one who typed it stands may be another folder than the root.
            let input = std::path::absolute(input).map_err(|source| file("the input", source))?;
            return run_within(PATIENCE, fuzz(&tool, "run", name).arg(input));
        }
        let mut crashed = Vec::new();
        for name in names {
            run_within(PATIENCE, &mut fuzz(&tool, "build", name))?;
            let report = hunt(&tool, name, Duration::from_secs(self.seconds))?;
            println!("{name:<12} {report}");
            crashed.extend(
                report
                    .crashes
                    .iter()
                    .map(|input| format!("  cargo xtask fuzz --target {name} --replay {}", input.display())),
            );
            if self.keep && report.crashes.is_empty() {
                keep(&tool, name)?;
            }
        }
        if crashed.is_empty() {
            return Ok(());
        }
        Err(Failure::Check(format!(
            "inputs that made a target panic, kept; each comes again by:\n{}",
            crashed.join("\n")
        )))
    }
}

/// The cargo-fuzz of the one who runs this, or one of our own that is installed first.
fn tool() -> Result<PathBuf, Failure> {
    let folder = target().join("tools");
    let own = folder.join("bin").join("cargo-fuzz");
    for tool in [PathBuf::from("cargo-fuzz"), own.clone()] {
        if succeeds(command(&tool).arg("--version")) {
            return Ok(tool);
        }
    }
    println!("about to install cargo-fuzz {CARGO_FUZZ} into {}", folder.display());
    run(cargo().args(["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root"]).arg(&folder))?;
    Ok(own)
}

/// A command of cargo-fuzz on a target.
fn fuzz(tool: &Path, what: &str, name: &str) -> Command {
    let mut command = command(tool);
    // No crate of ours has unsafe code, so no sanitizer: the stable toolchain will do, and runs are several times faster.
    command.args([what, "--fuzz-dir", "tests/fuzz", "--features", "libfuzzer", "--sanitizer", "none", "--target-dir"]);
    command.arg(target().join("fuzz"));
    // It costs minutes a target and finds nothing.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.arg(name);
    command
}

/// Fuzzes for `span`, from what is committed and what earlier runs have found.
fn hunt(tool: &Path, name: &str, span: Duration) -> Result<Report, Failure> {
    let (found, crashes) = (folder("found", name)?, folder("crashes", name)?);
    let log = target().join("fuzz").join(format!("{name}.log"));
    let output = File::create(&log).map_err(|source| file("the log of libFuzzer", source))?;
    let errors = output.try_clone().map_err(|source| file("the log of libFuzzer", source))?;
    println!("{name:<12} for {} s, its log is {}", span.as_secs(), log.display());
    let mut command = fuzz(tool, "run", name);
    command.arg(&found).arg(committed(name)).arg("--").arg(format!("-max_total_time={}", span.as_secs()));
    // The clock on the wall counts, and others may have the machine meanwhile; an input takes a millisecond.
    command.args(["-timeout=60", "-report_slow_units=60"]);
    command.args(["-max_len=4096", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    // With the separator at its end this is a folder.
    command.arg(format!("-artifact_prefix={}/", crashes.display())).stdout(output).stderr(errors);
    let ended = run_within(span + PATIENCE, &mut command);
    let report = Report::read(&log, &crashes)?;
    // An end without a crash to show is another failure, such as of the build.
    if report.crashes.is_empty() { ended.map(|()| report) } else { Ok(report) }
}

/// Replaces a target's corpus by the fewest inputs, of it and of what was found, that reach the same code.
fn keep(tool: &Path, name: &str) -> Result<(), Failure> {
    let (fewest, committed) = (folder("fewest", name)?, committed(name));
    fs::remove_dir_all(&fewest).and_then(|()| fs::create_dir(&fewest)).map_err(|source| file("a folder", source))?;
    let mut command = fuzz(tool, "run", name);
    command.arg(&fewest).arg(&committed).arg(folder("found", name)?);
    // Edges alone, not how often each was taken: a tenth of the files, and the same code.
    run_within(PATIENCE, command.args(["--", "-set_cover_merge=1", "-use_counters=0"]))?;
    let replaced = fs::remove_dir_all(&committed).and_then(|()| fs::rename(&fewest, &committed));
    replaced.map_err(|source| file("the corpus", source))
}

fn committed(name: &str) -> PathBuf {
    root().join("tests").join("fuzz").join("corpus").join(name)
}

/// A folder of a target beside what cargo builds.
fn folder(what: &str, name: &str) -> Result<PathBuf, Failure> {
    let folder = target().join("fuzz").join(what).join(name);
    fs::create_dir_all(&folder).map_err(|source| file("a folder", source))?;
    Ok(folder)
}

fn file(what: &str, source: std::io::Error) -> Failure {
    Failure::File { what: what.to_owned(), source }
}
