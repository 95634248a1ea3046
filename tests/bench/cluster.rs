//! What several nodes cost beside one: deliveries, the way from node to node, and how long the clients of a dead node are away.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use harness::faults::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Swarm, To};
use harness::{Cluster, Server, Setup, Socket};
use sanmon_engines::Durability;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::process::{cpu, family_cpu};
use crate::rounds::round;
use crate::session::Session;

/// Bytes of an event's text beside what frames it.
const FILLER: usize = 200;

/// Events that are published and not yet received by everyone.
const IN_FLIGHT: u64 = 8;

/// How far apart the publishes are that are timed on their way.
const PAUSE: Duration = Duration::from_millis(4);

/// How much is measured.
struct Size {
    /// How long deliveries are counted.
    time: Duration,
    /// How many clients share them, over however many nodes; three times as many when a node is killed.
    clients: usize,
    /// How many publishes are timed.
    timed: usize,
}

/// What deliveries cost.
struct Cost {
    per_second: f64,
    /// Processor time of the nodes for one delivery, in microseconds.
    nodes: f64,
    /// Processor time of NATS and PostgreSQL for one event, in microseconds.
    engines: f64,
}

pub(crate) async fn run(session: &Session) -> io::Result<()> {
    let full = Size { time: Duration::from_secs(8), clients: 1_000, timed: 1_000 };
    let size = session.pick(full, Size { time: Duration::from_millis(500), clients: 40, timed: 20 });
    let Size { time, clients, timed } = size;
    println!("cluster: {clients} clients in one guild, a fifth of them zlib, events of {FILLER} bytes, {time:?} each");
    let server = quiet(Setup::new()).start().await;
    let embedded = deliveries(std::slice::from_ref(&server), &[], &size).await?;
    println!("  one node, embedded log : {}", line(&embedded, &embedded));
    let alone = receipts(&server, &server, timed).await;
    drop(server);
    let (mut costs, mut across) = (vec![to_json("one node, embedded log", &embedded, &embedded)], Vec::new());
    for nodes in 1..=3 {
        let cluster = Cluster::start_alone(nodes, quiet(Setup::new()), Durability::Disk).await;
        let cost = deliveries(&cluster.nodes, &engines(&cluster), &size).await?;
        println!("  {nodes} on NATS and PostgreSQL: {}", line(&cost, &embedded));
        costs.push(to_json(&format!("{nodes} on NATS and PostgreSQL"), &cost, &embedded));
        if nodes == 3 {
            across = receipts(&cluster.nodes[0], &cluster.nodes[1], timed).await;
        }
    }
    println!("\ncluster: from the request to the receipt, {timed} events one after the other");
    println!("  one node, embedded log            : {}", percentiles(&alone));
    println!("  published at one of 3, read at another: {}", percentiles(&across));
    let killed = kill(clients).await;
    println!();
    let receipts = json!({ "embedded": times(&alone), "across": times(&across) });
    session.record("cluster", json!({ "deliveries": costs, "receipts": receipts, "killed": killed }))
}

fn to_json(what: &str, cost: &Cost, base: &Cost) -> Value {
    json!({
        "what": what,
        "deliveries_per_second": cost.per_second.round(),
        "node_cpu_us_per_delivery": round(cost.nodes),
        "ratio_to_embedded": round(cost.nodes / base.nodes),
        "engines_cpu_us_per_event": round(cost.engines),
    })
}

pub(crate) fn times(sorted: &[Duration]) -> Value {
    json!({ "p50_ms": round(millis(sorted, 0.5)), "p99_ms": round(millis(sorted, 0.99)) })
}

/// A node whose limits are not what is measured.
pub(crate) fn quiet(setup: Setup) -> Setup {
    setup.set("ping_interval_ms", 300_000).set("log_level", "warn,sanmon::cli=info")
}

fn line(cost: &Cost, base: &Cost) -> String {
    format!(
        "{:>8.0} deliveries/s, {:.2} node CPU-us each ({:.2} of the embedded one's), engines {:.0} CPU-us an event",
        cost.per_second,
        cost.nodes,
        cost.nodes / base.nodes,
        cost.engines
    )
}

/// The processes that the nodes stand on; PostgreSQL starts more.
pub(crate) fn engines(cluster: &Cluster) -> Vec<u32> {
    let postgres = cluster.postgres.as_ref().and_then(|postgres| postgres.pid());
    cluster.nats.pid().into_iter().chain(postgres).collect()
}

/// Keeps some events on their way to everyone, over all nodes in turn.
async fn deliveries(servers: &[Server], engines: &[u32], size: &Size) -> io::Result<Cost> {
    let clients = size.clients;
    let crowd = Crowd::settle(&servers[0], clients, 1).await;
    let swarm = Swarm::connect_among(servers, &crowd, Return::After(Duration::from_secs(1)));
    swarm.until_live(clients, "the clients").await;
    let done = || swarm.board().numbers.load(Ordering::Relaxed) / clients as u64;
    let permits = Arc::new(Semaphore::new(0));
    let publish = |index: usize| {
        let (operator, permits, to) =
            (servers[index % servers.len()].operator(), Arc::clone(&permits), crowd.name(To::Guild(0)));
        tokio::spawn(async move {
            while let Ok(permit) = permits.acquire().await {
                permit.forget();
                operator.post("/publish", event(&to, 0)).await.expect(200);
            }
        })
    };
    let tasks: Vec<_> = (0..IN_FLIGHT as usize).map(publish).collect();
    let nodes = || servers.iter().map(|server| cpu(server.pid())).sum::<io::Result<Duration>>();
    let below = || engines.iter().map(|pid| family_cpu(*pid)).sum::<io::Result<Duration>>();
    let (nodes_before, below_before) = (nodes()?, below()?);
    let (start, mut given) = (Instant::now(), 0);
    while start.elapsed() < size.time {
        let room = IN_FLIGHT.saturating_sub(given - done());
        permits.add_permits(usize::try_from(room).unwrap_or_default());
        given += room;
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    let (took, events) = (start.elapsed().as_secs_f64(), done() as f64);
    let (nodes, below) = (nodes()? - nodes_before, below()? - below_before);
    permits.close();
    for task in tasks {
        task.await.map_err(io::Error::other)?;
    }
    drop(swarm);
    let deliveries = events * clients as f64;
    Ok(Cost {
        per_second: deliveries / took,
        nodes: nodes.as_secs_f64() * 1e6 / deliveries,
        engines: below.as_secs_f64() * 1e6 / events,
    })
}

fn event(to: &Value, number: usize) -> Value {
    json!({ "events": [{ "to": to, "t": "NUMBER", "d": { "n": number, "x": "x".repeat(FILLER) } }] })
}

/// How long events are on their way from the request at one node to a client at another, one at a time.
async fn receipts(publisher: &Server, reader: &Server, timed: usize) -> Vec<Duration> {
    let user = publisher.user("reader").await;
    let mut socket = Socket::live(reader, &user).await;
    let (operator, to) = (publisher.operator(), json!({ "user": user.id }));
    let mut times = Vec::with_capacity(timed);
    for number in 0..timed {
        let start = Instant::now();
        let receipt = async {
            socket.event_where("NUMBER", |event| event["d"]["n"] == number).await;
            start.elapsed()
        };
        let (answer, time) = tokio::join!(operator.post("/publish", event(&to, number)), receipt);
        answer.expect(200);
        times.push(time);
        tokio::time::sleep(PAUSE).await;
    }
    times.sort_unstable();
    times
}

pub(crate) fn percentiles(sorted: &[Duration]) -> String {
    let [p50, p99, longest] = [0.5, 0.99, 0.999_999].map(|share| millis(sorted, share));
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, longest {longest:.2} ms")
}

/// The time within which this share of them lies.
pub(crate) fn millis(sorted: &[Duration], share: f64) -> f64 {
    sorted.get((sorted.len() as f64 * share) as usize).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// Kills one of three nodes under a thousand clients, with backends that go on.
async fn kill(clients: usize) -> Value {
    let mut cluster = Cluster::start_alone(3, quiet(Setup::new()), Durability::Disk).await;
    let crowd = Crowd::settle(&cluster.nodes[0], clients * 3, clients * 3 / 20).await;
    let swarm = Swarm::connect_among(&cluster.nodes, &crowd, Return::ByTheRules);
    swarm.until_live(clients * 3, "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let pace = Pace { pause: Duration::from_millis(20), ..Pace::default() };
    let publishers = Publishers::start_among(&cluster.nodes, &crowd, &ledger, pace);
    while ledger.acknowledged() < 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let here = cluster.nodes[1].metric("sanmon_connections").await;
    let arrivals = swarm.arrivals() + here;
    let start = Instant::now();
    cluster.kill(1).await;
    swarm.until("everyone to be elsewhere", |_| swarm.arrivals() >= arrivals).await;
    let back = start.elapsed();
    publishers.stop().await;
    swarm.settle(&cluster.nodes[0]).await;
    let (Outcome { audit, .. }, _) = Outcome::of(String::new(), 1, swarm, &crowd, &ledger);
    println!(
        "\ncluster: one of 3 nodes killed, {here} clients of {}: the last one resumed elsewhere after {:.2} s; {} of {} deliveries \
         lost, {} doubled",
        crowd.users.len(),
        back.as_secs_f64(),
        audit.lost,
        audit.due,
        audit.duplicated
    );
    json!({ "clients_of_the_node": here, "last_resumed_after_s": round(back.as_secs_f64()), "lost": audit.lost, "doubled": audit.duplicated })
}
