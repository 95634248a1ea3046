//! Durable publishes: how soon they are heard and acknowledged, and how many there can be.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::crowd::{self, Crowd};
use crate::event;
use crate::generator::{Load, Quantiles, Ran};
use crate::peers;
use crate::rounds::{median, turns};
use crate::session::Session;
use crate::swarm::{Swarm, strangers};
use crate::table::Table;
use crate::target::Target;

/// The length of an event on the wire.
const EVENT_BYTES: usize = 256;
/// Who hears each event.
const READERS: usize = 1_000;
/// Microseconds from one event to the next, whether the one before has arrived or not.
const PACE: u64 = 20_000;
/// Rounds in which servers take turns.
const ROUNDS: usize = 7;
/// Publishers at once and events in each of their requests.
const CASES: [(usize, usize); 5] = [(1, 1), (16, 1), (64, 1), (1, 100), (8, 100)];
/// Milliseconds until a publish is acknowledged, for one of two, at most.
const ACKNOWLEDGED: f64 = 5.0;
/// Durable publishes a second in batches of 100, at least.
const BATCHED: f64 = 50_000.0;

pub(crate) async fn run(session: &Session) -> io::Result<()> {
    println!("publish: events of {EVENT_BYTES} bytes; Sanmon answers once they are on disk");
    let heard = heard(session).await?;
    let durable = durable(session).await?;
    println!();
    session.record("publish", json!({ "heard": heard, "durable": durable }))
}

/// How long it takes from a publish until each reader has it, beside Bun, which stores nothing.
async fn heard(session: &Session) -> io::Result<Value> {
    let readers = session.pick(READERS, 20);
    let progress = session.progress("publish", ROUNDS + 1);
    let server = crowd::setup().start().await;
    let guild = crowd::guilds(&server, 1).await?[0];
    let crowd = Crowd::mint(&server, readers).await?;
    crowd.join(&server, &(0..readers).map(|user| (user, guild)).collect::<Vec<_>>()).await?;
    let bun: Vec<&'static str> = session.beside.iter().copied().filter(|name| *name == "bun").collect();
    let peers = peers::start(&bun)?;
    let sanmon = Target::of(&server);
    let mut contenders = vec![(sanmon, crowd.hellos("json"), 2)];
    for peer in &peers {
        let dialect = peer.target.dialect;
        contenders.push((peer.target.clone(), strangers(dialect, readers), dialect.welcome()));
    }
    let mut swarms = Vec::new();
    for (target, hellos, welcome) in &contenders {
        let mut swarm = Swarm::new(session, target)?;
        swarm.open(hellos, *welcome).await?;
        swarm.settle().await?;
        swarms.push(swarm);
    }
    let mut ran: Vec<Vec<Ran>> = contenders.iter().map(|_| Vec::new()).collect();
    let mut flushes = Vec::new();
    for round in 0..=ROUNDS {
        progress.step("until it is heard");
        for turn in turns(contenders.len(), round) {
            let target = &contenders[turn].0;
            let request = match turn {
                0 => event::request(&[json!({ "guild": guild })], EVENT_BYTES, readers),
                _ => event::raw_request(1, EVENT_BYTES, readers),
            };
            let load = target.load(vec![request], 1_000, session.pick(2_000, 100));
            let figures = swarms[turn].run(Load { pace: Some(PACE), ..load }).await?;
            if round > 0 {
                ran[turn].push(figures);
            }
        }
        flushes.push(flushes_of(server.data(), session.pick(100, 3))?);
    }
    drop(progress);
    let of = |server: usize, figure: fn(&Ran) -> u32| {
        median(ran[server].iter().map(|ran| f64::from(figure(ran)) / 1e3).collect())
    };
    let [p50, p99]: [fn(&Ran) -> u32; 2] = [|ran| ran.received.p50, |ran| ran.received.p99];
    let flush =
        |figure: fn(&Quantiles) -> u32| median(flushes.iter().map(|one| f64::from(figure(one)) / 1e3).collect());
    let mut table = Table::new(["milliseconds", "p50", "p99"]);
    for (server, (target, ..)) in contenders.iter().enumerate() {
        let name = format!("{}, publish to receipt", target.name);
        table.add([name, format!("{:.2}", of(server, p50)), format!("{:.2}", of(server, p99))]);
    }
    let flush = [flush(|one| one.p50), flush(|one| one.p99)];
    table.add([
        "flush to the same disk (4 KB, fdatasync)".to_owned(),
        format!("{:.2}", flush[0]),
        format!("{:.2}", flush[1]),
    ]);
    println!("\n  {readers} readers, {} events a second, medians of {ROUNDS} rounds\n\n{table}", 1_000_000 / PACE);
    if contenders.len() > 1 {
        let (own, limit) = (of(0, p99), of(1, p99) + flush[1]);
        let verdict = session.verdict(own <= limit);
        println!("  p99: {own:.2} ms, at most Bun's and a flush wanted, {limit:.2} ms: {verdict}");
    }
    let servers: Vec<Value> = contenders
        .iter()
        .enumerate()
        .map(|(index, (target, ..))| {
            json!({ "server": target.name, "received_p50_ms": of(index, p50), "received_p99_ms": of(index, p99) })
        })
        .collect();
    Ok(json!({ "readers": readers, "servers": servers, "flush_p50_ms": flush[0], "flush_p99_ms": flush[1] }))
}

/// How many durable publishes there are a second, to a user who is not connected.
async fn durable(session: &Session) -> io::Result<Value> {
    let server = crowd::setup().start().await;
    let user = server.user("reader").await;
    let target = Target::of(&server);
    let mut table = Table::new([
        "publishers",
        "events in a request",
        "events a second",
        "p50 ms",
        "p99 ms",
        "server CPU-us an event",
    ]);
    let mut figures = Vec::new();
    for (publishers, batch) in CASES {
        let request = event::request(&vec![json!({ "user": user.id }); batch], EVENT_BYTES, 0);
        let in_flight = (publishers * batch) as u64;
        let mut swarm = Swarm::new(session, &target)?;
        swarm.open(&[], 0).await?;
        swarm.run(target.load(vec![request.clone()], in_flight, session.pick(500, 20))).await?;
        let ran = swarm.run(target.load(vec![request], in_flight, session.pick(4_000, 20))).await?;
        let (rate, cost) = (ran.events as f64 / ran.seconds, ran.server_cpu * 1e6 / ran.events as f64);
        let [p50, p99] = [ran.answered.p50, ran.answered.p99].map(|micros| f64::from(micros) / 1e3);
        let cells = [format!("{rate:.0}"), format!("{p50:.2}"), format!("{p99:.2}"), format!("{cost:.1}")];
        table.add([publishers.to_string(), batch.to_string()].into_iter().chain(cells));
        figures.push((publishers, batch, rate, p50, p99, cost));
    }
    println!("\n{table}");
    if let Some((.., p50, _, _)) = figures.first() {
        println!(
            "  acknowledged within {p50:.2} ms (p50), at most {ACKNOWLEDGED} wanted: {}",
            session.verdict(*p50 <= ACKNOWLEDGED)
        );
    }
    let batched =
        figures.iter().filter(|(_, batch, ..)| *batch == 100).map(|(_, _, rate, ..)| *rate).fold(0.0, f64::max);
    println!(
        "  {batched:.0} a second in batches of 100, at least {BATCHED:.0} wanted: {}",
        session.verdict(batched >= BATCHED)
    );
    let one = |(publishers, batch, rate, p50, p99, cost): &(usize, usize, f64, f64, f64, f64)| {
        json!({
            "publishers": publishers, "batch": batch, "events_per_second": rate.round(), "p50_ms": p50, "p99_ms": p99,
            "cpu_us_per_event": (cost * 10.0).round() / 10.0,
        })
    };
    Ok(figures.iter().map(one).collect())
}

/// How long the disk under this folder takes to keep 4 KB at a file's end.
fn flushes_of(folder: &Path, times: usize) -> io::Result<Quantiles> {
    let path = folder.join("flush.tmp");
    let mut file = File::create(&path)?;
    let mut micros = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        micros.push(start.elapsed().as_micros() as u32);
    }
    std::fs::remove_file(path)?;
    Ok(Quantiles::of(micros))
}
