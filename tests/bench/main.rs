//! What the server costs, measured beside other servers: `cargo xtask bench` starts it.

mod changes;
mod cluster;
mod codec;
mod connect;
mod crowd;
mod event;
mod fanout;
mod generator;
mod http;
mod idle;
mod interactions;
mod machine;
mod peers;
mod plot;
mod process;
mod program;
mod publish;
mod rounds;
mod session;
mod slow;
mod swarm;
mod table;
mod target;

use std::error::Error;

use self::session::{Scale, Session};

/// What can be measured, in the order in which it is.
const NAMES: [&str; 9] =
    ["fanout", "idle", "connect", "publish", "slow", "codec", "cluster", "changes", "interactions"];

/// Runs the benchmarks that are named, or all of them; `--smoke` only tries whether they work, `--beside=a,b` names the
/// servers to compare with, `--connections=1000,10000` at how many fan-out is measured; nothing of such a part is recorded.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (flags, names): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    if names.iter().any(|name| name == generator::COMMAND) {
        return Ok(generator::run()?);
    }
    let scale = if flags.iter().any(|flag| flag == "--smoke") { Scale::Smoke } else { Scale::Full };
    let beside = flags.iter().find_map(|flag| flag.strip_prefix("--beside="));
    let beside = beside.map(|beside| {
        let wanted: Vec<&str> = beside.split(',').collect();
        peers::NAMES.into_iter().filter(|name| wanted.contains(name)).collect()
    });
    let sizes = flags.iter().find_map(|flag| flag.strip_prefix("--connections="));
    let sizes = sizes.map(|sizes| sizes.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()).transpose()?;
    let session = Session { sizes, ..Session::new(scale, beside) };
    println!("{}; servers and load generator share it\n", session.machine());
    for name in NAMES {
        if !names.is_empty() && !names.iter().any(|one| one == name) {
            continue;
        }
        match name {
            "fanout" => fanout::run(&session).await?,
            "idle" => idle::run(&session).await?,
            "connect" => connect::run(&session).await?,
            "publish" => publish::run(&session).await?,
            "slow" => slow::run(&session).await?,
            "codec" => codec::run(&session)?,
            "cluster" => cluster::run(&session).await?,
            "changes" => changes::run(&session).await?,
            _ => interactions::run(&session).await?,
        }
    }
    Ok(())
}
