//! A log that moves on while clients sleep, past what they had: they are told so, and get everything anew.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::json;

use super::kill::until_acknowledged;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home, readings};
use crate::{Setup, within};

/// Entries that the log keeps.
const KEPT: u64 = 500;

pub(super) async fn log_moves_on(scale: Scale) -> Outcome {
    let times = scale.pick(1, 5);
    let server = at_home(Setup::new().set("log_max_entries", KEPT)).start().await;
    let crowd = Crowd::settle(&server, scale.pick(20, 200), 2).await;
    let swarm = Swarm::connect(&server, &crowd, Return::After(Duration::from_millis(10)));
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let mut back = Duration::ZERO;
    for _ in 0..times {
        say_something(&server, &crowd, &ledger).await;
        swarm.settle(&server).await;
        swarm.leave();
        let first = server.metric("sanmon_log_head").await;
        let body = json!({ "events": vec![json!({ "to": "everyone", "t": "MISSED", "d": {} }); 1_000] });
        server.operator().post("/publish", body).await.expect(200);
        within("the log to forget", async {
            while server.metric("sanmon_log_entries").await > KEPT {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        assert!(server.metric("sanmon_log_head").await >= first + 1_000);
        assert!(server.metric("sanmon_log_bytes").await > 0 && server.metric("sanmon_log_age_ms").await < 300_000);
        let (fresh, start) = (swarm.board().fresh.load(Relaxed) + crowd.users.len() as u64, Instant::now());
        swarm.come_back();
        swarm.until("everyone to start anew", |board| board.fresh.load(Relaxed) >= fresh).await;
        swarm.until_live(crowd.users.len(), "everyone to be whole").await;
        back = back.max(start.elapsed());
    }
    say_something(&server, &crowd, &ledger).await;
    swarm.settle(&server).await;
    assert_eq!(swarm.board().resumed.load(Relaxed), 0, "nobody may be told that nothing was missed");
    let records = swarm.stop();
    for record in &records {
        assert!(record.is_in_order);
        assert_eq!(
            (record.refused, record.states.len()),
            (times, times as usize + 1),
            "told each time, and whole again"
        );
    }
    let audit = ledger.audit(&readings(&records, &crowd));
    let tried = format!(
        "{} clients away for 1000 events of a log that keeps {KEPT}: READY says so, with all state",
        records.len()
    );
    Outcome { tried, times, audit, recovered: Vec::new() }.took("all whole again within", back)
}

/// Publishes a little, all of which everyone who is here gets.
async fn say_something(server: &crate::Server, crowd: &Crowd, ledger: &Arc<Ledger>) {
    let publishers = Publishers::start(server, crowd, ledger, Pace::default());
    until_acknowledged(ledger, 30).await;
    publishers.stop().await;
}
