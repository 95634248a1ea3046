//! One event for a thousand subscribers: how many deliveries a second, at what cost.

use std::io;
use std::time::{Duration, Instant};

use harness::{Server, Setup};
use serde_json::json;
use tokio::sync::mpsc::channel;

use crate::http::Http;
use crate::process::cpu;
use crate::swarm::{self, Reader};

/// How many hear each event.
const SUBSCRIBERS: usize = 1_000;
/// The length of an event's `{"t":..,"s":..,"d":..}`.
const EVENT_BYTES: usize = 256;
/// How long each case runs.
const TIME: Duration = Duration::from_secs(10);

pub(crate) async fn run() -> io::Result<()> {
    println!("deliver: {SUBSCRIBERS} subscribers in one guild, events of {EVENT_BYTES} bytes, {TIME:?} each");
    let server = Setup::new()
        .set("max_connections_per_address", 20_000)
        .set("ping_interval_ms", 600_000)
        .set("ping_timeout_ms", 600_000)
        .set("presence_gather_ms", 2_000)
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
    for encoding in ["json", "zlib"] {
        let reader = Reader::start(swarm::open(server.address(), &sessions, encoding)?)?;
        for in_flight in [1, 16] {
            reader.quiet().await;
            measure(&server, &reader, guild, encoding, in_flight).await?;
        }
        reader.stop()?;
    }
    println!();
    Ok(())
}

/// Publishes with at most `in_flight` events under way: each counts until all subscribers have it.
async fn measure(server: &Server, reader: &Reader, guild: u64, encoding: &str, in_flight: u64) -> io::Result<()> {
    let body = event(guild);
    let (permits, waiting) = channel::<()>(16);
    let waiting = std::sync::Arc::new(tokio::sync::Mutex::new(waiting));
    let mut publishers = Vec::new();
    for _ in 0..in_flight {
        let mut http = Http::connect(server.address(), &format!("Bearer {}", server.key())).await?;
        let (waiting, body) = (std::sync::Arc::clone(&waiting), body.clone());
        publishers.push(tokio::spawn(async move {
            while waiting.lock().await.recv().await.is_some() {
                http.send("POST", "/publish", &body).await?;
            }
            io::Result::Ok(())
        }));
    }
    let (start, cpu_before, first) = (Instant::now(), cpu(server.pid())?, reader.received());
    let (mut sent, mut done) = (0, 0);
    while start.elapsed() < TIME || done < sent {
        done = (reader.received() - first) / SUBSCRIBERS as u64;
        if start.elapsed() > TIME * 3 {
            let frames = reader.received() - first;
            return Err(io::Error::other(format!("{sent} events sent, {frames} frames received")));
        }
        if start.elapsed() < TIME && sent - done < in_flight {
            permits.send(()).await.map_err(io::Error::other)?;
            sent += 1;
        } else {
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
    }
    let (took, busy) = (start.elapsed().as_secs_f64(), cpu(server.pid())? - cpu_before);
    drop(permits);
    for publisher in publishers {
        publisher.await.map_err(io::Error::other)??;
    }
    let deliveries = (reader.received() - first) as f64;
    println!(
        "  {encoding}, {in_flight:>2} in flight: {:>9.0} deliveries/s, {:.2} server CPU-us per delivery, {:>5.0} events/s",
        deliveries / took,
        busy.as_secs_f64() * 1e6 / deliveries,
        deliveries / SUBSCRIBERS as f64 / took
    );
    Ok(())
}

/// A publish whose event is [`EVENT_BYTES`] long on the wire, with an `s` of today's length.
fn event(guild: u64) -> String {
    let frame = |filler: &str| json!({ "t": "BENCH", "s": 891_234_567_890_123_u64, "d": { "x": filler } }).to_string();
    let filler = "x".repeat(EVENT_BYTES - frame("").len());
    json!({ "events": [{ "to": { "guild": guild }, "t": "BENCH", "d": { "x": filler } }] }).to_string()
}
