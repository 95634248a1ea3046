//! SIGTERM while everyone is there and events flow, then the next start.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::kill::until_acknowledged;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Record, Return, Scale, Swarm, at_home};
use crate::Setup;

/// How long after the next start everyone has to be back: told to come within 2 s of the window's end.
const RETURN: Duration = Duration::from_secs(5);

/// Beyond the window, what the last close handshakes and requests may take.
const SLACK: Duration = Duration::from_secs(12);

pub(super) async fn under_load(scale: Scale) -> Outcome {
    let times = scale.pick(1, 2);
    let (clients, window) = scale.pick((60, Duration::from_millis(1_500)), (1_000, Duration::from_secs(10)));
    let mut server = at_home(Setup::new().set("drain_ms", window.as_millis())).start().await;
    let crowd = Crowd::settle(&server, clients, clients / 20).await;
    let swarm = Swarm::connect(&server, &crowd, Return::ByTheRules);
    swarm.until_live(clients, "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let pace = Pace { pause: Duration::from_millis(50), ..Pace::default() };
    let publishers = Publishers::start(&server, &crowd, &ledger, pace);
    let mut starts = Vec::new();
    let (mut ended, mut back) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..times {
        until_acknowledged(&ledger, 30).await;
        let start = Instant::now();
        starts.push(start);
        server.signal(Signal::TERM);
        assert!(server.exited().await.success(), "a drain ends with 0");
        ended = ended.max(start.elapsed());
        assert!(ended < window + SLACK, "the drain took {ended:?}");
        let start = Instant::now();
        server = server.start_again().await;
        swarm.until_live(clients, "everyone to be back").await;
        back = back.max(start.elapsed());
        until_acknowledged(&ledger, 30).await;
    }
    publishers.stop().await;
    swarm.settle(&server).await;
    let tried = format!("{clients} clients and 2 backends, a window of {window:?}, started again at once");
    let (outcome, records) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    assert!(back < RETURN, "the last one was back {back:?} after the next start");
    let notes: Vec<_> = records.iter().flat_map(|record| &record.notes).collect();
    assert!(notes.is_empty(), "somebody was shown as offline: {notes:?}");
    check(&records, &starts, window, scale.pick(0.01..0.8, 0.1..0.45));
    outcome.took("ended within", ended).took("all resumed after the next start within", back)
}

/// Each client was told, then closed, at its own moment of the window.
fn check(records: &[Record], starts: &[Instant], window: Duration, quarter: Range<f64>) {
    let mut quarters = [0; 4];
    for (index, record) in records.iter().enumerate() {
        let codes: Vec<u16> = record.closes.iter().map(|(_, code)| *code).collect();
        assert!(!codes.is_empty() && codes.iter().all(|code| *code == 4401), "client {index}: {codes:?}");
        assert!(record.told.is_some(), "client {index} was not told");
        let after = record.closes[0].0 - starts[0];
        quarters[((after.as_secs_f64() / window.as_secs_f64() * 4.0) as usize).min(3)] += 1;
    }
    let share = |count: usize| count as f64 / records.len() as f64;
    assert!(quarters.iter().all(|count| quarter.contains(&share(*count))), "closes by quarter: {quarters:?}");
}
