//! A server that may be killed, stopped and started again at its place.

use std::fmt;

use rustix::process::Signal;

use crate::Fault;
use crate::process::Process;

/// A server's process, and how it is started; ended when dropped.
pub struct Engine {
    process: Option<Process>,
    begin: Box<dyn Fn() -> Result<Process, Fault> + Send + Sync>,
}

impl Engine {
    /// Starts it. What `begin` returns must be ready to be used.
    pub(crate) fn start(begin: impl Fn() -> Result<Process, Fault> + Send + Sync + 'static) -> Result<Self, Fault> {
        let process = Some(begin()?);
        Ok(Self { process, begin: Box::new(begin) })
    }

    /// The id of its first process while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Ends it by SIGKILL; its data stays for [`Self::restart`].
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            // PostgreSQL's children would end by themselves, but could still commit until they notice.
            process.signal(Signal::KILL);
            process.kill();
        }
    }

    /// Ends it in its own way; its data stays for [`Self::restart`].
    pub fn shut_down(&mut self) {
        self.process = None;
    }

    /// Starts it again on the same port and data; what still runs is ended first.
    ///
    /// # Panics
    /// It does not start.
    pub fn restart(&mut self) {
        self.process = None;
        self.process = Some((self.begin)().unwrap_or_else(|fault| panic!("{fault}")));
    }

    /// Stops its processes (SIGSTOP): connections stay, and nothing answers.
    pub fn freeze(&self) {
        if let Some(process) = &self.process {
            process.freeze();
        }
    }

    /// Lets stopped processes go on.
    pub fn thaw(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::CONT);
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("process", &self.process).finish_non_exhaustive()
    }
}
