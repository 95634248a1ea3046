//! What the server costs: memory of idle connections, deliveries, durable publishes, slow readers, interactions. Prints; asserts
//! nothing.

mod deliver;
mod http;
mod idle;
mod interactions;
mod process;
mod publish;
mod slow;
mod swarm;

use std::error::Error;

/// Runs the benchmarks that are named, or all of them.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores; server and load generator share them\n");
    if wanted("idle") {
        idle::run().await?;
    }
    if wanted("deliver") {
        deliver::run().await?;
    }
    if wanted("publish") {
        publish::run().await?;
    }
    if wanted("slow") {
        slow::run().await?;
    }
    if wanted("interactions") {
        interactions::run().await?;
    }
    Ok(())
}
