//! Connections that are silent: their memory, and what keeping them alive costs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use harness::{Authority, Server, Setup};
use serde_json::{Value, json};

use crate::crowd::{self, Crowd};
use crate::peers;
use crate::process;
use crate::rounds::round;
use crate::session::{Progress, Session};
use crate::swarm::{Swarm, strangers};
use crate::table::Table;
use crate::target::Target;

/// How many connections.
const CONNECTIONS: usize = 10_000;
/// Those that come first: what they cost once, such as threads' stacks, is no cost of one more.
const FIRST: usize = 100;
/// Guilds that each user is in.
const GUILDS: usize = 10;
/// Members of each guild.
const MEMBERS: usize = 1_000;
/// Two rounds of pings at the interval that is the default.
const WATCHED: Duration = Duration::from_secs(40);
/// Bytes of a plain and of a TLS connection.
const BARS: [f64; 2] = [2_048.0, 12_288.0];
/// Microseconds of processor time a second and connection.
const CPU_BAR: f64 = 2.0;

/// What connections of a server cost.
struct Figures {
    name: &'static str,
    bytes: f64,
    cpu_us_per_second: f64,
}

pub(crate) async fn run(session: &Session) -> io::Result<()> {
    let connections = session.pick(CONNECTIONS, FIRST + 50);
    println!(
        "idle: {connections} connections; Sanmon's are identified, each of a user of its own in {GUILDS} guilds of {MEMBERS}"
    );
    let progress = session.progress("idle", 2 + session.beside.len());
    let authority = Arc::new(Authority::new());
    let mut all = Vec::new();
    for setup in [crowd::setup(), crowd::setup().tls(Arc::clone(&authority))] {
        let name = if all.is_empty() { "Sanmon" } else { "Sanmon, TLS" };
        progress.step(name);
        all.push(sanmon(session, &progress, name, setup, &authority, connections).await?);
    }
    for name in &session.beside {
        progress.step(*name);
        for peer in peers::start(&[name])? {
            let (dialect, welcome) = (peer.target.dialect, peer.target.dialect.welcome());
            let hellos = strangers(dialect, connections);
            all.push(measure(session, &progress, peer.target.name, &peer.target, &hellos, welcome).await?);
        }
    }
    drop(progress);
    report(session, &all)
}

async fn sanmon(
    session: &Session,
    progress: &Progress,
    name: &'static str,
    setup: Setup,
    authority: &Authority,
    connections: usize,
) -> io::Result<Figures> {
    let server: Server = setup.start().await;
    progress.say(format!("{name}: users, guilds and members"));
    let crowd = Crowd::mint(&server, connections).await?;
    // Nobody is told of anybody who comes: a hundred million deliveries are not what is measured here.
    crowd.hide(&server).await?;
    let guilds = crowd::guilds(&server, (connections * GUILDS).div_ceil(MEMBERS).max(GUILDS)).await?;
    let places = (0..connections * GUILDS).map(|n| (n / GUILDS, guilds[n % guilds.len()]));
    crowd.join(&server, &places.collect::<Vec<_>>()).await?;
    let target = Target::of(&server);
    let target = if name == "Sanmon" { target } else { target.trusting(authority) };
    measure(session, progress, name, &target, &crowd.hellos("json"), 1 + GUILDS as u64).await
}

async fn measure(
    session: &Session,
    progress: &Progress,
    name: &'static str,
    target: &Target,
    hellos: &[String],
    welcome: u64,
) -> io::Result<Figures> {
    let mut swarm = Swarm::new(session, target)?;
    swarm.open(&hellos[..FIRST], welcome).await?;
    swarm.settle().await?;
    let before = process::memory(target.pid)?;
    progress.say(format!("{name}: connections"));
    swarm.open(&hellos[FIRST..], welcome).await?;
    // What is done for a connection after it is open ends: presences are stored, tasks of upgrades end.
    tokio::time::sleep(session.pick(Duration::from_secs(5), Duration::from_millis(100))).await;
    let after = process::memory(target.pid)?;
    progress.say(format!("{name}: silence"));
    let (watched, busy) = (session.pick(WATCHED, Duration::from_millis(100)), process::cpu(target.pid)?);
    tokio::time::sleep(watched).await;
    let busy = process::cpu(target.pid)? - busy;
    Ok(Figures {
        name,
        bytes: after.saturating_sub(before) as f64 / (hellos.len() - FIRST) as f64,
        cpu_us_per_second: busy.as_secs_f64() * 1e6 / hellos.len() as f64 / watched.as_secs_f64(),
    })
}

fn report(session: &Session, all: &[Figures]) -> io::Result<()> {
    let mut table = Table::new(["server", "resident bytes a connection", "microseconds of processor time a second"]);
    for one in all {
        table.add([one.name.to_owned(), format!("{:.0}", one.bytes), format!("{:.2}", one.cpu_us_per_second)]);
    }
    println!("\n{table}");
    for (one, bar) in all.iter().zip(BARS) {
        println!(
            "  {}: {:.0} bytes, at most {bar:.0} wanted: {}",
            one.name,
            one.bytes,
            session.verdict(one.bytes <= bar)
        );
        println!(
            "  {}: {:.2} us a second at the ping of 20 s, at most {CPU_BAR} wanted: {}",
            one.name,
            one.cpu_us_per_second,
            session.verdict(one.cpu_us_per_second <= CPU_BAR)
        );
    }
    println!();
    let one = |one: &Figures| json!({ "server": one.name, "bytes": one.bytes.round(), "cpu_us_per_second": round(one.cpu_us_per_second) });
    session.record("idle", all.iter().map(one).collect::<Value>())
}
