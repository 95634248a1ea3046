//! From an identify to live, whatever happens meanwhile.

use std::sync::Arc;

use sanmon_core::audience::Audience;
use tokio::net::TcpStream;

use super::bench::{Bench, Client, draft, id};
use crate::config::Config;
use crate::store::guilds::Caps;
use crate::store::members;
use crate::store::members::Remover;

#[tokio::test]
async fn nothing_is_lost_nor_doubled_between_identify_and_live() {
    let bench = Arc::new(Bench::new().await);
    let sessions = [bench.session(1).await, bench.session(2).await, bench.session(3).await];
    let publisher = {
        let bench = bench.clone();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for number in 0..400 {
                seqs.push(
                    bench.publish(Audience::Everyone, &format!(r#"{{"t":"COUNT","d":{number}}}"#)).await.as_u64(),
                );
            }
            seqs
        })
    };
    let mut clients = Vec::new();
    for round in 0..12 {
        clients.push(bench.identified(&sessions[round % 3]).await);
    }
    let seqs = publisher.await.unwrap();
    for (client, from) in &mut clients {
        for seq in seqs.iter().filter(|seq| **seq > *from) {
            assert_eq!(client.event("COUNT").await["s"], *seq);
        }
    }
    // Each comes back from where it was at READY, and is told the same again.
    for (index, (_, from)) in clients.iter().enumerate().take(3) {
        let mut client = bench.connect().await;
        client.identify(&sessions[index % 3].session_id, "json", Some(*from)).await;
        let missed: Vec<u64> = seqs.iter().copied().filter(|seq| seq > from).collect();
        let resumed = client.next().await;
        assert_eq!((&resumed["t"], &resumed["s"]), (&"RESUMED".into(), &(*from).into()));
        for seq in missed {
            assert_eq!(client.event("COUNT").await["s"], seq);
        }
        let live = bench.publish(Audience::Users(vec![id(index as u64 % 3 + 1)]), r#"{"t":"NOW"}"#).await;
        assert_eq!(client.event("NOW").await["s"], live.as_u64());
    }
}

#[tokio::test]
async fn a_session_is_looked_at_however_many_wait_to_be_loaded() {
    let bench = Bench::new().await;
    let session = bench.session(1).await;
    let loads = bench.hub.shared.backend.get().unwrap().loader.loads();
    let all = loads.acquire_many(u32::try_from(loads.available_permits()).unwrap()).await.unwrap();
    let (mut stranger, mut client) = (bench.connect().await, bench.connect().await);
    client.identify(&session.session_id, "json", None).await;
    stranger.identify("nobody's", "json", None).await;
    assert_eq!(stranger.end().await.0, 4003);
    drop(all);
    client.event("READY").await;
}

#[tokio::test]
async fn an_unknown_position_gets_everything_anew() {
    let bench = Bench::new().await;
    let session = bench.session(1).await;
    let mut client = bench.connect().await;
    client.identify(&session.session_id, "json", Some(1)).await;
    assert_eq!(client.event("READY").await["d"]["resumed"], false);
}

#[tokio::test]
async fn whoever_catches_up_hears_what_one_who_was_there_heard() {
    let bench = Arc::new(Bench::new().await);
    let session = bench.session(2).await;
    bench.session(1).await;
    bench.guild(1, 10).await;
    let (mut witness, _) = bench.identified(&session).await;
    let publisher = {
        let bench = bench.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                members::add(&bench.store, Caps::of(&bench.config), id(10), id(2)).await.unwrap();
                bench.publish(Audience::Guild(id(10)), r#"{"t":"HEARD"}"#).await;
                members::remove(&bench.store, Remover::User(id(2)), id(10), id(2)).await.unwrap();
                bench.publish(Audience::Guild(id(10)), r#"{"t":"NOT_HEARD"}"#).await;
            }
            bench.publish(Audience::Everyone, r#"{"t":"OVER"}"#).await
        })
    };
    let mut late = Vec::new();
    for _ in 0..10 {
        late.push(bench.identified(&session).await);
    }
    let over = publisher.await.unwrap().as_u64();
    let all = heard(&mut witness, over).await;
    assert!(all.iter().all(|(_, t)| t != "NOT_HEARD"));
    assert_eq!(all.iter().filter(|(_, t)| t == "HEARD").count(), 40);
    for (client, from) in &mut late {
        let mine: Vec<_> = all.iter().filter(|(seq, _)| seq > from).cloned().collect();
        assert_eq!(heard(client, over).await, mine);
        let mut back = bench.connect().await;
        back.identify(&session.session_id, "zlib", Some(*from)).await;
        back.event("RESUMED").await;
        assert_eq!(heard(&mut back, over).await, mine);
    }
}

/// Places and names of all events up to this place, but for presences.
async fn heard(client: &mut Client<TcpStream>, last: u64) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    loop {
        let event = client.next().await;
        let seq = event["s"].as_u64().unwrap();
        if event["t"] != "PRESENCE_UPDATE" {
            all.push((seq, event["t"].as_str().unwrap().to_owned()));
        }
        if seq >= last {
            return all;
        }
    }
}

#[tokio::test]
async fn a_slow_catch_up_survives_that_recent_entries_move_on() {
    // However long the log takes to move on: that a reader may be slow for so long only is the matter of other tests.
    let config = Config { hub_threads: 1, max_queue_age_ms: 3_600_000, ..Config::default() };
    let bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (client, from) = bench.identified(&session).await;
    drop(client);
    bench.emptied().await;
    let big = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(1 << 16));
    for _ in 0..80 {
        bench.publish(Audience::Users(vec![id(1)]), &big).await;
    }
    let mut slow = bench.connect().await;
    slow.identify(&session.session_id, "json", Some(from)).await;
    slow.event("RESUMED").await;
    bench.until("the socket takes no more", || bench.metrics.queued_bytes.get() > 0).await;
    // It reads no further until the ring no longer reaches back to where it stands.
    let drafts: Vec<_> = (0..1000).map(|_| draft(Audience::Users(vec![id(1)]), r#"{"t":"SMALL"}"#)).collect();
    let mut last = 0;
    for _ in 0..67 {
        last = bench.store.publish(drafts.clone(), None).await.unwrap().last().unwrap().as_u64();
    }
    let all = heard(&mut slow, last).await;
    assert_eq!(all.len(), 80 + 67_000);
    assert!(bench.metrics.catch_up_rounds.get() > 0);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
}
