//! Who shows session ids and keys that are none: told to stay away, while others behind the same address come and go.

use harness::{Api, Server, Setup, Socket};
use serde_json::json;

/// The close that an identify with this session id gets, and its reason.
async fn close_of(server: &Server, session: &str, from: Option<&str>) -> (u16, serde_json::Value) {
    let mut request = server.request();
    if let Some(address) = from {
        request.headers_mut().insert("x-forwarded-for", address.parse().expect("a value"));
    }
    let mut socket = Socket::open(server, request).await;
    socket.send(&json!({ "session_id": session })).await;
    let closed = socket.closed().await;
    (closed.code, closed.reason)
}

#[tokio::test]
async fn failed_identifies_of_an_address_are_limited_and_good_ones_are_not() {
    let server = Setup::new().set("max_failures_per_minute", 3).start().await;
    let user = server.user("ada").await;
    let mut connected = Socket::live(&server, &user).await;
    for _ in 0..3 {
        assert_eq!(close_of(&server, "1.AAAA", None).await.0, 4003);
    }
    for text in ["1.AAAA", "nonsense", ""] {
        let (code, reason) = close_of(&server, text, None).await;
        assert_eq!((code, &reason["r"]), (4008, &json!("rate_limited")), "{text}");
        assert!(reason["ms"].as_u64().is_some_and(|ms| ms > 0 && ms <= 60_000), "{reason}");
    }
    connected.alive().await;
    Socket::live(&server, &server.user("grace").await).await.alive().await;
    let metrics = server.admin().get("/metrics").await.text;
    for line in [
        "sanmon_credentials_refused_total{answer=\"refused\",at=\"gateway\"} 3",
        "sanmon_credentials_refused_total{answer=\"limited\",at=\"gateway\"} 3",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    assert_eq!(server.output().matches("told to stay away").count(), 1, "one line for all of them");
}

#[tokio::test]
async fn failed_requests_of_an_address_are_limited_and_good_ones_are_not() {
    let server = Setup::new().set("max_failures_per_minute", 4).start().await;
    let user = server.user("ada").await;
    let bad: [Api; 2] = [server.anyone().session("1.AAAA"), server.anyone().operator("1.AAAA")];
    for api in bad.iter().chain(&bad) {
        api.get("/users/@me").await.error(401);
    }
    for api in &bad {
        let refused = api.get("/users/@me").await;
        assert_eq!(refused.error(429).0, "too_many_failures");
        assert!(
            refused.header("retry-after").and_then(|s| s.parse::<u64>().ok()).is_some_and(|s| (1..=60).contains(&s))
        );
    }
    // The gateway counts with it, who names nobody is not counted, and who is right is let in.
    assert_eq!(close_of(&server, "1.AAAA", None).await.0, 4008);
    server.anyone().get("/users/@me").await.error(401);
    server.as_user(&user).get("/users/@me").await.expect(200);
    server
        .operator()
        .post("/publish", json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] }))
        .await
        .expect(200);
}

#[tokio::test]
async fn an_address_is_what_a_trusted_proxy_says_and_nobody_else() {
    for (trusted, apart) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let server = Setup::new().set("max_failures_per_minute", 1).set("trusted_proxies", trusted).start().await;
        assert_eq!(close_of(&server, "1.AAAA", Some("192.0.2.1")).await.0, 4003);
        assert_eq!(close_of(&server, "1.AAAA", Some("192.0.2.1")).await.0, 4008);
        let other = close_of(&server, "1.AAAA", Some("192.0.2.2")).await.0;
        assert_eq!(other, if apart { 4003 } else { 4008 }, "{trusted}");
        let over_http = server.anyone().session("1.AAAA").with("x-forwarded-for", "192.0.2.3").get("/users/@me").await;
        assert_eq!(over_http.status, if apart { 401 } else { 429 }, "{trusted}");
        // One subscriber's addresses of IPv6 are one.
        if apart {
            assert_eq!(close_of(&server, "1.AAAA", Some("2001:db8::1")).await.0, 4003);
            assert_eq!(close_of(&server, "1.AAAA", Some("2001:db8::2:1")).await.0, 4008);
        }
    }
}

#[tokio::test]
async fn good_sessions_come_in_while_someone_behind_the_same_address_floods() {
    let server = Setup::new().set("max_failures_per_minute", 1).start().await;
    let user = server.user("ada").await;
    let bad = server.anyone().session("1.AAAA");
    let flood: Vec<_> = (0..8)
        .map(|_| {
            let bad = bad.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert!(matches!(bad.get("/users/@me").await.status, 401 | 429));
                }
            })
        })
        .collect();
    for _ in 0..5 {
        server.as_user(&user).get("/users/@me").await.expect(200);
        Socket::live(&server, &user).await.alive().await;
    }
    for task in flood {
        task.await.expect("the flood");
    }
}
