//! A whole world of servers and clients on one virtual clock, and an oracle that knows what must come of it.
//!
//! A world has a platform (a log and a store, which survive everything), one or two server processes, a few users with some
//! devices each, and a network. Servers and clients are core's own machines, with drivers as plain as can be around them:
//! `Session`, `Subscriptions`, `Listener`, `History`, `SendQueue`, `Presences`, `Client`. While publishers publish, members
//! come and go, and users choose how to show, chance breaks things: connections are cut, stall, lose one direction or close
//! half; machines sleep; readers are slow; servers crash and drain; sessions expire and are revoked; the log forgets.
//!
//! Three judges follow: an `Ear` at each connection (what the wire carries), a `Reader` in each application (what the user
//! of a client is told, over all its connections), and a `PresenceJudge`. They compare with an `Oracle` that is told what
//! happened and works out with plain sets who must hear it. In the end all is healed, and everyone must be connected,
//! told everything and seen as they are within a bound.
//!
//! One seed is one world. A seed that fails is printed with the command that runs it alone and tells what happened.

#![expect(clippy::disallowed_methods, reason = "a test may read variables, which core may not")]

mod deed;
mod device;
mod dice;
mod ear;
mod frames;
mod letter;
mod link;
mod node;
mod oracle;
mod pipe;
mod plan;
mod platform;
mod presence_judge;
mod reader;
mod sabotage;
mod storm;
mod tally;
mod world;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::sabotage::Sabotage;
use self::tally::{Tally, Violation};
use self::world::World;

/// Worlds of an ordinary test run. `SEEDS=100000` makes more of them, `SEED=7` one.
const SEEDS: u64 = 10_000;
/// What happens in a world before it is healed.
const HAPPENINGS: u64 = 60;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Runs one world from its beginning to its end.
fn play(seed: u64, sabotage: Option<Sabotage>) -> Result<Tally, Violation> {
    let mut world = World::new(seed, sabotage);
    world.run(Duration::from_secs(1));
    for _ in 0..HAPPENINGS {
        world.live();
        world.verdict()?;
    }
    world.conclude();
    world.verdict()?;
    Ok(world.tally)
}

/// The same, with a panic of the machines as one more way to fail.
fn judge(seed: u64) -> Result<Tally, String> {
    match catch_unwind(|| play(seed, None)) {
        Ok(Ok(tally)) => Ok(tally),
        Ok(Err(Violation { at, what })) => Err(format!("at {} ms: {what}", at.as_millis() - 1_000_000)),
        Err(_) => Err("a panic, printed above".into()),
    }
}

#[test]
fn whatever_breaks_nothing_is_lost_doubled_or_told_to_the_wrong_one() {
    if let Some(seed) = variable("SEED") {
        judge(seed).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        return;
    }
    let seeds = variable("SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let (failed, total) = (Mutex::new(Vec::new()), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let mut sum = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || failed.lock().unwrap().len() >= 5 {
                        break;
                    }
                    match judge(seed) {
                        Ok(tally) => sum = sum.and(tally),
                        Err(what) => failed.lock().unwrap().push((seed, what)),
                    }
                }
                let mut total = total.lock().unwrap();
                *total = total.and(sum);
            });
        }
    });
    println!("{seeds} worlds: {:?}", total.lock().unwrap());
    let failed = failed.into_inner().unwrap();
    for (seed, what) in &failed {
        println!("seed {seed}: {what}");
        println!("    SEED={seed} cargo test -p sanmon-core --test simulation whatever -- --nocapture");
    }
    assert!(failed.is_empty(), "{} worlds went wrong", failed.len());
}

#[test]
fn a_seed_makes_the_same_world_each_time() {
    for seed in 0..20 {
        let (one, other) = (play(seed, None), play(seed, None));
        assert_eq!(format!("{one:?}"), format!("{other:?}"), "seed {seed}");
    }
}

#[test]
fn the_judges_find_every_fault_that_is_made_on_purpose() {
    for sabotage in Sabotage::ALL {
        let found = (0..300).find_map(|seed| play(seed, Some(sabotage)).err().map(|violation| (seed, violation)));
        let (seed, violation) = found.unwrap_or_else(|| panic!("{sabotage:?} was not found in 300 worlds"));
        println!("{sabotage:?}: in world {seed}, {}", violation.what);
    }
}
