//! Thousands of clients that all lost their server at the same moment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;

use super::kill::until_acknowledged;
use super::process::crash;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Server, Setup};

/// How long nobody may be served, and how long after that the last client may be without its events.
const MAX_DOWN: Duration = Duration::from_secs(2);
const MAX_BACK: Duration = Duration::from_secs(10);

pub(super) async fn everyone_comes_back(scale: Scale) -> Outcome {
    let (clients, entries) = scale.pick((300, 20_000), (5_000, 1_000_000));
    let setup = at_home(Setup::new())
        .set("log_max_age_ms", 3_600_000)
        .set("log_max_entries", 2_000_000)
        .set("ping_interval_ms", 60_000);
    let server = setup.start().await;
    let crowd = Crowd::settle(&server, clients, clients / 20).await;
    fill_log(&server, entries).await;
    let swarm = Swarm::connect(&server, &crowd, Return::ByTheRules);
    swarm.until_live(clients, "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let pace = Pace { each: 1, batch: 4, pause: Duration::from_millis(100), ..Pace::default() };
    let publishers = Publishers::start(&server, &crowd, &ledger, pace);
    until_acknowledged(&ledger, 40).await;

    let arrivals = swarm.arrivals() + clients as u64;
    let (server, crash) = crash(server).await;
    let mut back = Instant::now();
    while swarm.arrivals() < arrivals {
        back = Instant::now();
        assert!(crash.at.elapsed() < MAX_BACK * 6, "only {} of {clients} are back", swarm.live());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let back = back.saturating_duration_since(crash.over());
    // From here on everyone is there, while the publishers go on.
    until_acknowledged(&ledger, 40).await;
    publishers.stop().await;
    swarm.settle(&server).await;
    if scale == Scale::Long {
        assert!(crash.down < MAX_DOWN, "nobody was served for {:?}", crash.down);
        assert!(back < MAX_BACK, "the last client was back after {back:?}");
    }
    let tried =
        format!("{clients} clients with a proper client's delays, a log of {entries} entries, events all the while");
    let (outcome, records) = Outcome::of(tried, 1, swarm, &crowd, &ledger);
    assert!(records.iter().all(|record| record.states.len() == 1), "all were resumed");
    outcome.took("serving again in", crash.down).took("then all resumed within", back)
}

/// Publishes to someone who is never there.
async fn fill_log(server: &Server, entries: usize) {
    const BATCH: usize = 1_000;
    let (absent, operator) = (server.user("absent").await, server.operator());
    let event = json!({ "to": { "user": absent.id }, "t": "FILLER", "d": { "x": "0123456789" } });
    let body = json!({ "events": vec![event; BATCH] });
    let publish = |_| {
        let (operator, body) = (&operator, body.clone());
        async move { drop(operator.post("/publish", body).await.expect(200)) }
    };
    stream::iter(0..entries / BATCH).map(publish).buffer_unordered(4).collect::<Vec<()>>().await;
}
