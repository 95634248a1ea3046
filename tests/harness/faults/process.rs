//! The server's process in trouble: killed and started again, measured, limited.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::{PATIENCE, Server};

/// A crash and the restart behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    /// When SIGKILL was sent.
    pub(super) at: Instant,
    /// How long it took from there until a request was answered again.
    pub(super) down: Duration,
}

impl Crash {
    /// When the server answered again.
    pub(super) fn over(&self) -> Instant {
        self.at + self.down
    }
}

/// Kills the server and starts it at once again, as a supervisor does.
pub(super) async fn crash(server: Server) -> (Server, Crash) {
    let address = server.address();
    let at = Instant::now();
    server.signal(Signal::KILL);
    let prober = std::thread::spawn(move || {
        // A process that was killed may run on to the end of its time slice.
        std::thread::sleep(Duration::from_millis(5));
        until_answered(address);
        at.elapsed()
    });
    let server = server.start_again().await;
    let down = tokio::task::spawn_blocking(move || prober.join()).await.expect("a thread").expect("the server answers");
    (server, Crash { at, down })
}

/// Waits until a request on a new connection is answered.
pub(super) fn until_answered(address: SocketAddr) {
    let start = Instant::now();
    while !is_answered(address).unwrap_or(false) {
        assert!(start.elapsed() < PATIENCE, "nobody answers");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_answered(address: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /domains HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(&status == b"HTTP/1.1 200")
}

impl Server {
    /// Processor time of the process so far, in its own code and in the kernel for it.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("the server is there");
        // The name in parentheses may hold anything, so fields are counted from its end: utime and stime are 14 and 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or_default();
        // USER_HZ is 100 in every Linux ABI that Rust supports.
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// The value of a metric as its line begins, labels included; 0 if there is none.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.admin().get("/metrics").await.text;
        let value =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<f64>().ok());
        value.unwrap_or_default() as u64
    }
}
