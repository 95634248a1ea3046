//! Readers that lag, and a thread that does.

use std::sync::Arc;

use sanmon_core::audience::Audience;
use sanmon_core::event::Seq;
use sanmon_core::time::UnixMillis;

use super::bench::{Bench, draft};
use crate::config::Config;

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_publisher_does_not_wait() {
    let config = Config { hub_threads: 1, max_queue_bytes: 1 << 16, ..Config::default() };
    let bench = Bench::with(config).await;
    let session = bench.session(1).await;
    let (mut slow, from) = bench.identified(&session).await;
    let event = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(1 << 16));
    while bench.metrics.queue_overflows.get() == 0 {
        bench.publish(Audience::Everyone, &event).await;
    }
    assert_eq!(slow.end().await.0, 4403);
    let mut back = bench.connect().await;
    back.identify(&session.session_id, "json", Some(from)).await;
    let missed = back.event("RESUMED").await["d"]["replayed"].as_u64().unwrap();
    let mut seen = 0;
    while seen < missed {
        seen += 1;
        back.next().await;
    }
    assert!(missed > 2);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_for_its_age_alone() {
    let config = Config { hub_threads: 1, max_queue_age_ms: 200, max_queue_bytes: 64 << 20, ..Config::default() };
    let bench = Bench::with(config).await;
    let (mut slow, _) = bench.identified(&bench.session(1).await).await;
    let event = format!(r#"{{"t":"BIG","d":"{}"}}"#, "x".repeat(1 << 16));
    // More than the sockets' buffers may still take of it later. A slow machine may be done with it before.
    while bench.metrics.queued_bytes.get() < 4 << 20 && bench.metrics.queue_overflows.get() == 0 {
        bench.publish(Audience::Everyone, &event).await;
    }
    bench.until("its age is noticed", || bench.metrics.queue_overflows.get() > 0).await;
    assert_eq!(slow.end().await.0, 4403);
}

#[tokio::test]
async fn a_thread_that_lags_sends_its_connections_to_resume() {
    let bench = Bench::with(Config { hub_threads: 1, ..Config::default() }).await;
    let session = bench.session(1).await;
    let (mut client, from) = bench.identified(&session).await;
    let entries: Vec<_> = (0..70_000)
        .map(|number| {
            draft(Audience::Everyone, r#"{"t":"FLOOD"}"#).place(Seq::new(from + 1_000 + number), UnixMillis::default())
        })
        .map(Arc::new)
        .collect();
    bench.hub.publish(&entries);
    assert_eq!(client.end().await.0, 4403);
}
