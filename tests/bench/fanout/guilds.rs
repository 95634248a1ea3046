//! Two hundred guilds of fifty beside one guild of all of them: whether finding who hears an event costs anything.

use std::io;

use serde_json::{Value, json};

use super::{EVENT_BYTES, ROUNDS};
use crate::crowd::{self, Crowd};
use crate::event;
use crate::rounds::{Rounds, cost, generator_share, round, turns};
use crate::session::Session;
use crate::swarm::Swarm;
use crate::target::Target;

/// Readers of a small guild.
const READERS: usize = 50;
/// How much more than one topic they may cost.
const BAR: f64 = 1.3;

pub(super) async fn run(session: &Session) -> io::Result<Value> {
    let count = session.pick(200, 2);
    let all = count * READERS;
    let counted = session.pick(ROUNDS.0, ROUNDS.1);
    let progress = session.progress("fanout, guilds", counted + 1);
    progress.say("users, guilds and members");
    let server = crowd::setup().start().await;
    let guilds = crowd::guilds(&server, count + 1).await?;
    let (everyone, small) = (guilds[0], &guilds[1..]);
    let crowd = Crowd::mint(&server, all).await?;
    let members: Vec<(usize, u64)> =
        (0..all).flat_map(|user| [(user, everyone), (user, small[user / READERS])]).collect();
    crowd.join(&server, &members).await?;
    let target = Target::of(&server);
    let mut swarm = Swarm::new(session, &target)?;
    progress.say(format!("{all} connections"));
    swarm.open(&crowd.hellos("json"), 3).await?;
    swarm.settle().await?;

    // As many deliveries under way in both cases: one event for everyone, or one for each of as many guilds, drawn at random.
    let one_topic = vec![event::request(&[json!({ "guild": everyone })], EVENT_BYTES, all)];
    let mut random = 1_u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        json!({ "guild": small[(random >> 33) as usize % small.len()] })
    };
    let drawn: Vec<_> = (0..50)
        .map(|_| event::request(&(0..count).map(|_| draw()).collect::<Vec<_>>(), EVENT_BYTES, READERS))
        .collect();
    let mut rounds = Rounds::new(vec!["one topic", "guilds"]);
    for round in 0..=counted {
        progress.step("");
        for turn in turns(2, round) {
            let (requests, in_flight) = [(&one_topic, 1), (&drawn, count as u64)][turn];
            let ran = swarm.run(target.load(requests.clone(), in_flight, session.pick(1_000, 20))).await?;
            if round > 0 {
                rounds.add(turn, ran);
            }
        }
    }
    drop(progress);
    let ratio = rounds.ratio(1, 0, cost);
    println!(
        "\n  {count} guilds of {READERS} readers each, {count} events to guilds drawn at random in a request: {:.2} us for a \
         delivery\n  one guild of {all}, one event in a request: {:.2} us; ratio {ratio:.2}, at most {BAR} wanted: {}\n  \
         the load generator took {:.0} % of one core",
        rounds.median(1, cost),
        rounds.median(0, cost),
        session.verdict(ratio <= BAR),
        rounds.median(1, generator_share) * 100.0,
    );
    Ok(json!({ "guilds": count, "readers": READERS, "cases": rounds.to_json(), "ratio": round(ratio), "at_most": BAR }))
}
