//! What browsers are told with every answer: no guessing of types, no frames, no foreign scripts.

use std::sync::Arc;

use harness::{Answer, Authority, Server, Setup};

/// What every answer carries.
fn assert_hardened(what: &str, answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
    }
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
}

#[tokio::test]
async fn every_answer_of_the_api_is_hardened_whatever_its_status() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let api = server.as_user(&user);
    for (path, status) in
        [("/users/@me", 200), ("/nowhere", 404), ("/guilds/5", 404), ("/gateway", 426), ("/openapi.json", 200)]
    {
        let answer = api.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_hardened(path, &answer);
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'"),
            "{path}"
        );
    }
    for (what, answer) in [
        ("401", server.anyone().session("x").get("/users/@me").await),
        ("403", api.post("/publish", serde_json::json!({})).await),
        ("400", api.post("/guilds", serde_json::json!({})).await),
        ("405", api.send("PUT", "/guilds", None).await),
        ("an interaction", server.anyone().send("POST", "/interactions", None).await),
        ("metrics", server.admin().get("/metrics").await),
    ] {
        assert_hardened(what, &answer);
    }
    // What a session may see is not kept by caches.
    assert_eq!(api.get("/users/@me").await.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn the_console_runs_its_own_scripts_and_no_others() {
    let server = Server::start().await;
    let page = server.anyone().get("/").await;
    assert_eq!(page.status, 200);
    assert_hardened("the console", &page);
    let policy = page.header("content-security-policy").expect("a policy");
    let directive = |name: &str| {
        let found = policy.split(';').map(str::trim).find_map(|part| part.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no {name} in {policy}")).to_owned()
    };
    assert_eq!(directive("default-src"), "'none'");
    assert_eq!(directive("script-src"), "'self' 'wasm-unsafe-eval'");
    assert_eq!(directive("style-src"), "'self'");
    // The one gateway that there is, by the name under which clients are sent there.
    assert_eq!(directive("connect-src"), format!("'self' ws://{}", server.address()));
    for name in ["base-uri", "form-action", "frame-ancestors"] {
        assert_eq!(directive(name), "'none'");
    }
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'") && !policy.contains('*'),
        "{policy}"
    );
    for word in ["<script>", " onclick=", " style=", "javascript:"] {
        assert!(!page.text.contains(word), "{word} would not work under this policy");
    }
}

#[tokio::test]
async fn browsers_are_bound_to_tls_where_that_is_set_and_nowhere_else() {
    const HSTS: &str = "strict-transport-security";
    let authority = Arc::new(Authority::new());
    let server = Setup::new().tls(Arc::clone(&authority)).set("hsts_max_age_s", 3_600).start().await;
    for path in ["/", "/available", "/nowhere"] {
        assert_eq!(server.anyone().get(path).await.header(HSTS), Some("max-age=3600"), "{path}");
    }
    // Nobody is bound by what came unencrypted.
    assert_eq!(server.admin().get("/metrics").await.header(HSTS), None);
    let server = Setup::new().tls(authority).start().await;
    assert_eq!(server.anyone().get("/").await.header(HSTS), None);
}

#[tokio::test]
async fn without_being_told_the_admin_address_is_this_machines_alone() {
    let mut command = harness::sanmon_command();
    let output = command.args(["check-config", "--json"]).output().expect("sanmon runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("127.0.0.1:9090"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let open =
        harness::sanmon_command().args(["check-config", "--admin-listen=0.0.0.0:9090"]).output().expect("sanmon runs");
    let said = String::from_utf8_lossy(&open.stdout).into_owned() + &String::from_utf8_lossy(&open.stderr);
    assert!(said.contains("reachable from other machines and asks for no key"), "{said}");
}
