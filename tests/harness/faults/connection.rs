//! A network between clients and server that stalls in the middle of things, then resets.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::kill::until_acknowledged;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Proxy, Setup, Weather};

pub(super) async fn cut(scale: Scale) -> Outcome {
    let times = scale.pick(5, 50);
    let server = at_home(Setup::new()).start().await;
    let crowd = Crowd::settle(&server, scale.pick(20, 200), 4).await;
    let proxy = Proxy::to(server.address()).await;
    let swarm = Swarm::asleep(proxy.address(), &crowd, Return::After(Duration::from_millis(25)));
    swarm.come_back();
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    // Large ones, so that some are cut in their middle.
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace { filler: 20_000, ..Pace::default() });
    let mut back = Duration::ZERO;
    for _ in 0..times {
        until_acknowledged(&ledger, 20).await;
        proxy.set(Weather::Stalled);
        until_acknowledged(&ledger, 20).await;
        let arrivals = swarm.arrivals() + crowd.users.len() as u64;
        proxy.set(Weather::Down);
        swarm.until("everyone to be cut off", |board| board.live.load(Relaxed) == 0).await;
        proxy.set(Weather::Fair);
        let start = Instant::now();
        swarm
            .until("everyone to be back", |board| board.resumed.load(Relaxed) + board.fresh.load(Relaxed) >= arrivals)
            .await;
        back = back.max(start.elapsed());
    }
    publishers.stop().await;
    swarm.settle(&server).await;
    let tried =
        format!("{} clients behind a proxy that holds everything back, then resets all connections", crowd.users.len());
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("all resumed within", back)
}
