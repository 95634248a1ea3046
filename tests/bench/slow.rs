//! Whether readers that stop reading cost anyone else: publishes with all of them reading and with some stopped, in turn.

use std::io;

use harness::Server;
use serde_json::{Value, json};

use crate::crowd::{self, Crowd};
use crate::event;
use crate::generator::{Manner, Ran};
use crate::rounds::{median, round};
use crate::session::Session;
use crate::swarm::Swarm;
use crate::table::Table;
use crate::target::Target;

/// How many hear each event.
const SUBSCRIBERS: usize = 500;
/// How many of them stop.
const STOPPING: usize = SUBSCRIBERS / 10;
/// The length of an event. Long, so that the kernel's buffers fill up and the server's queues come to bear.
const EVENT_BYTES: usize = 32_000;
/// Rounds of each kind.
const ROUNDS: usize = 7;
/// How much slower the others may hear of anything: what the noise of rounds of one kind is.
const BAR: f64 = 1.1;

pub(crate) async fn run(session: &Session) -> io::Result<()> {
    let (all, stopping) = session.pick((SUBSCRIBERS, STOPPING), (20, 2));
    println!(
        "slow: {all} subscribers in one guild, events of {EVENT_BYTES} bytes, one at a time; in turn, all of them reading and \
         {stopping} of them stopped, whose receive buffers are as small as the kernel has them"
    );
    let progress = session.progress("slow", ROUNDS * 2);
    progress.say("users, guild and members");
    // Who comes back is not gone in between, so that no presence is counted as an event.
    let server = crowd::setup().set("presence_grace_ms", 600_000).start().await;
    let guild = crowd::guilds(&server, 1).await?[0];
    let crowd = Crowd::mint(&server, all).await?;
    crowd.join(&server, &(0..all).map(|user| (user, guild)).collect::<Vec<_>>()).await?;
    let (target, hellos) = (Target::of(&server), crowd.hellos("json"));
    let (others, steady) = hellos.split_at(stopping);
    let mut swarm = Swarm::new(session, &target)?;
    swarm.open(steady, 2).await?;
    let request = event::request(&[json!({ "guild": guild })], EVENT_BYTES, steady.len());
    let mut ran = [Vec::new(), Vec::new()];
    for round in 0..session.pick(ROUNDS + 1, 1) {
        // Each round begins with the other kind.
        for turn in 0..2 {
            let kind = (turn + round) % 2;
            let manner = [Manner::Reading, Manner::Stopped][kind];
            progress.step(["all of them reading", "some of them stopped"][kind]);
            let mut rest = Swarm::new(session, &target)?;
            rest.open_as(others, 2, others.len(), manner).await?;
            swarm.settle().await?;
            let load = target.load(vec![request.clone()], 1, session.pick(4_000, 100));
            let figures = swarm.run(load).await?;
            if round > 0 || session.is_smoke() {
                ran[kind].push(figures);
            }
        }
    }
    let closed = closed_as_slow(&server).await;
    drop(progress);
    report(session, &ran, closed, session.pick(stopping * (ROUNDS + 1), 0))
}

fn report(session: &Session, ran: &[Vec<Ran>; 2], closed: u64, stopped: usize) -> io::Result<()> {
    let mut table = Table::new(["milliseconds, medians of the rounds", "all reading", "some stopped", "ratio"]);
    let mut figures: Vec<Value> = Vec::new();
    let mut add = |name: &str, figure: fn(&Ran) -> u32| {
        let of = |kind: usize| median(ran[kind].iter().map(|ran| f64::from(figure(ran)) / 1e3).collect());
        let ratios = ran[1].iter().zip(&ran[0]).map(|(one, other)| f64::from(figure(one)) / f64::from(figure(other)));
        let (all, some, ratio) = (of(0), of(1), median(ratios.collect()));
        table.add([name.to_owned(), format!("{all:.2}"), format!("{some:.2}"), format!("{ratio:.2}")]);
        figures.push(json!({ "what": name, "all_reading_ms": all, "some_stopped_ms": some, "ratio": round(ratio) }));
    };
    add("publish to its answer, p50", |ran| ran.answered.p50);
    add("publish to its answer, p99", |ran| ran.answered.p99);
    add("publish to the last receipt, p50", |ran| ran.complete.p50);
    add("publish to the last receipt, p99", |ran| ran.complete.p99);
    println!("\n{table}");
    let ratio = figures[0]["ratio"].as_f64().unwrap_or(f64::NAN);
    let verdict = session.verdict(ratio <= BAR);
    println!("  a publish takes {ratio:.2} of what it takes with all reading, at most {BAR} wanted: {verdict}");
    println!("  closed as slow: {closed} of {stopped}\n");
    if (closed as usize) < stopped {
        return Err(io::Error::other("readers that stopped were not all closed, so their buffers were not full"));
    }
    session.record("slow", json!({ "figures": figures, "stopped": stopped, "closed_as_slow": closed }))
}

async fn closed_as_slow(server: &Server) -> u64 {
    let metrics = server.admin().get("/metrics").await.text;
    let found = metrics.lines().find_map(|line| line.strip_prefix("sanmon_connections_closed_total{code=\"4403\"} "));
    found.and_then(|count| count.parse().ok()).unwrap_or_default()
}
