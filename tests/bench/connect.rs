//! Thousands who come at once: how fast they are connected, identified and told where they are.

use std::io;

use serde_json::json;

use crate::crowd::{self, Crowd};
use crate::generator::Manner;
use crate::process;
use crate::rounds::{median, round};
use crate::session::Session;
use crate::swarm::Swarm;
use crate::target::Target;

/// How many come.
const CLIENTS: usize = 10_000;
/// Handshakes under way at once: as many as come before the first of them is done.
const AT_ONCE: usize = 2_000;
/// Guilds that each user is in.
const GUILDS: usize = 5;
/// Members of each guild.
const MEMBERS: usize = 1_000;
/// Rounds, each with connections of its own.
const ROUNDS: usize = 5;
/// What counts the guilds that are read and encoded.
const GUILDS_READ: &str = "sanmon_guilds_read_total";
/// Connections a second, at least.
const BAR: f64 = 5_000.0;
/// Seconds for the slowest, at most.
const SLOWEST: f64 = 3.0;

pub(crate) async fn run(session: &Session) -> io::Result<()> {
    let clients = session.pick(CLIENTS, 40);
    println!(
        "connect: {clients} clients connect, identify, and get READY and {GUILDS} GUILD_INITs, {AT_ONCE} at once; guilds of \
         {MEMBERS}"
    );
    let progress = session.progress("connect", ROUNDS);
    progress.say("users, guilds and members");
    let server = crowd::setup().start().await;
    let crowd = Crowd::mint(&server, clients).await?;
    // Who comes is told to nobody: what that costs is measured by fanout.
    crowd.hide(&server).await?;
    let guilds = crowd::guilds(&server, (clients * GUILDS).div_ceil(MEMBERS).max(GUILDS)).await?;
    let places = (0..clients * GUILDS).map(|n| (n / GUILDS, guilds[n % guilds.len()]));
    crowd.join(&server, &places.collect::<Vec<_>>()).await?;
    let (target, hellos) = (Target::of(&server), crowd.hellos("json"));
    let (mut rates, mut slowest, mut costs, mut halves) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let before = server.metric(GUILDS_READ).await;
    for _ in 0..session.pick(ROUNDS, 1) {
        progress.step("");
        let mut swarm = Swarm::new(session, &target)?;
        let before = process::cpu(target.pid)?;
        let opened = swarm.open_as(&hellos, 1 + GUILDS as u64, AT_ONCE, Manner::Reading).await?;
        costs.push((process::cpu(target.pid)? - before).as_secs_f64() * 1e6 / clients as f64);
        rates.push(clients as f64 / opened.seconds);
        slowest.push(f64::from(opened.each.max) / 1e6);
        halves.push(f64::from(opened.each.p50) / 1e6);
        swarm.settle().await?;
    }
    drop(progress);
    let read = server.metric(GUILDS_READ).await - before;
    let most = slowest.iter().copied().fold(0.0, f64::max);
    let (rate, cost) = (median(rates.clone()), median(costs));
    println!("  {rate:.0} a second (median of the rounds), at least {BAR:.0} wanted: {}", session.verdict(rate >= BAR));
    println!(
        "  the slowest of all rounds took {most:.2} s, at most {SLOWEST} wanted: {}",
        session.verdict(most <= SLOWEST)
    );
    println!(
        "  {read} guilds were read and encoded, of {} that did not change: {}",
        guilds.len(),
        session.verdict(read <= guilds.len() as u64)
    );
    println!("  one of two took {:.2} s or less; {cost:.0} us of the server's processor time each\n", median(halves));
    let rounded = |values: &[f64]| values.iter().copied().map(round).collect::<Vec<_>>();
    session.record(
        "connect",
        json!({
            "clients": clients, "at_once": AT_ONCE, "guilds": GUILDS, "members": MEMBERS,
            "per_second": rounded(&rates), "slowest_seconds": rounded(&slowest), "cpu_us_each": round(cost),
            "guilds_read": read, "guilds_read_at_most": guilds.len(),
            "per_second_at_least": BAR, "slowest_at_most": SLOWEST,
        }),
    )
}
