//! Whether readers that stop reading cost anyone else: publishes with all of them reading and with some stopped, in turn.

use std::io;
use std::time::{Duration, Instant};

use harness::{Server, Setup};
use serde_json::json;

use crate::http::Http;
use crate::swarm::{self, Reader};

/// How many hear each event.
const SUBSCRIBERS: usize = 500;
/// How many of them stop.
const STOPPING: usize = SUBSCRIBERS / 10;
/// The length of an event's filler. Long, so that the kernel's buffers fill up and the server's queues come to bear.
const FILLER: usize = 32_000;
/// How long each round runs.
const TIME: Duration = Duration::from_secs(8);
/// Rounds of each kind.
const ROUNDS: usize = 4;

/// How long things took in the rounds of a kind.
#[derive(Default)]
struct Times {
    /// From a publish's request to its answer.
    publish: Vec<Duration>,
    /// From a publish's request until every reader that reads has the event.
    receipt: Vec<Duration>,
}

pub(crate) async fn run() -> io::Result<()> {
    println!(
        "slow: {SUBSCRIBERS} subscribers in one guild, events of {FILLER} bytes, one at a time; rounds of {TIME:?} in turn, \
         all of them reading, then {STOPPING} of them stopped"
    );
    let server = Setup::new()
        .set("max_connections_per_address", 20_000)
        .set("ping_interval_ms", 600_000)
        .set("ping_timeout_ms", 600_000)
        .set("presence_gather_ms", 2_000)
        // Who comes back is not gone in between, so that no presence is counted as an event.
        .set("presence_grace_ms", 600_000)
        .start()
        .await;
    let owner = server.user("owner").await;
    let guild = server.guild(&owner, "bench").await;
    let users = swarm::mint(&server, SUBSCRIBERS).await?;
    let mut http = Http::connect(server.address(), &format!("Bearer {}", server.key())).await?;
    for (id, _) in &users {
        http.send("PUT", &format!("/guilds/{guild}/members/{id}"), "").await?;
    }
    let sessions: Vec<String> = users.into_iter().map(|(_, session)| session).collect();
    let (stopping, steady) = sessions.split_at(STOPPING);
    let steady = Reader::start(swarm::open(server.address(), steady, "json")?)?;
    let (mut reading, mut stopped) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        let others = Reader::start(swarm::open(server.address(), stopping, "json")?)?;
        steady.quiet().await;
        measure(&mut http, guild, &[(&steady, SUBSCRIBERS - STOPPING), (&others, STOPPING)], &mut reading).await?;
        others.stop()?;
        // Connections that nobody reads: the kernel's buffers fill, then the server's queues, then they are closed.
        let unread = swarm::open(server.address(), stopping, "json")?;
        steady.quiet().await;
        measure(&mut http, guild, &[(&steady, SUBSCRIBERS - STOPPING)], &mut stopped).await?;
        drop(unread);
    }
    report("publish", &mut reading.publish, &mut stopped.publish);
    report("receipt", &mut reading.receipt, &mut stopped.receipt);
    println!("  closed as slow: {} of {}\n", closed_as_slow(&server).await, STOPPING * ROUNDS);
    steady.stop()
}

/// Publishes one event after another, each once all these readers have the one before.
async fn measure(http: &mut Http, guild: u64, readers: &[(&Reader, usize)], times: &mut Times) -> io::Result<()> {
    let event = json!({ "to": { "guild": guild }, "t": "BENCH", "d": { "x": "x".repeat(FILLER) } });
    let body = json!({ "events": [event] }).to_string();
    let before: Vec<u64> = readers.iter().map(|(reader, _)| reader.received()).collect();
    let (start, mut sent) = (Instant::now(), 0);
    while start.elapsed() < TIME {
        let asked = Instant::now();
        http.send("POST", "/publish", &body).await?;
        times.publish.push(asked.elapsed());
        sent += 1;
        let is_there =
            |((reader, count), before): (&(&Reader, usize), &u64)| reader.received() - before >= sent * *count as u64;
        while !readers.iter().zip(&before).all(is_there) {
            if asked.elapsed() > TIME {
                return Err(io::Error::other("an event did not reach everyone who reads"));
            }
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        times.receipt.push(asked.elapsed());
    }
    Ok(())
}

fn report(what: &str, reading: &mut [Duration], stopped: &mut [Duration]) {
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (all, some) = (quantile(reading, share), quantile(stopped, share));
        println!(
            "  {what} {name}: {:>6.2} ms with all reading, {:>6.2} ms with {STOPPING} stopped, ratio {:.2}",
            all * 1e3,
            some * 1e3,
            some / all
        );
    }
}

fn quantile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let index = (share * times.len().saturating_sub(1) as f64) as usize;
    times.get(index).map_or(f64::NAN, Duration::as_secs_f64)
}

async fn closed_as_slow(server: &Server) -> u64 {
    let metrics = server.admin().get("/metrics").await.text;
    let found = metrics.lines().find_map(|line| line.strip_prefix("sanmon_connections_closed_total{code=\"4403\"} "));
    found.and_then(|count| count.parse().ok()).unwrap_or_default()
}
