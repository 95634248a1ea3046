//! Other programs that the bench starts and ends.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs; killed when dropped.
pub(crate) struct Program(Child);

impl Program {
    /// Starts a program whose first line ends in the port that it listens on.
    ///
    /// # Errors
    /// It does not start, says something else, or nothing in time.
    pub(crate) fn listening(command: &mut Command) -> io::Result<(Self, u16)> {
        let name = command.get_program().display().to_string();
        let failed = |why: String| io::Error::other(format!("{name} does not start: {why}"));
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut program = Self(started.map_err(|error| failed(error.to_string()))?);
        let Some(stdout) = program.0.stdout.take() else { return Err(failed("it has no output".to_owned())) };
        let (sender, first) = sync_channel(1);
        // Read from another thread, which goes on until the program ends: a read can't be given a bound.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.try_send(line);
            }
        });
        let line = first.recv_timeout(PATIENCE).map_err(|_| failed(format!("it said nothing within {PATIENCE:?}")))?;
        let port = line.trim().rsplit([' ', ':']).next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| failed(format!("it said {line:?} instead of where it listens")))?;
        Ok((program, port))
    }

    /// Starts a program that says nothing.
    pub(crate) fn silent(command: &mut Command) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first line that a command prints.
pub(crate) fn told(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
