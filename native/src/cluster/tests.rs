//! Nodes on a real NATS server: who leases what, who is seen, and what a node that is cut off knows of it.

use std::time::Duration;

use sanmon_engines::Nats;
use tokio::time::timeout;

use super::*;

async fn client(nats: &Nats) -> async_nats::Client {
    async_nats::connect(nats.url()).await.unwrap()
}

fn terms(domain: Option<&str>) -> Terms {
    Terms {
        bucket: "sanmon_nodes".into(),
        replicas: 1,
        node: None,
        domain: domain.map(str::to_owned),
        url: format!("wss://{}.example/gateway", domain.unwrap_or("gw")),
    }
}

async fn joined(nats: &Nats, terms: Terms) -> Result<Cluster, JoinError> {
    Cluster::join(client(nats).await, Clock::start(), terms).await
}

/// A node that serves, with so many connections.
async fn serving(nats: &Nats, domain: Option<&str>, connections: u64) -> Cluster {
    let cluster = joined(nats, terms(domain)).await.unwrap();
    cluster.announce(move || Vitals { stage: Stage::Serving, room: true, connections, run: Some(7) });
    cluster
}

/// What a node that was killed leaves behind.
fn kill(cluster: &Cluster) {
    cluster.tasks.iter().for_each(AbortHandle::abort);
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), waited).await.unwrap_or_else(|_| panic!("{what}"));
}

fn seen_by(cluster: &Cluster) -> Vec<(u8, String, u64)> {
    cluster.others().into_iter().map(|(number, record)| (number, record.domain, record.connections)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_have_numbers_of_their_own_and_see_each_other() {
    let nats = Nats::start();
    let first = serving(&nats, None, 3).await;
    let second = serving(&nats, Some("blue"), 5).await;
    let third = joined(&nats, Terms { node: Some(200), ..terms(None) }).await.unwrap();
    assert_eq!([&first, &second, &third].map(Cluster::number), [0, 1, 200]);
    assert_eq!([&first, &second, &third].map(Cluster::domain), ["node-0", "blue", "node-200"]);
    let (a, b, c) = ((0, "node-0".to_owned(), 3), (1, "blue".to_owned(), 5), (200, "node-200".to_owned(), 0));
    until("all see all", || {
        seen_by(&first) == [b.clone(), c.clone()]
            && seen_by(&second) == [a.clone(), c.clone()]
            && seen_by(&third) == [a.clone(), b.clone()]
            && [&first, &second, &third].into_iter().all(Cluster::sees)
    })
    .await;
    let others = third.others();
    assert!(others.iter().all(|(_, record)| record.serves() && record.room && record.run == Some(7)));
    assert_eq!(others[1].1.url, "wss://blue.example/gateway");
    assert!(!first.others()[1].1.serves(), "it was not announced");
    // A number that is given back is free at once, and nobody names its node any more.
    let watch = Clock::start();
    second.leave().await;
    until("the node is gone", || seen_by(&first) == [c.clone()]).await;
    assert_eq!(serving(&nats, Some("blue"), 0).await.number(), 1);
    assert!(watch.now().as_millis() < 4000, "nothing has to run out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_is_gone_soon_and_its_place_can_be_taken() {
    let nats = Nats::start();
    let (first, second) = (serving(&nats, None, 1).await, serving(&nats, Some("blue"), 2).await);
    until("they see each other", || seen_by(&first).len() == 1).await;
    assert_eq!(first.punctual().len(), 1);
    kill(&second);
    let watch = Clock::start();
    until("the dead node is late", || first.punctual().is_empty()).await;
    assert_eq!(seen_by(&first).len(), 1, "before it counts as gone");
    let again = tokio::spawn({
        let client = client(&nats).await;
        async move { Cluster::join(client, Clock::start(), Terms { node: Some(1), ..terms(Some("blue")) }).await }
    });
    let holder = second.shared.own().record.holder;
    until("the dead node is gone", || first.others().iter().all(|(_, record)| record.holder != holder)).await;
    assert!((4000..10_000).contains(&watch.now().as_millis()), "{:?}", watch.now());
    let again = again.await.unwrap().unwrap();
    assert_eq!((again.number(), again.domain()), (1, "blue".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_or_a_name_of_a_node_that_lives_is_refused() {
    let nats = Nats::start();
    let first = serving(&nats, Some("blue"), 1).await;
    let named = joined(&nats, terms(Some("blue"))).await.unwrap_err();
    assert_eq!(
        named,
        JoinError::DomainTaken { domain: "blue".into(), url: "wss://blue.example/gateway".into() },
        "{named}"
    );
    let numbered = joined(&nats, Terms { node: Some(0), ..terms(Some("green")) }).await.unwrap_err();
    assert!(matches!(&numbered, JoinError::NumberTaken { node: 0, domain, .. } if domain == "blue"), "{numbered}");
    // Who was refused holds nothing.
    assert_eq!(serving(&nats, Some("green"), 1).await.number(), 1);
    until("it stays", || seen_by(&first).len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_start_at_once_one_has_the_name() {
    let nats = Nats::start();
    let clients = futures_util::future::join_all((0..6).map(|_| client(&nats))).await;
    let joins = clients.into_iter().map(|client| Cluster::join(client, Clock::start(), terms(Some("blue"))));
    let joined = futures_util::future::join_all(joins).await;
    assert_eq!(joined.iter().filter(|joined| joined.is_ok()).count(), 1, "{joined:?}");
    let clients = futures_util::future::join_all((0..6).map(|_| client(&nats))).await;
    let joins = clients.into_iter().map(|client| Cluster::join(client, Clock::start(), terms(None)));
    let mut numbers: Vec<u8> =
        futures_util::future::join_all(joins).await.into_iter().map(|joined| joined.unwrap().number()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_knows_it_and_comes_back_by_itself() {
    let mut nats = Nats::start();
    let (first, second) = (serving(&nats, None, 1).await, serving(&nats, None, 2).await);
    until("they see each other", || first.sees() && seen_by(&first).len() == 1 && seen_by(&second).len() == 1).await;
    for fault in ["killed", "stopped"] {
        let watch = Clock::start();
        if fault == "killed" {
            nats.kill()
        } else {
            nats.freeze()
        }
        let (mut ties, cut_off) = (first.tie(), |tie: &Tie| *tie == Tie::CutOff);
        timeout(Duration::from_secs(10), ties.wait_for(cut_off)).await.expect(fault).unwrap();
        assert!((3000..8000).contains(&watch.now().as_millis()), "{fault}: {:?}", watch.now());
        assert!(!first.sees(), "{fault}");
        // Until the leases have run out.
        until("nobody is seen", || seen_by(&first).is_empty() && seen_by(&second).is_empty()).await;
        if fault == "killed" {
            nats.restart()
        } else {
            nats.thaw()
        }
        timeout(Duration::from_secs(20), ties.wait_for(|tie| *tie == Tie::Held)).await.expect(fault).unwrap();
        let mut numbers = [first.number(), second.number()];
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1], "{fault}");
        until("they see each other again", || {
            first.sees() && second.sees() && seen_by(&first).len() == 1 && seen_by(&second).len() == 1
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lost_the_number_meanwhile_takes_another() {
    let nats = Nats::start();
    let first = serving(&nats, None, 1).await;
    // As after a time without NATS: the lease is gone, and a newcomer was faster.
    let number = first.number();
    until("the lease is taken by another", || {
        let (bucket, own) = (&first.bucket, first.shared.own());
        let taken = async {
            bucket.release(number, own.revision).await?;
            bucket.create(number, &Record { holder: 1, domain: "green".into(), ..own.record }).await
        };
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(taken)).is_ok()
    })
    .await;
    until("another number", || first.number() != number).await;
    assert_eq!((first.number(), first.domain()), (1, "node-1".into()));
    assert_eq!(*first.tie().borrow(), Tie::Held);
}

#[test]
fn the_emptier_of_two_that_are_picked_is_named() {
    let pick = |nodes: &[u64], random| emptier_of_two(nodes.to_vec(), random, |node| *node);
    assert_eq!(pick(&[], 7), None);
    assert_eq!(pick(&[5], 7), Some(5));
    let all: Vec<_> = (0..3u64).flat_map(|high| (0..2u64).map(move |low| high << 32 | low)).collect();
    let mut named: Vec<_> = all.iter().filter_map(|random| pick(&[10, 20, 30], *random)).collect();
    named.sort_unstable();
    // Of the three pairs, each met twice, 10 wins two and 20 one; the fullest never does.
    assert_eq!(named, [10, 10, 10, 10, 20, 20]);
}
