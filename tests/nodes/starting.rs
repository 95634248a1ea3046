//! Nodes that start before what they stand on, and that are ended meanwhile.

use std::io::{BufRead, BufReader, Lines};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use harness::{Proxy, Setup, Weather, within};
use rustix::process::{Pid, Signal, kill_process};
use sanmon_engines::{Nats, Postgres};
use tempfile::TempDir;

/// A node that is about to start; killed when dropped.
struct Starting {
    child: Child,
    lines: Option<Lines<BufReader<ChildStderr>>>,
    said: String,
    _data: TempDir,
}

impl Starting {
    fn spawn(setup: &Setup) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut command = setup.command(data.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("sanmon runs");
        let lines = Some(BufReader::new(child.stderr.take().expect("its log")).lines());
        Self { child, lines, said: String::new(), _data: data }
    }

    /// Waits until the node says this.
    async fn says(&mut self, what: &'static str) {
        let mut lines = self.lines.take().expect("its log");
        let reading = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            let found = lines.by_ref().map_while(Result::ok).any(|line| {
                said += &line;
                said.push('\n');
                line.contains(what)
            });
            (lines, said, found)
        });
        let (lines, said, found) = within(what, reading).await.expect("its log");
        self.lines = Some(lines);
        self.said += &said;
        assert!(found, "no `{what}` in {}", self.said);
    }

    /// Signals the node, and says with which code it exits and after how long.
    async fn ends_by(&mut self, signal: Signal) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a number")).expect("not 0");
        kill_process(pid, signal).expect("the node is there");
        let status = within("the end", async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a child") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        (status.code(), start.elapsed())
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// A node on this NATS, and on a database of the shared PostgreSQL, to which the way leads through the proxy.
async fn behind_a_proxy(nats: &Nats) -> (Setup, Proxy) {
    let (url, address) = tokio::task::spawn_blocking(|| (Postgres::shared().database(), Postgres::shared().address()))
        .await
        .expect("it");
    let proxy = Proxy::to(address).await;
    proxy.set(Weather::Down);
    let url = url.replace(&address.to_string(), &proxy.address().to_string());
    (Setup::new().set("nats_url", nats.url()).set("store_url", url), proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_waited_for() {
    let nats = tokio::task::spawn_blocking(Nats::start).await.expect("NATS");
    let (setup, proxy) = behind_a_proxy(&nats).await;
    let mut node = Starting::spawn(&setup);
    node.says("PostgreSQL can't be reached yet").await;
    proxy.set(Weather::Fair);
    node.says("listening").await;
    assert_eq!(node.ends_by(Signal::TERM).await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_start_at_once() {
    let nats = tokio::task::spawn_blocking(Nats::start).await.expect("NATS");
    let alone = Setup::new()
        .set("nats_url", format!("nats://{}", nobody()))
        .set("store_url", format!("postgres://sanmon@{}/sanmon", nobody()));
    let (waiting, _proxy) = behind_a_proxy(&nats).await;
    for (setup, what, signal) in
        [(alone, "NATS can't be reached yet", Signal::TERM), (waiting, "PostgreSQL can't be reached yet", Signal::INT)]
    {
        let mut node = Starting::spawn(&setup);
        node.says(what).await;
        let (code, after) = node.ends_by(signal).await;
        assert_eq!(code, Some(0), "{what}");
        assert!(after < Duration::from_secs(3), "{what}: {after:?}");
        node.says("ended by a signal before the start was over").await;
    }
}
