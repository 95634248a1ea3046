//! A peer that is connected and no longer there: a client's process that is stopped.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::kill::until_acknowledged;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Reading, Return, Scale, Swarm, at_home, readings};
use crate::{Server, Setup, User, sanmon_command};

/// More than all time-outs together.
const LONGEST: Duration = Duration::from_secs(120);

pub(super) async fn stopped(scale: Scale) -> Outcome {
    let setup = at_home(Setup::new());
    // The long form waits for the defaults: 20 s of silence, 20 s for an answer, 15 s for a return.
    let setup = match scale {
        Scale::Short => setup.set("ping_interval_ms", 300).set("ping_timeout_ms", 300).set("presence_grace_ms", 300),
        Scale::Long => setup,
    };
    let server = setup.start().await;
    let crowd = Crowd::settle(&server, 6, 1).await;
    let swarm = Swarm::connect(&server, &crowd, Return::ByTheRules);
    swarm.until_live(crowd.users.len(), "the clients").await;
    let user = server.user("sleeper").await;
    server.join(&user, crowd.guilds[0]).await;
    let sleeper = Sleeper::start(&server, &user);
    until("the sleeper to be live", async || server.metric("sanmon_users_connected").await == 7).await;
    let since = server.publish(json!({ "to": "everyone", "t": "START" })).await;

    let ledger = Arc::<Ledger>::default();
    let publishers =
        Publishers::start(&server, &crowd, &ledger, Pace { pause: Duration::from_millis(50), ..Pace::default() });
    until_acknowledged(&ledger, 10).await;
    sleeper.signal(Signal::STOP);
    let start = Instant::now();
    until("4402", async || server.metric(r#"sanmon_connections_closed_total{code="4402"}"#).await == 1).await;
    let closed = start.elapsed();
    until("the sleeper to be offline", async || swarm.board().offline.load(Relaxed) >= 6).await;
    let offline = start.elapsed();
    until_acknowledged(&ledger, 10).await;
    publishers.stop().await;
    sleeper.signal(Signal::CONT);
    swarm.settle(&server).await;
    let due = ledger.due(usize::MAX, &Reading { guild: 0, since, seen: Vec::new() });
    until("the sleeper to have everything", async || sleeper.seen().len() >= due).await;

    let tried = format!("a client's process stopped, awake again once the others saw it offline; {due} events for it");
    let slept = Reading { guild: 0, since, seen: sleeper.seen() };
    let (mut outcome, records) = Outcome::of(tried, 1, swarm, &crowd, &ledger);
    let mut all = readings(&records, &crowd);
    all.push(slept);
    outcome.audit = ledger.audit(&all);
    outcome.took("closed with 4402 after", closed).took("offline to others after", offline)
}

/// Waits until something holds, longer than any time-out of the server's.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < LONGEST, "waited {LONGEST:?} for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// `sanmon listen` in a process of its own.
struct Sleeper {
    child: Child,
    seen: Arc<Mutex<Vec<u64>>>,
}

impl Sleeper {
    fn start(server: &Server, user: &User) -> Self {
        let mut command = sanmon_command();
        command.args(["listen", "--json", "--url", &server.url()]).env("SANMON_SESSION", &user.session_id);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a client starts");
        let lines = BufReader::new(child.stdout.take().expect("its stdout")).lines();
        let seen = Arc::<Mutex<Vec<u64>>>::default();
        let list = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).expect("a line of JSON");
                if event["t"] == "NUMBER" {
                    list.lock().expect("the list").push(event["d"]["n"].as_u64().expect("a number"));
                }
            }
        });
        Self { child, seen }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the client is there");
    }

    fn seen(&self) -> Vec<u64> {
        self.seen.lock().expect("the list").clone()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
