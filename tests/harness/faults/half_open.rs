//! A peer that is connected and no longer there: a client's process that is stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::kill::until_acknowledged;
use super::listener::Listener;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Reading, Return, Scale, Swarm, at_home, readings};
use crate::{Setup, sanmon_command};

/// More than all time-outs together.
pub(super) const LONGEST: Duration = Duration::from_secs(120);

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
    let sleeper = Listener::start(sanmon_command(), &server.url(), &user);
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
pub(super) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < LONGEST, "waited {LONGEST:?} for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
