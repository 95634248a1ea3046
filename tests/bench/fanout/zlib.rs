//! Readers that want zlib beside as many that want json.

use std::io;

use harness::Server;
use serde_json::{Value, json};

use super::ROUNDS;
use crate::crowd::{self, Crowd};
use crate::event;
use crate::generator::{Load, Pick, Request};
use crate::rounds::{Rounds, cost, rate, round, turns};
use crate::session::Session;
use crate::swarm::Swarm;
use crate::target::Target;

/// The length of an event before it is compressed.
const EVENT_BYTES: usize = 1_024;
/// How much more than json zlib may cost.
const BAR: f64 = 1.2;

pub(super) async fn run(session: &Session) -> io::Result<Value> {
    let readers = session.pick(1_000, 20);
    let in_flight = [1, 16];
    let counted = session.pick(ROUNDS.0, ROUNDS.1);
    let progress = session.progress("fanout, zlib", in_flight.len() * (counted + 1));
    progress.say("users, guilds and members");
    let server = crowd::setup().start().await;
    let guilds = crowd::guilds(&server, 2).await?;
    let crowd = Crowd::mint(&server, 2 * readers).await?;
    let members: Vec<(usize, u64)> = (0..2 * readers).map(|user| (user, guilds[user / readers])).collect();
    crowd.join(&server, &members).await?;
    let target = Target::of(&server);
    let mut swarms = Vec::new();
    for (index, encoding) in ["json", "zlib"].into_iter().enumerate() {
        let mut swarm = Swarm::new(session, &target)?;
        swarm.open(&crowd.hellos(encoding)[index * readers..][..readers], 2).await?;
        let to = json!({ "guild": guilds[index] });
        swarms.push((swarm, to));
    }
    for (swarm, _) in &mut swarms {
        swarm.settle().await?;
    }
    let mut cases = Vec::new();
    println!("\n  {readers} readers of events of {EVENT_BYTES} bytes, json and zlib in turn");
    for in_flight in in_flight {
        let mut rounds = Rounds::new(vec!["json", "zlib"]);
        let (mut events, before) = (0, compressions(&server).await);
        for round in 0..=counted {
            progress.step(format!("{in_flight} in flight"));
            for turn in turns(2, round) {
                let (swarm, to) = &mut swarms[turn];
                let request = |events| event::request(&vec![to.clone(); events], EVENT_BYTES, readers);
                let requests: Vec<Request> = (1..=in_flight).map(request).collect();
                let load = target.load(requests, in_flight as u64, session.pick(700, 20));
                let ran = swarm.run(Load { pick: Pick::Fitting, ..load }).await?;
                events += if turn == 1 { ran.events } else { 0 };
                if round > 0 {
                    rounds.add(turn, ran);
                }
            }
        }
        let (ratio, compressed) = (rounds.ratio(1, 0, cost), compressions(&server).await - before);
        println!(
            "  {in_flight:>2} in flight: json {:.2} us and {:.0} deliveries a second, zlib {:.2} us and {:.0}; {ratio:.2} of \
             json, at most {BAR} wanted: {}; {events} events were compressed {compressed} times",
            rounds.median(0, cost),
            rounds.median(0, rate),
            rounds.median(1, cost),
            rounds.median(1, rate),
            session.verdict(ratio <= BAR),
        );
        if compressed != events {
            return Err(io::Error::other("an event was compressed more or less than once"));
        }
        cases.push(json!({
            "in_flight": in_flight, "cases": rounds.to_json(), "ratio": round(ratio), "at_most": BAR,
            "events": events, "compressions": compressed,
        }));
    }
    drop(progress);
    println!();
    Ok(json!(cases))
}

/// How many events the server has compressed.
async fn compressions(server: &Server) -> u64 {
    let metrics = server.admin().get("/metrics").await.text;
    let found = metrics.lines().find_map(|line| line.strip_prefix("sanmon_compressions_total "));
    found.and_then(|count| count.parse().ok()).unwrap_or_default()
}
