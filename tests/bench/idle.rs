//! Memory of connections that are identified and silent.

use std::io;
use std::time::Duration;

use harness::Setup;

use crate::swarm;

/// How many connections.
const CONNECTIONS: usize = 10_000;

pub(crate) async fn run() -> io::Result<()> {
    println!("idle: {CONNECTIONS} identified connections, each of a user of its own");
    // No ping falls into the measurement (the first one comes at a random moment), and no limit of one address.
    let server = Setup::new().set("ping_interval_ms", 600_000).set("max_connections_per_address", 20_000).start().await;
    let users = swarm::mint(&server, CONNECTIONS).await?;
    let sessions: Vec<String> = users.into_iter().map(|(_, session)| session).collect();
    // What the first connections cost once, such as threads' stacks, is no cost of one more.
    let warm = swarm::open(server.address(), &sessions[..100], "json")?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = server.memory();
    let connections = swarm::open(server.address(), &sessions[100..], "json")?;
    // Presences are gathered and stored, upgrades' tasks end.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = server.memory();
    let each = after.saturating_sub(before) as f64 / connections.len() as f64;
    println!("  resident before: {:.1} MB, after: {:.1} MB", megabytes(before), megabytes(after));
    println!("  {each:.0} bytes per connection\n");
    drop(warm);
    Ok(())
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
