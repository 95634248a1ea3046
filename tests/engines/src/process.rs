//! A process that ends with its owner, however the owner ends.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Fault;

/// How often a process is looked at.
const POLL: Duration = Duration::from_millis(5);

/// How long a server may take to begin; a large stream is read first, or a recovery done.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until its standard input ends, which it does with the owner, then ends the process.
const GUARD: &str = r#"
read -r line
kill -s "$1" "$2" 2>/dev/null
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
done
kill -s KILL "$2" 2>/dev/null
if [ -n "$3" ]; then rm -rf -- "$3"; fi
"#;

/// A running process; ended when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Ends the process where [`Drop`] does not come to it: the owner was killed, or holds it in a static.
    guard: Child,
    farewell: Farewell,
}

/// How a process is ended.
#[derive(Clone, Copy, Debug)]
pub struct Farewell {
    /// What asks it to end.
    pub signal: Signal,
    /// How long it may take before it is killed.
    pub patience: Duration,
}

impl Process {
    /// Starts it, in a process group of its own: what is typed on a terminal is for its owner. When the owner is killed, the
    /// folder is removed too.
    ///
    /// # Errors
    /// It can't be started.
    pub fn start(command: &mut Command, farewell: Farewell, to_remove: Option<&Path>) -> Result<Self, Fault> {
        let mut child = spawn(command.process_group(0).stdin(Stdio::null()))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", name_of(farewell.signal), &child.id().to_string()]);
        guard.arg(to_remove.map_or_else(PathBuf::new, Path::to_path_buf));
        guard.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        match spawn(&mut guard) {
            Ok(guard) => Ok(Self { child, guard, farewell }),
            Err(fault) => {
                end(&mut child, farewell);
                Err(fault)
            }
        }
    }

    /// What it writes to its standard output and errors, where these are pipes that nobody took yet.
    pub fn output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Waits until it does what it is for, as `is_ready` tells.
    pub(crate) fn until_ready(
        &mut self,
        program: &'static str,
        log: &Path,
        is_ready: impl Fn() -> bool,
    ) -> Result<(), Fault> {
        let start = Instant::now();
        let unfit =
            |what: String| Fault::Unfit { program, what, log: std::fs::read_to_string(log).unwrap_or_default() };
        while !is_ready() {
            if let Some(status) = self.ended() {
                return Err(unfit(format!("ended ({status})")));
            }
            if start.elapsed() > PATIENCE {
                return Err(unfit(format!("did not answer within {PATIENCE:?}")));
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Sends it and its children a signal.
    pub fn signal(&self, signal: Signal) {
        for pid in self.all().into_iter().filter_map(Pid::from_raw) {
            // A child that just ended needs no signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Stops it and its children, and returns once none of their threads runs any more.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let start = Instant::now();
        while self.all().into_iter().any(runs) && start.elapsed() < PATIENCE {
            sleep(POLL);
        }
    }

    /// Its process id and those of its children.
    fn all(&self) -> Vec<i32> {
        let pid = self.child.id();
        let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children = listed.split_whitespace().filter_map(|child| child.parse().ok());
        i32::try_from(pid).ok().into_iter().chain(children).collect()
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.farewell.signal = Signal::KILL;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First, since the number that it knows may be another's once the process is waited for.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        // One that was stopped would not hear the farewell.
        self.signal(Signal::CONT);
        end(&mut self.child, self.farewell);
    }
}

/// Whether a thread of a process does anything but to have been stopped, or to have ended.
fn runs(pid: i32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok()).any(|stat| {
        // The state stands behind the name, which is in brackets and may be anything.
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        !matches!(state, Some('T' | 't' | 'Z' | 'X'))
    })
}

fn spawn(command: &mut Command) -> Result<Child, Fault> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|source| Fault::Start { program, source })
}

fn end(child: &mut Child, farewell: Farewell) {
    if child.try_wait().is_ok_and(|status| status.is_none()) {
        // It may end by itself just now.
        let _ = kill_process(Pid::from_child(child), farewell.signal);
    }
    let start = Instant::now();
    while start.elapsed() < farewell.patience && child.try_wait().is_ok_and(|status| status.is_none()) {
        sleep(POLL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn name_of(signal: Signal) -> &'static str {
    match signal {
        Signal::QUIT => "QUIT",
        Signal::INT => "INT",
        Signal::TERM => "TERM",
        _ => "KILL",
    }
}
