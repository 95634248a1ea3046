//! Durable publishes: acknowledged only when they would survive the loss of power.

use std::io;
use std::time::{Duration, Instant};

use harness::{Server, Setup};
use serde_json::{Value, json};

use crate::http::Http;
use crate::process::cpu;

/// How long each case runs.
const TIME: Duration = Duration::from_secs(8);

pub(crate) async fn run() -> io::Result<()> {
    println!("publish: events of 256 bytes to a user who is not connected, {TIME:?} each");
    let server = Setup::new().start().await;
    let user = server.user("reader").await;
    for (publishers, batch) in [(1, 1), (16, 1), (64, 1), (1, 100), (8, 100)] {
        measure(&server, user.id, publishers, batch).await?;
    }
    println!();
    Ok(())
}

async fn measure(server: &Server, user: u64, publishers: usize, batch: usize) -> io::Result<()> {
    let event = json!({ "to": { "user": user }, "t": "BENCH", "d": { "x": "x".repeat(210) } });
    let body = json!({ "events": vec![event; batch] }).to_string();
    let (start, cpu_before) = (Instant::now(), cpu(server.pid())?);
    let mut tasks = Vec::new();
    for _ in 0..publishers {
        let mut http = Http::connect(server.address(), &format!("Bearer {}", server.key())).await?;
        let body = body.clone();
        tasks.push(tokio::spawn(async move {
            let (mut events, mut slowest) = (0, Duration::ZERO);
            while start.elapsed() < TIME {
                let sent = Instant::now();
                let answer: Value = serde_json::from_str(&http.send("POST", "/publish", &body).await?)?;
                events += answer["seqs"].as_array().map_or(0, Vec::len);
                slowest = slowest.max(sent.elapsed());
            }
            io::Result::Ok((events, slowest))
        }));
    }
    let (mut events, mut slowest) = (0, Duration::ZERO);
    for task in tasks {
        let (more, its_slowest) = task.await.map_err(io::Error::other)??;
        events += more;
        slowest = slowest.max(its_slowest);
    }
    let took = start.elapsed().as_secs_f64();
    let busy = (cpu(server.pid())? - cpu_before).as_secs_f64() * 1e6 / events as f64;
    println!(
        "  {publishers:>2} publishers, batches of {batch:>3}: {:>8.0} events/s, {busy:>6.1} server CPU-us each, slowest {:.0} ms",
        events as f64 / took,
        slowest.as_secs_f64() * 1e3
    );
    Ok(())
}
