//! SIGKILL: while events are published, in the middle of a READY, in the middle of a replay.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;

use super::outcome::longest;
use super::process::crash;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, To, at_home};
use crate::{Server, Setup, within};

/// How soon clients of these tests try again: what is looked at is what they get then.
const SOON: Return = Return::After(Duration::from_millis(25));

pub(super) async fn while_publishing(scale: Scale) -> Outcome {
    let times = scale.pick(3, 20);
    let mut server = at_home(Setup::new()).start().await;
    let crowd = Crowd::settle(&server, scale.pick(20, 100), 4).await;
    let swarm = Swarm::connect(&server, &crowd, SOON);
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace { each: 2, ..Pace::default() });
    let (mut down, mut back) = (Vec::new(), Vec::new());
    for _ in 0..times {
        until_acknowledged(&ledger, 100).await;
        let arrivals = swarm.arrivals() + crowd.users.len() as u64;
        let (restarted, crash) = crash(server).await;
        server = restarted;
        swarm
            .until("everyone to be back", |board| board.resumed.load(Relaxed) + board.fresh.load(Relaxed) >= arrivals)
            .await;
        down.push(crash.down);
        back.push(crash.at.elapsed());
    }
    until_acknowledged(&ledger, 50).await;
    publishers.stop().await;
    swarm.settle(&server).await;
    let tried =
        format!("{} clients, 4 backends that never pause; half insist under an idempotency key", crowd.users.len());
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("serving again in at most", longest(&down)).took("all resumed within", longest(&back))
}

/// Waits until so many more events were acknowledged.
pub(super) async fn until_acknowledged(ledger: &Ledger, more: u64) {
    let enough = ledger.acknowledged() + more;
    within("events to be acknowledged", async {
        while ledger.acknowledged() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub(super) async fn in_the_middle_of_ready(scale: Scale) -> Outcome {
    let times = scale.pick(1, 5);
    let guilds = 150;
    let mut server = at_home(Setup::new().set("rate_limit_requests", 1_000)).start().await;
    let crowd = Crowd::settle(&server, scale.pick(4, 20), 1).await;
    // Far more state than the kernel takes for a client that does not read.
    let lore = noise(60_000);
    let found = |_: usize| {
        let owner = server.as_user(&crowd.users[0]);
        let body = json!({ "name": "large", "lore": lore });
        async move { owner.post("/guilds", body).await.expect(201)["id"].as_u64().expect("an id") }
    };
    let large: Vec<u64> = stream::iter(1..guilds).map(found).buffered(8).collect().await;
    for user in &crowd.users[1..] {
        let operator = &server.operator();
        let join = |guild: &u64| {
            let path = format!("/guilds/{guild}/members/{}", user.id);
            async move { assert!(operator.put(&path).await.status < 300) }
        };
        stream::iter(&large).map(join).buffer_unordered(8).collect::<Vec<()>>().await;
    }
    let swarm = Swarm::asleep(server.address(), &crowd, SOON);
    swarm.hold_after(1 << 20);
    swarm.come_back();
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace::default());
    let mut down = Vec::new();
    for _ in 0..times {
        swarm.until("everyone to have half of READY", |board| board.held.load(Relaxed) == crowd.users.len()).await;
        assert_eq!(swarm.live(), 0, "none can have all of it");
        let (restarted, crash) = crash(server).await;
        server = restarted;
        down.push(crash.down);
    }
    swarm.release();
    swarm.until_live(crowd.users.len(), "everyone to have all of READY").await;
    until_acknowledged(&ledger, 50).await;
    publishers.stop().await;
    swarm.settle(&server).await;
    let tried = format!("{} clients, each with 1 MiB of 9 MiB of its guilds, cut off {times} times", crowd.users.len());
    let (outcome, records) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    for record in records {
        assert_eq!(record.states, [guilds], "one whole state with all guilds");
    }
    outcome.took("serving again in at most", longest(&down))
}

pub(super) async fn in_the_middle_of_a_replay(scale: Scale) -> Outcome {
    let times = scale.pick(2, 10);
    // A replay is far longer than a queue of live events may be: only those count that come after it, 100 KB at a time.
    let mut server = at_home(Setup::new().set("max_queue_bytes", 256 << 10)).start().await;
    let crowd = Crowd::settle(&server, scale.pick(10, 50), 1).await;
    let swarm = Swarm::connect(&server, &crowd, SOON);
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    swarm.leave();
    // Each time they get 1 MiB of it.
    publish_large(&server, &crowd, &ledger, u64::from(times) * 100 + 150).await;
    let mut down = Vec::new();
    swarm.hold_after(1 << 20);
    swarm.come_back();
    for round in 1..=times {
        swarm.until("everyone to have a part", |board| board.held.load(Relaxed) == crowd.users.len()).await;
        publish_large(&server, &crowd, &ledger, 5).await;
        let (restarted, crash) = crash(server).await;
        server = restarted;
        down.push(crash.down);
        assert!(swarm.board().numbers.load(Relaxed) >= u64::from(round) * 20, "each part holds some");
    }
    swarm.release();
    publish_large(&server, &crowd, &ledger, 5).await;
    swarm.settle(&server).await;
    assert_eq!(server.metric(r#"sanmon_connections_closed_total{code="4403"}"#).await, 0, "a replay is no slow reader");
    let tried = format!(
        "{} clients, each cut off {times} times within a replay of {} MiB",
        crowd.users.len(),
        u64::from(times) * 2 + 3
    );
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("serving again in at most", longest(&down))
}

/// Publishes events of 20 KB to the one guild.
async fn publish_large(server: &Server, crowd: &Crowd, ledger: &Ledger, count: u64) {
    let (operator, filler) = (server.operator(), noise(20_000));
    for _ in 0..count.div_ceil(20) {
        let sent: Vec<u64> = (0..count.min(20)).map(|_| ledger.number()).collect();
        let event = |n: &u64| json!({ "to": crowd.name(To::Guild(0)), "t": "NUMBER", "d": { "n": n, "x": filler } });
        let body = json!({ "events": sent.iter().map(event).collect::<Vec<_>>() });
        let seqs = operator.post("/publish", body).await.expect(200)["seqs"].clone();
        for (index, number) in sent.iter().enumerate() {
            ledger.acknowledge(*number, To::Guild(0), seqs[index].as_u64().expect("a place"));
        }
    }
}

/// Text that hardly gets smaller by compression, so that a client that has it compressed gets about as many bytes.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        // Xorshift (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text += &format!("{state:016x}");
    }
    text
}
