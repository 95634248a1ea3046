//! Requests of a session are counted by route group.

use harness::{Server, Setup};
use serde_json::json;

#[tokio::test]
async fn the_51st_request_of_a_session_is_429() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let api = server.as_user(&user);
    for n in 1..=50_u32 {
        let answer = api.get("/users/@me").await;
        answer.expect(200);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("50"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some((50 - n).to_string().as_str()));
        assert!(
            answer
                .header("x-ratelimit-reset")
                .is_some_and(|reset| reset.parse::<u64>().is_ok_and(|ms| ms > 1_600_000_000_000))
        );
        assert!(answer.header("x-ratelimit-bucket").is_some());
    }
    let refused = api.get("/users/@me").await;
    refused.error(429);
    let wait: u64 = refused.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("Retry-After");
    assert!((1..=10).contains(&wait));
    assert_eq!(refused.header("x-ratelimit-remaining"), Some("0"));

    // Another group and another session have their own counts, and the operator none.
    api.post("/guilds", json!({ "name": "x" })).await.expect(201);
    let other = server.user("grace").await;
    server.as_user(&other).get("/users/@me").await.expect(200);
}

#[tokio::test]
async fn the_count_starts_anew_after_its_window() {
    let server = Setup::new().set("rate_limit_requests", 2).set("rate_limit_window_ms", 500).start().await;
    let user = server.user("ada").await;
    let api = server.as_user(&user);
    harness::within("a refusal", async { while api.get("/users/@me").await.status != 429 {} }).await;
    harness::within("a new window", async {
        while api.get("/users/@me").await.status != 200 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}
