//! `sanmon listen` in a process of its own: a proper client, wherever it is started.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::User;

/// A client at work; ended when dropped.
pub(super) struct Listener {
    child: Child,
    seen: Arc<Mutex<Vec<u64>>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Starts it by this command, such as the program itself, as a client of the server at `url`.
    pub(super) fn start(mut command: Command, url: &str, user: &User) -> Self {
        command.args(["listen", "--json", "--verbose", "--url", url]).env("SANMON_SESSION", &user.session_id);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a client starts");
        let (seen, said) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let list = Arc::clone(&seen);
        each_line(child.stdout.take().expect("its stdout"), move |line| {
            let event: Value = serde_json::from_str(&line).expect("a line of JSON");
            if event["t"] == "NUMBER" {
                list.lock().expect("the list").push(event["d"]["n"].as_u64().expect("a number"));
            }
        });
        let list = Arc::clone(&said);
        each_line(child.stderr.take().expect("its stderr"), move |line| list.lock().expect("the list").push(line));
        Self { child, seen, said }
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the client is there");
    }

    /// The numbers of the events that came, in the order in which they did.
    pub(super) fn seen(&self) -> Vec<u64> {
        self.seen.lock().expect("the list").clone()
    }

    /// What it said of its connection.
    pub(super) fn said(&self) -> Vec<String> {
        self.said.lock().expect("the list").clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("-- a client said:\n{}", self.said.lock().map_or_else(|_| String::new(), |said| said.join("\n")));
        }
    }
}

/// Hands on each line of what a process writes.
fn each_line(from: impl Read + Send + 'static, mut take: impl FnMut(String) + Send + 'static) {
    std::thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).for_each(&mut take));
}
