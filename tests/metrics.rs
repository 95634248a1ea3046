//! The admin address: metrics, health, readiness, apart from what clients reach.

use harness::{Server, Socket};
use serde_json::json;

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut sockets = vec![Socket::live(&server, &user).await, Socket::live(&server, &user).await];
    server.publish(json!({ "to": { "user": user.id }, "t": "HELLO" })).await;
    for socket in &mut sockets {
        socket.event("HELLO").await;
    }
    let answer = server.admin().get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    assert_eq!(value(&answer.text, "sanmon_connections"), Some(2.0), "{}", answer.text);
    assert!(value(&answer.text, "sanmon_events_published_total").is_some_and(|count| count >= 1.0));
    assert!(value(&answer.text, "sanmon_events_delivered_total").is_some_and(|count| count >= 2.0));

    for socket in sockets {
        socket.leave().await;
    }
    harness::within("the connections to be gone", async {
        while value(&server.admin().get("/metrics").await.text, "sanmon_connections") != Some(0.0) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn health_and_readiness_answer_on_the_admin_address_only() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(server.admin().get(path).await.status, 200, "{path}");
        server.anyone().get(path).await.error(404);
    }
    assert_eq!(server.admin().get("/users/@me").await.status, 404);
}

/// The value of a metric without labels.
fn value(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}
