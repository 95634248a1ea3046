//! One of several nodes in trouble: killed, cut off from NATS, restarted one after the other.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use rustix::process::Signal;
use sanmon_engines::Durability;

use super::outcome::longest;
use super::scene::{SOON, Scene};
use super::{Note, Outcome, Record, Return, Scale};
use crate::{Cluster, Setup, Socket, Weather};

/// How many nodes there are.
const NODES: usize = 3;

/// Within what a node that is gone is named to nobody any more.
const GONE: Duration = Duration::from_secs(10);

/// How long a user may be away until others see it.
const GRACE: Duration = Duration::from_secs(15);

pub(super) async fn killed(scale: Scale) -> Outcome {
    let (times, clients) = scale.pick((1, 60), (9, 300));
    let cluster = Cluster::start_alone(NODES, Setup::new(), Durability::Process).await;
    let mut scene = Scene::set(cluster, clients, Return::ByTheRules).await;
    let (mut back, mut gone) = (Vec::new(), Vec::new());
    for round in 0..times {
        let node = round as usize % NODES;
        scene.go_on(50).await;
        let arrivals = scene.swarm.arrivals() + scene.at(node).await;
        scene.cluster.kill(node).await;
        let others = (0..NODES).filter(|other| *other != node);
        let missed = join_all(others.map(|other| scene.cluster.until_named(other, NODES - 1)));
        let (returned, missed) = join(scene.until_back(arrivals), missed).await;
        back.push(returned);
        gone.push(longest(&missed));
        scene.cluster.start_again(node).await;
        scene.cluster.until_all_are_named().await;
    }
    let tried =
        format!("{clients} clients at {NODES} nodes, 2 backends; each node in turn, started again once it is missed");
    let (outcome, records) = scene.end(tried, times).await;
    let (back, gone) = (longest(&back), longest(&gone));
    assert!(gone < GONE, "a node that was killed was named for {gone:?}");
    assert_nobody_flickered(&records, back);
    outcome.took("all resumed elsewhere within", back).took("named to nobody after", gone)
}

pub(super) async fn cut_off(scale: Scale) -> Outcome {
    let (times, clients) = scale.pick((1, 60), (6, 300));
    let cluster = Cluster::start_alone(NODES, Setup::new(), Durability::Process).await;
    let scene = Scene::set(cluster, clients, SOON).await;
    let (mut noticed, mut gone, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..times {
        let (node, cluster) = (round as usize % NODES, &scene.cluster);
        scene.go_on(50).await;
        let (here, arrivals) = (scene.at(node).await, scene.swarm.arrivals());
        assert!(here > 0, "somebody is at node {node}");
        let start = Instant::now();
        // Nothing comes through any more, or every connection is reset.
        cluster.road(node, if round % 2 == 0 { Weather::Stalled } else { Weather::Down });
        cluster.until_ready(node, 503).await;
        noticed.push(start.elapsed());
        scene.until_back(arrivals + here).await;
        assert_eq!(scene.at(node).await, 0, "all were sent away");
        assert_serves_nobody(cluster, node).await;
        for other in (0..NODES).filter(|other| *other != node) {
            cluster.until_named(other, NODES - 1).await;
        }
        gone.push(start.elapsed());
        scene.go_on(50).await;
        let start = Instant::now();
        cluster.road(node, Weather::Fair);
        cluster.until_ready(node, 200).await;
        cluster.until_all_are_named().await;
        again.push(start.elapsed());
        // Somebody has to be there for the next round to send away.
        scene.swarm.cut((0..clients).collect());
        scene.until_back(scene.swarm.arrivals() + clients as u64).await;
    }
    let tried = format!(
        "{clients} clients at {NODES} nodes; one node's road to NATS stalls or resets, PostgreSQL stays within reach"
    );
    let (outcome, records) = scene.end(tried, times).await;
    let codes = records.iter().flat_map(|record| &record.closes).map(|(_, code)| *code);
    assert!(codes.clone().count() > 0 && codes.clone().all(|code| code == 4401), "{:?}", codes.collect::<Vec<_>>());
    let gone = longest(&gone);
    assert!(gone < GONE * 2, "a node that was cut off was named for {gone:?}");
    let outcome = outcome
        .took("noticed within", longest(&noticed))
        .took("its clients elsewhere and it named to nobody within", gone);
    outcome.took("serving again within", longest(&again))
}

/// A node that is cut off shows nobody anything, since it can't know how old that is.
async fn assert_serves_nobody(cluster: &Cluster, node: usize) {
    let server = &cluster.nodes[node];
    for path in ["/available", "/domains"] {
        let answer = server.anyone().get(path).await;
        assert_eq!(answer.status, 503, "{path}: {}", answer.text);
        assert!(answer.header("retry-after").is_some(), "{path}");
    }
    let refused = Socket::over(server.stream().await, server.request()).await.err().map(|error| error.to_string());
    assert!(refused.as_ref().is_some_and(|error| error.contains("503")), "{refused:?}");
}

pub(super) async fn restarted_in_turn(scale: Scale) -> Outcome {
    let (times, clients, window) = scale.pick((1, 60, Duration::from_millis(1_500)), (3, 600, Duration::from_secs(10)));
    let setup = Setup::new().set("drain_ms", window.as_millis());
    let cluster = Cluster::start_alone(NODES, setup, Durability::Process).await;
    let mut scene = Scene::set(cluster, clients, Return::ByTheRules).await;
    let (mut turns, mut back) = (Vec::new(), Vec::new());
    for round in 0..times as usize * NODES {
        let node = round % NODES;
        scene.go_on(30).await;
        let arrivals = scene.swarm.arrivals() + scene.at(node).await;
        let start = Instant::now();
        scene.cluster.nodes[node].signal(Signal::TERM);
        assert!(scene.cluster.nodes[node].exited().await.success(), "a drain ends with 0");
        let ended = Instant::now();
        scene.cluster.start_again(node).await;
        scene.cluster.until_all_are_named().await;
        turns.push(start.elapsed());
        scene.until_back(arrivals).await;
        back.push(ended.elapsed());
    }
    let tried = format!(
        "{clients} clients at {NODES} nodes, 2 backends; each node drained over {window:?} and started again, in turn"
    );
    let (outcome, records) = scene.end(tried, times).await;
    let codes = records.iter().flat_map(|record| &record.closes).map(|(_, code)| *code);
    assert!(codes.clone().all(|code| code == 4401), "{:?}", codes.collect::<Vec<_>>());
    let back = longest(&back);
    assert_nobody_flickered(&records, back);
    outcome
        .took("a node back in service within", longest(&turns))
        .took("its clients all elsewhere at its end, or within", back)
}

/// Nobody saw anyone as offline, if all were back in time.
fn assert_nobody_flickered(records: &[Record], back: Duration) {
    let offline = records.iter().flat_map(|record| &record.notes).filter(|note| matches!(note, Note::Offline { .. }));
    assert!(back >= GRACE || offline.count() == 0, "someone was shown as offline who was back within {back:?}");
}
