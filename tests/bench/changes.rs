//! How many changes of what is stored several nodes take a second, and how long each is waited for.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use harness::faults::Crowd;
use harness::{Api, Cluster, Server, Setup};
use sanmon_engines::Durability;
use serde_json::json;

use crate::cluster::{engines, millis, percentiles, quiet, times};
use crate::process::{cpu, family_cpu};
use crate::rounds::round;
use crate::session::Session;

/// Callers who change something, each one thing after the other.
const CALLERS: [usize; 2] = [1, 64];

/// Flushes that are timed.
const FLUSHES: usize = 50;

/// What came of some callers.
struct Changed {
    callers: usize,
    /// How long each change took, sorted.
    times: Vec<Duration>,
    per_second: f64,
    /// Processor time for one change, in microseconds: of the nodes, and of NATS and PostgreSQL.
    cpu: [f64; 2],
}

/// Has callers rename users, each at one of three nodes. All users are in one guild, so each change is an event as well.
pub(crate) async fn run(session: &Session) -> io::Result<()> {
    let time = session.pick(Duration::from_secs(15), Duration::from_millis(500));
    let disk = flushes()?;
    println!("changes: of users, over 3 nodes, answered once on disk and in the log, {time:?} each");
    println!("  a flush of this disk: {}", percentiles(&disk));
    let cluster = Cluster::start_alone(3, quiet(Setup::new()), Durability::Disk).await;
    let crowd = Crowd::settle(&cluster.nodes[0], CALLERS[1], 1).await;
    let mut figures = Vec::new();
    for callers in CALLERS {
        let changed = change(&cluster, &crowd, callers, time).await?;
        let [nodes, engines] = changed.cpu.map(round);
        println!(
            "  {:>2} callers: {:>5.0} a second, {}; CPU-us each: {nodes} nodes, {engines} engines",
            changed.callers,
            changed.per_second,
            percentiles(&changed.times)
        );
        figures.push(json!({
            "callers": callers,
            "changes_per_second": changed.per_second.round(),
            "times": times(&changed.times),
            "node_cpu_us_per_change": nodes,
            "engines_cpu_us_per_change": engines,
        }));
    }
    println!();
    session.record("changes", json!({ "flush_p50_ms": round(millis(&disk, 0.5)), "callers": figures }))
}

async fn change(cluster: &Cluster, crowd: &Crowd, callers: usize, time: Duration) -> io::Result<Changed> {
    let used = || -> io::Result<[Duration; 2]> {
        let nodes = cluster.nodes.iter().map(|node| cpu(node.pid())).sum::<io::Result<_>>()?;
        Ok([nodes, engines(cluster).into_iter().map(family_cpu).sum::<io::Result<_>>()?])
    };
    // The last node first: a single caller is not at the node that relays, which mostly is the first.
    let operators: Vec<Api> = cluster.nodes.iter().rev().map(Server::operator).collect();
    let (before, start) = (used()?, Instant::now());
    let call = |caller: usize| {
        let operator = operators[caller % operators.len()].clone();
        let path = format!("/users/{}", crowd.users[caller].id);
        tokio::spawn(async move {
            let mut times = Vec::new();
            while start.elapsed() < time {
                let began = Instant::now();
                let name = format!("user {caller}, named for the {} time", times.len());
                operator.patch(&path, json!({ "username": name })).await.expect(200);
                times.push(began.elapsed());
            }
            times
        })
    };
    let times = try_join_all((0..callers).map(call)).await.map_err(io::Error::other)?;
    let (took, after) = (start.elapsed(), used()?);
    let mut times = times.concat();
    times.sort_unstable();
    let changes = times.len() as f64;
    let cpu = [0, 1].map(|part| (after[part] - before[part]).as_secs_f64() * 1e6 / changes);
    Ok(Changed { callers, times, per_second: changes / took.as_secs_f64(), cpu })
}

/// How long the disk takes to keep a page: no change that is on it can be answered sooner.
fn flushes() -> io::Result<Vec<Duration>> {
    let path = std::env::temp_dir().join(format!("sanmon-bench-{}", std::process::id()));
    let mut file = File::create(&path)?;
    let mut flush = || {
        file.write_all(&[0; 8192])?;
        let start = Instant::now();
        file.sync_data()?;
        Ok(start.elapsed())
    };
    let times: io::Result<Vec<Duration>> = (0..FLUSHES).map(|_| flush()).collect();
    std::fs::remove_file(&path)?;
    let mut times = times?;
    times.sort_unstable();
    Ok(times)
}
