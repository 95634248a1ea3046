//! One topic that everyone hears: cost per delivery over the number of connections, beside other servers.

use std::io;

use harness::Server;
use serde_json::{Value, json};

use super::{EVENT_BYTES, ROUNDS};
use crate::crowd::{self, Crowd};
use crate::event;
use crate::generator::{Load, Pick, Request};
use crate::peers::{self, Peer};
use crate::plot::{Curve, Plot};
use crate::rounds::{Rounds, cost, generator_share, rate, round, turns};
use crate::session::Session;
use crate::swarm::{Swarm, strangers};
use crate::table::Table;
use crate::target::Target;

/// Connections to each server. A process may have 20,000 files open on many machines.
const SIZES: [usize; 6] = [1_000, 2_000, 5_000, 10_000, 15_000, 19_000];
/// Events under way at once.
const IN_FLIGHT: [usize; 2] = [1, 16];
/// Those whose ratios have bars: connections, under way at once, of Bun's processor time, of Bun's deliveries a second.
const BARS: [(usize, usize, f64, Option<f64>); 4] =
    [(1_000, 1, 0.95, None), (1_000, 16, 0.95, None), (10_000, 1, 0.85, Some(1.3)), (10_000, 16, 0.85, None)];

/// A server with its connections.
struct Contender {
    target: Target,
    swarm: Swarm,
    /// What connections say, for those that are not open yet as well.
    hellos: Vec<String>,
    welcome: u64,
    /// The guild that everyone is in, where there are guilds.
    guild: Option<u64>,
}

/// What was measured with so many connections and requests under way.
struct Case {
    size: usize,
    in_flight: usize,
    rounds: Rounds,
}

pub(super) async fn run(session: &Session) -> io::Result<Value> {
    let sizes = session.sizes.as_deref().unwrap_or(session.pick(&SIZES, &[20, 40]));
    let most = sizes.last().copied().unwrap_or_default();
    let counted = session.pick(ROUNDS.0, ROUNDS.1);
    let peers = peers::start(&session.beside)?;
    let progress = session.progress("fanout", sizes.len() * IN_FLIGHT.len() * (counted + 1));
    progress.say("users, guild and members");
    let (server, mut contenders) = start(session, &peers, most).await?;
    let mut cases = Vec::new();
    let mut open = 0;
    for &size in sizes {
        for contender in &mut contenders {
            progress.say(format!("{size} connections to {}", contender.target.name));
            contender.swarm.open(&contender.hellos[open..size], contender.welcome).await?;
            contender.swarm.settle().await?;
        }
        open = size;
        for in_flight in IN_FLIGHT {
            let mut rounds = Rounds::new(contenders.iter().map(|contender| contender.target.name).collect());
            // The first round warms up, and does not count.
            for round in 0..=counted {
                progress.step(format!("{size} connections, {in_flight} in flight"));
                for turn in turns(contenders.len(), round) {
                    let contender = &mut contenders[turn];
                    let time = session.pick(if round == 0 { 200 } else { 700 }, 20);
                    let requests = contender.requests(in_flight, size);
                    let load = contender.target.load(requests, in_flight as u64, time);
                    let ran = contender.swarm.run(Load { pick: Pick::Fitting, ..load }).await?;
                    if round > 0 {
                        rounds.add(turn, ran);
                    }
                }
            }
            cases.push(Case { size, in_flight, rounds });
        }
    }
    drop((contenders, server, progress));
    for peer in &peers {
        println!("  {}: {}", peer.target.name, peer.what);
    }
    report(session, &cases)
}

impl Contender {
    /// Requests of one event, of two, and so on.
    fn requests(&self, most: usize, size: usize) -> Vec<Request> {
        let request = |events: usize| match self.guild {
            Some(guild) => event::request(&vec![json!({ "guild": guild }); events], EVENT_BYTES, size),
            None => event::raw_request(events, EVENT_BYTES, size),
        };
        (1..=most).map(request).collect()
    }
}

/// Starts Sanmon and has a swarm ready for each server, Sanmon's first.
async fn start(session: &Session, peers: &[Peer], most: usize) -> io::Result<(Server, Vec<Contender>)> {
    let server = crowd::setup().start().await;
    let guild = crowd::guilds(&server, 1).await?[0];
    let crowd = Crowd::mint(&server, most).await?;
    let members: Vec<(usize, u64)> = (0..most).map(|user| (user, guild)).collect();
    crowd.join(&server, &members).await?;
    let target = Target::of(&server);
    let swarm = Swarm::new(session, &target)?;
    let mut contenders =
        vec![Contender { target, swarm, hellos: crowd.hellos("json"), welcome: 2, guild: Some(guild) }];
    for peer in peers {
        let target = peer.target.clone();
        let (swarm, hellos, welcome) =
            (Swarm::new(session, &target)?, strangers(target.dialect, most), target.dialect.welcome());
        contenders.push(Contender { target, swarm, hellos, welcome, guild: None });
    }
    Ok((server, contenders))
}

fn report(session: &Session, cases: &[Case]) -> io::Result<Value> {
    for in_flight in IN_FLIGHT {
        let cases: Vec<&Case> = cases.iter().filter(|case| case.in_flight == in_flight).collect();
        let Some(first) = cases.first() else { continue };
        println!(
            "\n  {in_flight} in flight; microseconds of the server's processor time for a delivery, then how many\n"
        );
        let heads = cases.iter().flat_map(|case| [format!("{}", case.size), "a second".to_owned()]);
        let mut table = Table::new(std::iter::once("connections".to_owned()).chain(heads));
        let mut curves = Vec::new();
        for (server, name) in first.rounds.names().iter().enumerate() {
            let cells = cases.iter().flat_map(|case| {
                let (cost, rate) = (case.rounds.median(server, cost), case.rounds.median(server, rate));
                [format!("{cost:.2}"), format!("{rate:.0}")]
            });
            table.add(std::iter::once((*name).to_owned()).chain(cells));
            let points = cases.iter().map(|case| (case.size as f64, case.rounds.median(server, cost))).collect();
            curves.push(Curve { name: (*name).to_owned(), points });
        }
        for (server, name) in first.rounds.names().iter().enumerate().skip(1) {
            let cells = cases.iter().flat_map(|case| {
                [case.rounds.ratio(0, server, cost), case.rounds.ratio(0, server, rate)].map(|of| format!("{of:.2}"))
            });
            table.add(std::iter::once(format!("Sanmon / {name}")).chain(cells));
        }
        println!("{table}");
        let title = format!("Processor time of a delivery, {in_flight} in flight");
        let plot = Plot { title, x: "connections", y: "microseconds of the server's processor time", curves };
        if session.sizes.is_none() {
            session.draw(&format!("fanout-{in_flight}"), &plot)?;
        }
    }
    let share = cases.iter().map(|case| case.rounds.median(0, generator_share)).fold(0.0, f64::max);
    println!("  the load generator took at most {:.0} % of one core while Sanmon was measured", share * 100.0);
    let flat = flatness(cases);
    for (in_flight, flat) in &flat {
        println!("  {in_flight} in flight: the most expensive point of Sanmon's curve is {flat:.2} of its cheapest");
    }
    let bars = bars(session, cases);
    let one = |case: &Case| json!({ "connections": case.size, "in_flight": case.in_flight, "servers": case.rounds.to_json() });
    let flat: Vec<Value> =
        flat.iter().map(|(in_flight, flat)| json!({ "in_flight": in_flight, "ratio": round(*flat) })).collect();
    Ok(json!({ "cases": cases.iter().map(one).collect::<Vec<_>>(), "bars": bars, "most_of_least": flat }))
}

/// By requests under way, Sanmon's most expensive point in relation to its cheapest.
fn flatness(cases: &[Case]) -> Vec<(usize, f64)> {
    let of = |in_flight: usize| {
        let costs = cases.iter().filter(|case| case.in_flight == in_flight).map(|case| case.rounds.median(0, cost));
        let (least, most) = costs.fold((f64::MAX, 0.0_f64), |(least, most), cost| (least.min(cost), most.max(cost)));
        (in_flight, most / least)
    };
    IN_FLIGHT.iter().copied().map(of).collect()
}

/// How Sanmon compares with Bun where there is a bar.
fn bars(session: &Session, cases: &[Case]) -> Vec<Value> {
    let mut bars = Vec::new();
    for (size, in_flight, most, least) in BARS {
        let Some(case) = cases.iter().find(|case| (case.size, case.in_flight) == (size, in_flight)) else { continue };
        let Some(bun) = case.rounds.names().iter().position(|name| *name == "Bun") else { continue };
        let (cost, rate) = (case.rounds.ratio(0, bun, cost), case.rounds.ratio(0, bun, rate));
        println!(
            "  {size} connections, {in_flight} in flight: {cost:.2} of Bun's processor time, at most {most} wanted: {}",
            session.verdict(cost <= most)
        );
        if let Some(least) = least {
            println!(
                "  the same: {rate:.2} of Bun's deliveries a second, at least {least} wanted: {}",
                session.verdict(rate >= least)
            );
        }
        bars.push(json!({
            "connections": size, "in_flight": in_flight,
            "cpu_of_bun": round(cost), "cpu_at_most": most, "rate_of_bun": round(rate), "rate_at_least": least,
        }));
    }
    bars
}
