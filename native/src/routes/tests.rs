//! The routes from outside: who may ask, what is answered, and what bad input gets.

use std::sync::Arc;

use http::StatusCode;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, ORIGIN, RETRY_AFTER};
use serde_json::{Value, json};
use tempfile::TempDir;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::test::RequestBuilder;

use super::{admin, api, control};
use crate::config::Config;
use crate::node::Node;
use crate::store::operator_keys::{self, NewKey, Scope};

/// A server's routes without its sockets.
struct Site {
    node: Arc<Node>,
    api: BoxedFilter<(Response,)>,
    control: BoxedFilter<(Response,)>,
    _folder: TempDir,
}

/// An answer: its status and its JSON, null for none.
struct Answer(u16, Value);

impl Answer {
    fn code(&self) -> (u16, &str) {
        (self.0, self.1["error"]["code"].as_str().unwrap_or_default())
    }

    fn message(&self) -> &str {
        self.1["error"]["message"].as_str().unwrap_or_default()
    }
}

impl Site {
    async fn new() -> Self {
        Self::with(Config { rate_limit_requests: 1000, ..Config::default() }).await
    }

    async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().join("data"), ..config };
        let node = Node::open(config, &[]).await.unwrap();
        Self { api: api(Arc::clone(&node)), control: control(Arc::clone(&node)), node, _folder: folder }
    }

    /// Asks as who has this Authorization; empty for nobody.
    async fn ask(&self, who: &str, method: &str, path: &str, body: Value) -> Answer {
        answer(request(who, method, path, body).reply(&self.api).await)
    }

    async fn session(&self, user: Value) -> (String, Value) {
        let answer = request("", "POST", "/sessions", json!({ "user": user })).reply(&self.control).await;
        let Answer(201, minted) = answer_of(&answer) else { panic!("{answer:?}") };
        (minted["session_id"].as_str().unwrap().to_owned(), minted)
    }

    async fn key(&self, scopes: &[Scope]) -> String {
        let new = NewKey { name: "test".into(), scopes: scopes.to_vec(), expires_in: None };
        let minted = operator_keys::create(&self.node.store, new).await.unwrap();
        format!("Bearer {}", minted.key)
    }
}

fn request(who: &str, method: &str, path: &str, body: Value) -> RequestBuilder {
    let mut request = warp::test::request().method(method).path(path);
    if !who.is_empty() {
        request = request.header(AUTHORIZATION, who);
    }
    if body.is_null() { request } else { request.header(CONTENT_TYPE, "application/json").body(body.to_string()) }
}

fn answer(response: http::Response<bytes::Bytes>) -> Answer {
    answer_of(&response)
}

fn answer_of(response: &http::Response<bytes::Bytes>) -> Answer {
    Answer(response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

const NONE: Value = Value::Null;

#[tokio::test]
async fn a_path_that_is_not_there_and_a_method_that_is_not_taken() {
    let site = Site::new().await;
    for path in ["/nowhere", "/guilds/x", "/guilds/0", "/guilds/9223372036854775808", "/guilds/1/2/3/4", "/backup"] {
        assert_eq!(site.ask("", "GET", path, NONE).await.code(), (404, "unknown_route"), "{path}");
    }
    let refused = request("", "PUT", "/guilds/5", NONE).reply(&site.api).await;
    assert_eq!(answer_of(&refused).code(), (405, "method_not_allowed"));
    assert_eq!(refused.headers()[ALLOW], "GET, PATCH, DELETE, OPTIONS");
    assert_eq!(
        request("", "OPTIONS", "/guilds/5", NONE).reply(&site.api).await.headers()[ALLOW],
        refused.headers()[ALLOW]
    );
    assert_eq!(site.ask("", "HEAD", "/available", NONE).await.0, 200);
}

#[tokio::test]
async fn discovery_needs_nobody() {
    let site = Site::new().await;
    let url = &site.node.public_url;
    let port = url.split_once("://").unwrap().1;
    let Answer(200, available) = site.ask("", "GET", "/available", NONE).await else { panic!() };
    assert_eq!(available, json!({ "url": url, "port": port, "domain": "production-1", "v": 1 }));
    assert_eq!(site.ask("", "GET", "/domains", NONE).await.1, json!({ "production-1": url }));
    assert_eq!(site.ask("", "GET", "/gateway", NONE).await.code(), (426, "upgrade_required"));
    let page = request("", "GET", "/", NONE).reply(&site.api).await;
    assert!(page.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
    assert_eq!(site.ask("", "GET", "/openapi.json", NONE).await.1["openapi"], "3.1.0");
    site.node.drain().await;
    let drained = request("", "GET", "/available", NONE).reply(&site.api).await;
    assert_eq!(
        (drained.status(), &drained.headers()[RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn who_asks_is_told_apart() {
    let site = Site::new().await;
    let (ada, _) = site.session(json!({ "id": 1, "username": "ada" })).await;
    let publisher = site.key(&[Scope::Publish]).await;
    let actor = site.key(&[Scope::Act]).await;
    for who in ["", "x", "1.x", "Bearer x", "Bearer", "Basic eDp5", "é"] {
        assert_eq!(site.ask(who, "GET", "/users/@me", NONE).await.code(), (401, "unauthorized"), "{who}");
    }
    for path in ["/users/@me", "/users/%40me"] {
        assert_eq!(site.ask(&ada, "GET", path, NONE).await.1, json!({ "id": 1, "username": "ada" }), "{path}");
    }
    let lacks = site.ask(&publisher, "POST", "/sessions", json!({ "user": { "username": "x" } })).await;
    assert_eq!(lacks.code(), (403, "missing_scope"));
    assert!(lacks.message().contains("`sessions`"));
    assert_eq!(site.ask(&ada, "POST", "/publish", json!({ "events": [] })).await.code(), (403, "forbidden"));

    let on_behalf = async |who: &str, user: &str| {
        let asked = request(who, "GET", "/users/@me", NONE).header("X-On-Behalf-Of", user).reply(&site.api).await;
        answer(asked)
    };
    assert_eq!(on_behalf(&actor, "1").await.0, 200);
    assert_eq!(on_behalf(&actor, "2").await.code(), (404, "unknown_user"));
    assert_eq!(on_behalf(&actor, "you").await.code(), (400, "invalid_request"));
    assert_eq!(on_behalf(&publisher, "1").await.code(), (403, "missing_scope"));
    assert_eq!(on_behalf(&ada, "1").await.code(), (400, "invalid_request"));
    assert_eq!(site.ask(&actor, "GET", "/users/@me", NONE).await.code(), (400, "user_required"));
}

#[tokio::test]
async fn who_names_a_user_in_vain_is_told_so() {
    let site = Site::new().await;
    let (ada, _) = site.session(json!({ "id": 1, "username": "ada" })).await;
    let all = site.key(&Scope::ALL).await;
    for (method, path, body) in [
        ("POST", "/publish", json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] })),
        ("POST", "/sessions", json!({ "user": { "username": "x" } })),
        ("GET", "/operator-keys", NONE),
        ("PATCH", "/users/1", json!({ "username": "bo" })),
        ("PUT", "/guilds/5/members/1", NONE),
    ] {
        let named = request(&all, method, path, body).header("X-On-Behalf-Of", "1").reply(&site.api).await;
        let refused = answer(named);
        assert_eq!(refused.code(), (400, "invalid_request"), "{path}");
        assert!(refused.message().contains("no meaning here"), "{}", refused.message());
    }
    assert_eq!(site.ask(&ada, "GET", "/users/@me", NONE).await.1["username"], "ada", "nothing of it was done");
}

#[tokio::test]
async fn sessions_and_keys_end_by_themselves_when_they_are_told_to() {
    let site = Site::with(Config { max_session_age_s: 60, ..Config::default() }).await;
    let admin = site.key(&Scope::ALL).await;
    let user = json!({ "id": 7, "username": "ada" });
    let Answer(201, minted) = site.ask(&admin, "POST", "/sessions", json!({ "user": user })).await else { panic!() };
    let now = site.node.clock.steady().as_millis();
    let left = |ends: &Value| ends.as_u64().unwrap() - now;
    assert!((59_000..=61_000).contains(&left(&minted["expires_at"])), "{minted}");
    let shorter = site.ask(&admin, "POST", "/sessions", json!({ "user": user, "expires_in_s": 5 })).await;
    assert!((4_000..=6_000).contains(&left(&shorter.1["expires_at"])), "{}", shorter.1);
    let longer = site.ask(&admin, "POST", "/sessions", json!({ "user": user, "expires_in_s": 61 })).await;
    assert_eq!(longer.code(), (400, "invalid_request"));
    assert!(longer.message().contains("`expires_in_s`: this is 1 to 60"), "{}", longer.message());

    let new = json!({ "name": "k", "scopes": ["act"], "expires_in_s": 100 });
    let Answer(201, key) = site.ask(&admin, "POST", "/operator-keys", new).await else { panic!() };
    assert!((99_000..=101_000).contains(&left(&key["expires_at"])), "{key}");
    let listed = site.ask(&admin, "GET", "/operator-keys", NONE).await.1;
    let of = |id: &Value| listed.as_array().unwrap().iter().find(|listed| listed["id"] == *id).unwrap().clone();
    assert_eq!(of(&key["id"])["expires_at"], key["expires_at"]);
    let new = json!({ "name": "k", "scopes": ["act"] });
    assert!(site.ask(&admin, "POST", "/operator-keys", new).await.1.get("expires_at").is_none());
    for seconds in [json!(0), json!(-1), json!(315_360_001), json!("5")] {
        let new = json!({ "name": "k", "scopes": ["act"], "expires_in_s": seconds });
        let refused = site.ask(&admin, "POST", "/operator-keys", new).await;
        assert!(refused.0 == 400 && refused.message().contains("`expires_in_s`"), "{}", refused.message());
    }
}

#[tokio::test]
async fn sessions_are_minted_and_revoked() {
    let site = Site::new().await;
    let (one, minted) = site.session(json!({ "id": 7, "username": "ada", "n": 1 })).await;
    let (two, other) = site.session(json!({ "id": 7, "username": "ada" })).await;
    assert_eq!(minted["user"], json!({ "id": 7, "username": "ada", "n": 1 }));
    let other = format!("/sessions/{}", other["id"]);
    assert_eq!(site.ask(&one, "DELETE", &other, NONE).await.code(), (403, "forbidden"));
    assert_eq!(site.ask(&one, "DELETE", "/sessions/@me", NONE).await.0, 204);
    assert_eq!(site.ask(&one, "GET", "/users/@me", NONE).await.0, 401);
    assert_eq!(site.ask(&two, "DELETE", "/users/8/sessions", NONE).await.code(), (403, "forbidden"));
    assert_eq!(site.ask(&two, "DELETE", "/users/@me/sessions", NONE).await.0, 204);
    assert_eq!(site.ask(&two, "GET", "/users/@me", NONE).await.0, 401);

    let admin = site.key(&[Scope::Sessions, Scope::Admin]).await;
    for (body, field) in [
        (json!({}), "`user`"),
        (json!({ "user": 5 }), "`user`"),
        (json!({ "user": { "id": 0, "username": "x" } }), "`user.id`"),
        (json!({ "user": { "id": 3 } }), "`username`"),
        (json!({ "user": { "username": "x" }, "expires_in_s": 0 }), "`expires_in_s`"),
        (json!({ "user": { "username": "x" }, "expires_in": 5 }), "`expires_in`"),
    ] {
        let refused = site.ask(&admin, "POST", "/sessions", body).await;
        assert_eq!(refused.0, 400);
        assert!(refused.message().contains(field), "{}", refused.message());
    }
    assert_eq!(site.ask(&admin, "DELETE", "/sessions/999", NONE).await.code(), (404, "unknown_session"));
    assert_eq!(site.ask(&admin, "PATCH", "/users/7", json!({ "username": "bo" })).await.1["username"], "bo");
    assert_eq!(site.ask(&admin, "DELETE", "/users/7", NONE).await.0, 204);
    assert_eq!(site.ask(&admin, "DELETE", "/users/7", NONE).await.code(), (404, "unknown_user"));
}

#[tokio::test]
async fn a_guild_lives_and_strangers_see_nothing_of_it() {
    let site = Site::new().await;
    let (ada, _) = site.session(json!({ "id": 1, "username": "ada" })).await;
    let (bo, _) = site.session(json!({ "id": 2, "username": "bo" })).await;
    let Answer(201, guild) = site.ask(&ada, "POST", "/guilds", json!({ "name": "a", "n": [1] })).await else {
        panic!()
    };
    let path = format!("/guilds/{}", guild["id"]);
    for (method, below) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/preview"),
        ("GET", "/members"),
        ("GET", "/channels"),
        ("POST", "/channels"),
        ("POST", "/invites"),
        ("DELETE", "/members/1"),
    ] {
        let body = if matches!(method, "PATCH" | "POST") { json!({ "name": "b" }) } else { NONE };
        let body = if below == "/invites" { json!({}) } else { body };
        for path in [format!("{path}{below}"), format!("/guilds/404{below}")] {
            assert_eq!(
                site.ask(&bo, method, &path, body.clone()).await.code(),
                (404, "unknown_guild"),
                "{method} {path}"
            );
        }
    }
    let Answer(201, invite) = site.ask(&ada, "POST", &format!("{path}/invites"), json!({ "max_uses": 1 })).await else {
        panic!()
    };
    let code = invite["code"].as_str().unwrap();
    let preview = site.ask("", "GET", &format!("{path}/preview?invite={code}"), NONE).await;
    assert_eq!(preview.1, json!({ "id": guild["id"], "name": "a", "member_count": 1 }));
    assert_eq!(site.ask("", "GET", &format!("{path}/preview"), NONE).await.0, 401);
    assert_eq!(site.ask("", "GET", &format!("/invites/{code}"), NONE).await.1["guild_id"], guild["id"]);
    assert_eq!(site.ask(&bo, "POST", &format!("/invites/{code}"), NONE).await.1["channels"], json!([]));
    assert_eq!(site.ask(&bo, "POST", &format!("/invites/{code}"), NONE).await.code(), (404, "unknown_invite"));
    assert_eq!(site.ask(&bo, "PATCH", &path, json!({ "name": "b" })).await.code(), (403, "forbidden"));
    let members = site.ask(&bo, "GET", &format!("{path}/members?limit=1&after=1"), NONE).await;
    assert_eq!(members.1, json!([{ "id": 2, "username": "bo" }]));
    assert_eq!(site.ask(&bo, "GET", &format!("{path}/members?limit=0"), NONE).await.0, 400);
    assert_eq!(site.ask(&ada, "DELETE", &format!("{path}/members/@me"), NONE).await.code(), (409, "owner_stays"));
    assert_eq!(site.ask(&bo, "DELETE", &format!("{path}/members/@me"), NONE).await.0, 204);
    assert_eq!(site.ask(&ada, "DELETE", &path, NONE).await.0, 204);
    assert_eq!(site.ask(&ada, "GET", "/users/@me/guilds", NONE).await.1, json!([]));
}

#[tokio::test]
async fn a_publish_is_all_or_none() {
    let site = Site::new().await;
    let key = site.key(&[Scope::Publish]).await;
    let head = site.node.store.head();
    let event = json!({ "to": "everyone", "t": "RAID", "d": { "a": 1 } });
    for bad in
        [json!({ "to": { "guild": 404 }, "t": "RAID", "d": {} }), json!({ "to": "everyone", "t": "READY", "d": {} })]
    {
        let refused = site.ask(&key, "POST", "/publish", json!({ "events": [event, bad] })).await;
        assert!(refused.0 == 404 || refused.0 == 400 && refused.message().contains("`events[1].t`"));
    }
    assert_eq!(site.node.store.head(), head);
    let body = json!({ "events": [event, event], "idempotency_key": "k" });
    let Answer(200, seqs) = site.ask(&key, "POST", "/publish", body.clone()).await else { panic!() };
    assert_eq!(seqs["seqs"].as_array().unwrap().len(), 2);
    assert_eq!(site.ask(&key, "POST", "/publish", body).await.1, seqs);
    let other = site.ask(&key, "POST", "/publish", json!({ "events": [event], "idempotency_key": "k" })).await;
    assert_eq!(other.code(), (409, "idempotency_mismatch"));
}

#[tokio::test]
async fn two_backends_may_choose_the_same_idempotency_key() {
    let site = Site::new().await;
    let (one, two) = (site.key(&[Scope::Publish]).await, site.key(&[Scope::Publish]).await);
    let body = |t: &str| json!({ "events": [{ "to": "everyone", "t": t, "d": {} }], "idempotency_key": "1" });
    let Answer(200, first) = site.ask(&one, "POST", "/publish", body("ONE")).await else { panic!() };
    let Answer(200, second) = site.ask(&two, "POST", "/publish", body("TWO")).await else { panic!() };
    assert_ne!(first, second);
    assert_eq!(site.ask(&one, "POST", "/publish", body("ONE")).await.1, first);
    assert_eq!(site.ask(&two, "POST", "/publish", body("TWO")).await.1, second);
}

#[tokio::test]
async fn a_repeated_publish_is_answered_as_before_though_its_guild_is_gone() {
    let site = Site::new().await;
    let key = site.key(&[Scope::Publish]).await;
    let (ada, _) = site.session(json!({ "username": "ada" })).await;
    let guild = site.ask(&ada, "POST", "/guilds", json!({ "name": "Tea" })).await.1["id"].clone();
    let event = json!({ "to": { "guild": guild }, "t": "RAID", "d": {} });
    let body = json!({ "events": [event], "idempotency_key": "k" });
    let Answer(200, seqs) = site.ask(&key, "POST", "/publish", body.clone()).await else { panic!() };
    assert_eq!(site.ask(&ada, "DELETE", &format!("/guilds/{guild}"), NONE).await.0, 204);
    assert_eq!(site.ask(&key, "POST", "/publish", body).await.1, seqs);
    let new = json!({ "events": [event], "idempotency_key": "new" });
    assert_eq!(site.ask(&key, "POST", "/publish", new).await.code(), (404, "unknown_guild"));
}

#[tokio::test]
async fn a_session_has_so_many_requests() {
    let site = Site::with(Config { rate_limit_requests: 2, ..Config::default() }).await;
    let (ada, _) = site.session(json!({ "username": "ada" })).await;
    let ask = || request(&ada, "GET", "/users/@me", NONE).reply(&site.api);
    let (first, second, third) = (ask().await, ask().await, ask().await);
    assert_eq!((first.status().as_u16(), &first.headers()["x-ratelimit-remaining"]), (200, &"1".parse().unwrap()));
    assert_eq!(second.headers()["x-ratelimit-bucket"], "users");
    assert_eq!(answer_of(&third).code(), (429, "rate_limited"));
    assert!(third.headers().contains_key(RETRY_AFTER) && third.headers().contains_key("x-ratelimit-reset"));
    let elsewhere = request(&ada, "GET", "/guilds/5", NONE).reply(&site.api).await;
    assert_eq!(
        (elsewhere.status().as_u16(), &elsewhere.headers()["x-ratelimit-remaining"]),
        (404, &"1".parse().unwrap())
    );
}

#[tokio::test]
async fn bad_bodies_are_refused_and_nothing_is_stored() {
    let site = Site::new().await;
    let (ada, _) = site.session(json!({ "username": "ada" })).await;
    let send = async |media_type: &str, body: &[u8]| {
        let request = request(&ada, "POST", "/guilds", NONE).header(CONTENT_TYPE, media_type).body(body);
        answer(request.reply(&site.api).await)
    };
    assert_eq!(send("text/plain", b"{}").await.code(), (415, "unsupported_media_type"));
    assert_eq!(send("application/json", &vec![b' '; (1 << 20) + 1]).await.code(), (413, "payload_too_large"));
    for (body, words) in [
        (&b""[..], "not JSON"),
        (b"{", "not JSON"),
        (b"{\"name\":\"\xff\"}", "UTF-8"),
        (b"{\"name\":\"\\ud800\"}", "not JSON"),
        (b"[]", "expected an object"),
        (b"{}", "`name`"),
        (b"{\"name\":5}", "`name`"),
        (b"{\"name\":\"a\",\"name\":\"b\"}", "twice"),
        (b"{\"name\":\"a\",\"owner\":2}", "`owner`"),
        (format!("{{\"name\":\"a\",\"x\":{}1{}}}", "[".repeat(128), "]".repeat(128)).as_bytes(), "128 levels"),
    ] {
        let refused = send("application/json", body).await;
        assert_eq!(refused.code(), (400, "invalid_request"));
        assert!(refused.message().contains(words), "{}", refused.message());
    }
    assert_eq!(site.ask(&ada, "GET", "/users/@me/guilds", NONE).await.1, json!([]));
}

#[tokio::test]
async fn a_presence_is_laid_over_the_one_before() {
    let site = Site::new().await;
    let (ada, _) = site.session(json!({ "username": "ada" })).await;
    let patch = |body| site.ask(&ada, "PATCH", "/users/@me/presence", body);
    assert_eq!(patch(json!({ "description": "away" })).await.1, json!({ "type": 1, "description": "away" }));
    for (body, field) in [
        (json!({ "type": 5 }), "`type`"),
        (json!({ "type": "1" }), "`type`"),
        (json!({ "emoji": 0 }), "`emoji`"),
        (json!({ "embed": [] }), "`embed`"),
    ] {
        let refused = patch(body).await;
        assert!(refused.0 == 400 && refused.message().contains(field), "{}", refused.message());
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_ask() {
    let site = Site::with(Config { origins: vec!["https://chat.example".into()], ..Config::default() }).await;
    let preflight = async |origin: &str| {
        let request = request("", "OPTIONS", "/guilds/5", NONE).header(ORIGIN, origin);
        request.header("access-control-request-method", "PATCH").reply(&site.api).await
    };
    let allowed = preflight("https://chat.example").await;
    assert_eq!(allowed.status(), StatusCode::NO_CONTENT);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://chat.example");
    assert!(allowed.headers()["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    assert!(!preflight("https://evil.example").await.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn the_admin_address_tells_how_the_node_is() {
    let site = Site::new().await;
    let admin = admin(Arc::clone(&site.node));
    let ask = async |path: &str| warp::test::request().path(path).reply(&admin).await.status().as_u16();
    assert_eq!((ask("/healthz").await, ask("/readyz").await, ask("/metrics").await), (200, 200, 200));
    site.node.drain().await;
    assert_eq!((ask("/healthz").await, ask("/readyz").await), (200, 503));
}
