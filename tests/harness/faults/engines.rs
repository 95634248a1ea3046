//! What several nodes stand on in trouble: NATS killed, one of three servers of NATS killed, NATS out of reach, PostgreSQL
//! killed.

use std::time::{Duration, Instant};

use sanmon_engines::Durability;
use tokio::task::block_in_place;

use super::outcome::longest;
use super::scene::{SOON, Scene};
use super::{Outcome, Scale};
use crate::{Cluster, Setup, Weather};

/// How many nodes there are.
const NODES: usize = 3;

pub(super) async fn nats_killed(scale: Scale) -> Outcome {
    let (times, clients) = scale.pick((1, 60), (10, 300));
    let cluster = Cluster::start_alone(NODES, Setup::new(), Durability::Process).await;
    let mut scene = Scene::set(cluster, clients, SOON).await;
    let mut again = Vec::new();
    for _ in 0..times {
        scene.go_on(100).await;
        block_in_place(|| scene.cluster.nats.kill());
        let killed = Instant::now();
        block_in_place(|| scene.cluster.nats.restart());
        scene.until_taken().await;
        again.push(killed.elapsed());
        for node in 0..NODES {
            scene.cluster.until_ready(node, 200).await;
        }
    }
    let tried = format!("{clients} clients at {NODES} nodes, 2 backends; NATS killed and started again at once");
    let (outcome, _) = scene.end(tried, times).await;
    outcome.took("taking publishes again within", longest(&again))
}

pub(super) async fn one_nats_of_three_killed(scale: Scale) -> Outcome {
    let (times, clients) = scale.pick((3, 60), (9, 300));
    let cluster = Cluster::start_replicated(NODES, Setup::new()).await;
    let mut scene = Scene::set(cluster, clients, SOON).await;
    let (mut again, mut back) = (Vec::new(), Vec::new());
    for round in 0..times {
        // One of three leads the log and one the leases: each is hit in turn.
        let server = round as usize % 3;
        scene.go_on(100).await;
        block_in_place(|| scene.cluster.nats_server(server).kill());
        let killed = Instant::now();
        scene.until_taken().await;
        again.push(killed.elapsed());
        // The two others do without it.
        scene.go_on(100).await;
        for node in 0..NODES {
            scene.cluster.until_ready(node, 200).await;
        }
        scene.until_back(0).await;
        back.push(killed.elapsed());
        block_in_place(|| {
            let server = scene.cluster.nats_server(server);
            server.restart();
            server.until_healthy();
        });
    }
    let tried = format!(
        "{clients} clients at {NODES} nodes, 2 backends, `nats_replicas` 3; each server in turn, started again once the \
         others have done without it"
    );
    let (outcome, records) = scene.end(tried, times).await;
    let codes = records.iter().flat_map(|record| &record.closes).map(|(_, code)| *code);
    assert!(codes.clone().all(|code| code == 4401), "{:?}", codes.collect::<Vec<_>>());
    outcome.took("taking publishes again within", longest(&again)).took("everyone connected within", longest(&back))
}

pub(super) async fn nats_out_of_reach(scale: Scale) -> Outcome {
    let (times, clients, away) = scale.pick((1, 60, Duration::from_secs(8)), (2, 300, Duration::from_secs(30)));
    let cluster = Cluster::start_alone(NODES, Setup::new(), Durability::Process).await;
    let scene = Scene::set(cluster, clients, SOON).await;
    let (mut noticed, mut taken, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        scene.go_on(50).await;
        let (refusals, arrivals) = (scene.refusals(), scene.swarm.arrivals());
        let start = Instant::now();
        (0..NODES).for_each(|node| scene.cluster.road(node, Weather::Stalled));
        for node in 0..NODES {
            scene.cluster.until_ready(node, 503).await;
        }
        noticed.push(start.elapsed());
        scene.swarm.until("everyone to be sent away", |_| scene.swarm.live() == 0).await;
        let acknowledged = scene.ledger.acknowledged();
        tokio::time::sleep(away.saturating_sub(start.elapsed())).await;
        assert_eq!(scene.ledger.acknowledged(), acknowledged, "nothing can be stored");
        assert!(scene.refusals() > refusals, "who publishes is told");
        let start = Instant::now();
        (0..NODES).for_each(|node| scene.cluster.road(node, Weather::Fair));
        scene.until_taken().await;
        taken.push(start.elapsed());
        scene.until_back(arrivals + clients as u64).await;
        back.push(start.elapsed());
    }
    let tried = format!("{clients} clients at {NODES} nodes, 2 backends; no byte to or from NATS for {away:?}");
    let (outcome, records) = scene.end(tried, times).await;
    let codes = records.iter().flat_map(|record| &record.closes).map(|(_, code)| *code);
    assert!(codes.clone().all(|code| code == 4401), "{:?}", codes.collect::<Vec<_>>());
    let outcome =
        outcome.took("noticed within", longest(&noticed)).took("taking publishes again within", longest(&taken));
    outcome.took("all resumed within", longest(&back))
}

pub(super) async fn postgres_killed(scale: Scale) -> Outcome {
    let (times, clients) = scale.pick((1, 60), (10, 300));
    let cluster = Cluster::start_alone(NODES, Setup::new(), Durability::Process).await;
    let mut scene = Scene::set(cluster, clients, SOON).await;
    let mut again = Vec::new();
    for _ in 0..times {
        scene.go_on(100).await;
        let arrivals = scene.swarm.arrivals();
        let postgres = scene.cluster.postgres.as_mut().expect("its own");
        block_in_place(|| postgres.kill());
        let killed = Instant::now();
        block_in_place(|| postgres.restart());
        // Both kinds of backends need the database: one for its key, the other for the operator key.
        scene.go_on(20).await;
        again.push(killed.elapsed());
        assert_eq!(scene.swarm.live(), clients, "who is connected stays connected");
        assert_eq!(scene.swarm.arrivals(), arrivals, "and does not even notice");
        // Somebody who comes now is served from the database.
        scene.swarm.cut((0..clients / 2).collect());
        scene.until_back(arrivals + clients as u64 / 2).await;
    }
    let tried = format!("{clients} clients at {NODES} nodes, 2 backends; PostgreSQL killed and started again at once");
    let (outcome, _) = scene.end(tried, times).await;
    outcome.took("taking publishes again within", longest(&again))
}
