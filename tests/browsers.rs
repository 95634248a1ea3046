//! Origins: browsers come from the server's own and from configured ones, and nothing else.

use harness::{Server, Setup, Socket};
use serde_json::json;

#[tokio::test]
async fn a_foreign_origin_is_accepted_to_be_told_4101() {
    let server = Setup::new().set("origins", "https://chat.example").start().await;
    let own = format!("http://localhost:{}", server.address().port());
    let user = server.user("ada").await;
    let from = |origin: &str| {
        let mut request = server.request();
        request.headers_mut().insert("origin", origin.parse().expect("a value"));
        request
    };
    for origin in ["https://evil.example", "null", "http://chat.example", "https://chat.example.evil.example"] {
        let mut socket = Socket::open(&server, from(origin)).await;
        let closed = socket.closed().await;
        assert_eq!(closed.code, 4101, "{origin}");
        assert!(closed.reason["r"].is_string());
    }
    for origin in ["https://chat.example", own.as_str()] {
        let mut socket = Socket::open(&server, from(origin)).await;
        socket.identify(&user, harness::Encoding::Json, None).await;
        socket.event("READY").await;
    }
}

#[tokio::test]
async fn cors_answers_configured_origins_alone() {
    let server = Setup::new().set("origins", "https://chat.example").start().await;
    let user = server.user("ada").await;
    for path in ["/available", "/domains", "/users/@me"] {
        let api = server.as_user(&user);
        let allowed = api.with("origin", "https://chat.example").get(path).await;
        allowed.expect(200);
        assert_eq!(allowed.header("access-control-allow-origin"), Some("https://chat.example"), "{path}");
        assert!(allowed.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
        let foreign = api.with("origin", "https://evil.example").get(path).await;
        assert_eq!(foreign.header("access-control-allow-origin"), None, "{path}");
    }
    let preflight = server
        .anyone()
        .with("origin", "https://chat.example")
        .with("access-control-request-method", "PATCH")
        .with("access-control-request-headers", "authorization,content-type")
        .send("OPTIONS", "/guilds/5", None)
        .await;
    assert!((200..300).contains(&preflight.status), "{}", preflight.text);
    assert!(preflight.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
    let headers = preflight.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
    assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
}

#[tokio::test]
async fn the_page_of_the_node_is_served() {
    let server = Server::start().await;
    let page = server.anyone().get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(page.text.contains("<title>Sanmon console</title>"));
    // Everything that the page names is there.
    for (path, kind) in [
        ("/console/style.css", "text/css"),
        ("/console/start.js", "text/javascript"),
        ("/openapi.json", "application/json"),
    ] {
        assert!(page.text.contains(path), "{path}");
        let part = server.anyone().get(path).await;
        assert_eq!(part.status, 200, "{path}");
        assert!(part.header("content-type").is_some_and(|found| found.starts_with(kind)), "{path}");
    }
    let description = server.anyone().get("/openapi.json").await.expect(200);
    assert!(description["paths"]["/publish"]["post"].is_object(), "{}", json!(description["paths"]));
}
