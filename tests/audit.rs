//! What operators do leaves a line each, and no secret.

use harness::{Server, Setup, User, within};
use serde_json::{Value, json};

/// The audit lines so far.
fn lines(server: &Server) -> Vec<Value> {
    let output = server.output();
    let parsed = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line["target"] == "sanmon::audit").map(|line| line["fields"].clone()).collect()
}

/// The audit line that fits, once it is there.
async fn line(server: &Server, method: &str, path: &str, status: u16) -> Value {
    within("an audit line", async {
        loop {
            let found = lines(server)
                .into_iter()
                .find(|line| line["method"] == method && line["path"] == path && line["status"] == status);
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
}

#[tokio::test]
async fn acting_in_a_users_name_leaves_a_line_whatever_came_of_it() {
    // Not even who wants errors alone does without.
    let server = Setup::new().set("log_level", "info,sanmon::routes=error").start().await;
    let user = server.user("ada").await;
    let made =
        server.operator().post("/operator-keys", json!({ "name": "acting", "scopes": ["act"] })).await.expect(201);
    let (key, id) = (made["key"].as_str().expect("a key"), &made["id"]);
    let acting = server.anyone().operator(key).with("x-on-behalf-of", &user.id.to_string());

    acting.post("/guilds", json!({ "name": "x" })).await.expect(201);
    let done = line(&server, "POST", "/guilds", 201).await;
    assert_eq!((&done["operator_key"], &done["operator"], &done["outcome"]), (id, &json!("acting"), &json!("done")));
    assert_eq!((&done["user"], &done["client"]), (&json!(user.id), &json!("127.0.0.1")));

    acting.get("/guilds/5").await.error(404);
    assert_eq!(line(&server, "GET", "/guilds/5", 404).await["outcome"], "refused");

    // Who may not act is on record, too, and so is one who names nobody that there is.
    let made =
        server.operator().post("/operator-keys", json!({ "name": "p", "scopes": ["publish"] })).await.expect(201);
    let publisher = server.anyone().operator(made["key"].as_str().expect("a key"));
    publisher.with("x-on-behalf-of", &user.id.to_string()).get("/users/@me").await.error(403);
    let refused = line(&server, "GET", "/users/@me", 403).await;
    assert_eq!((&refused["operator_key"], &refused["user"]), (&made["id"], &json!(user.id)));
    server.operator().with("x-on-behalf-of", "77").get("/users/@me").await.error(404);
    assert_eq!(line(&server, "GET", "/users/@me", 404).await["user"], 77);

    // An invite's code lets in who knows it.
    let guild = server.guild(&user, "Tea").await;
    let invite = server.as_user(&user).post(&format!("/guilds/{guild}/invites"), json!({})).await.expect(201);
    let code = invite["code"].as_str().expect("a code");
    acting.delete(&format!("/invites/{code}")).await.expect(204);
    line(&server, "DELETE", "/invites/{code}", 204).await;
    assert!(!server.output().contains(code));
}

#[tokio::test]
async fn a_line_says_from_where_as_far_as_proxies_are_believed() {
    for (trusted, client) in [("127.0.0.1", "198.51.100.7"), ("10.0.0.0/8", "127.0.0.1")] {
        let server = Setup::new().set("trusted_proxies", trusted).start().await;
        let operator = server.operator().with("x-forwarded-for", "198.51.100.7");
        operator.get("/operator-keys").await.expect(200);
        assert_eq!(line(&server, "GET", "/operator-keys", 200).await["client"], client);
    }
}

#[tokio::test]
async fn an_operator_who_names_a_user_in_vain_is_on_record() {
    let server = Server::start().await;
    server.operator().with("x-on-behalf-of", "1").get("/operator-keys").await.error(400);
    assert_eq!(line(&server, "GET", "/operator-keys", 400).await["outcome"], "refused");
}

#[tokio::test]
async fn keys_sessions_and_backups_leave_lines_and_publishing_does_not() {
    let server = Setup::new().set("log_level", "error,sanmon::cli=info").start().await;
    let operator = server.operator();
    let minted = operator.post("/sessions", json!({ "user": { "username": "ada" } })).await.expect(201);
    let user = User::from_minted(&minted);
    let made = line(&server, "POST", "/sessions", 201).await;
    assert_eq!((&made["made"], &made["user"], &made["operator"]), (&minted["id"], &json!(user.id), &json!("first")));

    let key = operator.post("/operator-keys", json!({ "name": "k", "scopes": ["admin"] })).await.expect(201);
    assert_eq!(line(&server, "POST", "/operator-keys", 201).await["made"], key["id"]);
    let path = format!("/operator-keys/{}", key["id"]);
    operator.delete(&path).await.expect(204);
    line(&server, "DELETE", &path, 204).await;
    server.anyone().operator(key["key"].as_str().expect("a key")).get("/operator-keys").await.error(401);

    let path = format!("/sessions/{}", user.session);
    operator.delete(&path).await.expect(204);
    line(&server, "DELETE", &path, 204).await;
    let other = server.user("grace").await;
    server.as_user(&other).delete("/sessions/@me").await.expect(204);
    let own = line(&server, "DELETE", "/sessions/@me", 204).await;
    assert_eq!((&own["operator"], &own["session"].to_string()), (&json!("session"), &other.session));
    operator.delete(&format!("/users/{}/sessions", other.id)).await.expect(204);
    line(&server, "DELETE", &format!("/users/{}/sessions", other.id), 204).await;

    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    let control = harness::Api::over_unix(&server.data().join("control.sock"));
    control.post("/backup", json!({ "to": copy })).await.expect(201);
    let copied = line(&server, "POST", "/backup", 201).await;
    assert_eq!((&copied["operator"], copied.get("client")), (&json!("control socket"), None));

    server.publish(json!({ "to": "everyone", "t": "X" })).await;
    server.as_user(&server.user("mary").await).get("/users/@me").await.expect(200);
    assert!(lines(&server).iter().all(|line| line["path"] != "/publish" && line["path"] != "/users/@me"));
}
