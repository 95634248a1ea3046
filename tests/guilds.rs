//! Guilds, members, channels and invites by HTTP: who may what, and what is answered.

use harness::{Server, User};
use serde_json::{Value, json};

async fn scene() -> (Server, User, User, u64) {
    let server = Server::start().await;
    let (owner, member) = (server.user("ada").await, server.user("grace").await);
    let guild = server.guild(&owner, "Analytical").await;
    server.join(&member, guild).await;
    (server, owner, member, guild)
}

#[tokio::test]
async fn a_guild_is_made_read_changed_and_deleted() {
    let server = Server::start().await;
    let owner = server.user("ada").await;
    let api = server.as_user(&owner);
    let made = api.post("/guilds", json!({ "name": "Analytical", "motto": "weave" })).await.expect(201);
    assert_eq!(
        (&made["name"], &made["motto"], &made["owner"]),
        (&json!("Analytical"), &json!("weave"), &json!(owner.id))
    );
    let path = format!("/guilds/{}", made["id"]);
    assert_eq!(api.get(&path).await.expect(200)["motto"], "weave");
    let changed = api.patch(&path, json!({ "name": "Engine", "description": "d" })).await.expect(200);
    assert_eq!((&changed["name"], &changed["motto"]), (&json!("Engine"), &json!("weave")));
    let listed = api.get("/users/@me/guilds").await.expect(200);
    assert_eq!(listed.as_array().map(|list| list.iter().map(|guild| &guild["id"]).collect()), Some(vec![&made["id"]]));
    api.delete(&path).await.expect(204);
    api.get(&path).await.error(404);
    assert_eq!(api.get("/users/@me/guilds").await.expect(200), json!([]));
}

#[tokio::test]
async fn members_read_and_only_the_owner_changes() {
    let (server, owner, member, guild) = scene().await;
    let (owner_api, member_api) = (server.as_user(&owner), server.as_user(&member));
    let path = format!("/guilds/{guild}");
    let channel = owner_api.post(&format!("{path}/channels"), json!({ "name": "talk" })).await.expect(201);
    let channel = format!("/channels/{}", channel["id"]);

    assert_eq!(member_api.get(&path).await.expect(200)["id"], guild);
    assert_eq!(member_api.get(&format!("{path}/channels")).await.expect(200).as_array().map(Vec::len), Some(1));
    assert_eq!(member_api.get(&format!("{path}/preview")).await.expect(200)["name"], "Analytical");
    for refused in [
        member_api.patch(&path, json!({ "name": "mine" })).await,
        member_api.delete(&path).await,
        member_api.post(&format!("{path}/channels"), json!({ "name": "mine" })).await,
        member_api.patch(&channel, json!({ "name": "mine" })).await,
        member_api.delete(&channel).await,
        member_api.delete(&format!("{path}/members/{}", owner.id)).await,
    ] {
        refused.error(403);
    }
    assert_eq!(owner_api.get(&path).await.expect(200)["name"], "Analytical");
}

#[tokio::test]
async fn a_guild_of_others_answers_as_one_that_does_not_exist() {
    let (server, owner, _, guild) = scene().await;
    let stranger = server.user("mary").await;
    let api = server.as_user(&stranger);
    let channel = server.as_user(&owner).post(&format!("/guilds/{guild}/channels"), json!({ "name": "talk" })).await;
    let channel = channel.expect(201)["id"].clone();
    for (others, nowhere) in [
        (api.get(&format!("/guilds/{guild}")).await, api.get("/guilds/5").await),
        (
            api.patch(&format!("/guilds/{guild}"), json!({ "name": "x" })).await,
            api.patch("/guilds/5", json!({ "name": "x" })).await,
        ),
        (api.delete(&format!("/guilds/{guild}")).await, api.delete("/guilds/5").await),
        (api.get(&format!("/guilds/{guild}/channels")).await, api.get("/guilds/5/channels").await),
        (api.get(&format!("/guilds/{guild}/members")).await, api.get("/guilds/5/members").await),
        (api.get(&format!("/guilds/{guild}/preview")).await, api.get("/guilds/5/preview").await),
        (
            api.post(&format!("/guilds/{guild}/invites"), json!({})).await,
            api.post("/guilds/5/invites", json!({})).await,
        ),
        (api.delete(&format!("/channels/{channel}")).await, api.delete("/channels/5").await),
    ] {
        assert_eq!(others.error(404), nowhere.error(404));
    }
}

#[tokio::test]
async fn the_owner_cannot_leave_and_members_can() {
    let (server, owner, member, guild) = scene().await;
    let path = format!("/guilds/{guild}/members");
    let (_, message) = server.as_user(&owner).delete(&format!("{path}/{}", owner.id)).await.error(409);
    assert!(message.contains("owner"), "{message}");
    server.as_user(&member).delete(&format!("{path}/{}", member.id)).await.expect(204);
    server.as_user(&member).get(&path).await.error(404);
    server.join(&member, guild).await;
    server.as_user(&owner).delete(&format!("{path}/{}", member.id)).await.expect(204);
}

#[tokio::test]
async fn members_come_in_pages() {
    let (server, owner, member, guild) = scene().await;
    let mut ids = vec![owner.id, member.id];
    for n in 0..5 {
        let user = server.user(&format!("user {n}")).await;
        server.join(&user, guild).await;
        ids.push(user.id);
    }
    ids.sort_unstable();
    let (mut seen, mut after) = (Vec::new(), 1);
    loop {
        let page =
            server.as_user(&member).get(&format!("/guilds/{guild}/members?after={after}&limit=3")).await.expect(200);
        let page: Vec<u64> = page
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["id"].as_u64().or(one["user"]["id"].as_u64()))
            .collect();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = *last;
        seen.extend(page);
    }
    assert_eq!(seen, ids);
    server.as_user(&member).get(&format!("/guilds/{guild}/members?limit=x")).await.error(400);
}

#[tokio::test]
async fn an_invite_lets_in_as_often_as_it_says() {
    let (server, _, member, guild) = scene().await;
    let invite = server.as_user(&member).post(&format!("/guilds/{guild}/invites"), json!({ "max_uses": 1 })).await;
    let code = invite.expect(201)["code"].as_str().expect("a code").to_owned();
    let path = format!("/invites/{code}");
    assert_eq!(server.anyone().get(&path).await.expect(200)["guild_id"], guild);
    let preview = server.anyone().get(&format!("/guilds/{guild}/preview?invite={code}")).await.expect(200);
    assert_eq!(preview["name"], "Analytical");
    assert!(preview.as_object().is_some_and(|fields| fields.values().any(|value| *value == 2)), "members: {preview}");

    let (first, second) = (server.user("mary").await, server.user("joan").await);
    assert_eq!(server.as_user(&first).post(&path, json!({})).await.expect(200)["id"], guild);
    let refused = server.as_user(&second).post(&path, json!({})).await;
    assert!(matches!(refused.status, 404 | 409 | 410), "{}", refused.text);
    server.as_user(&second).get(&format!("/guilds/{guild}")).await.error(404);
    server.anyone().get("/invites/nonesuch").await.error(404);
}

#[tokio::test]
async fn an_operator_acts_for_a_user_with_that_users_rights() {
    let (server, owner, member, guild) = scene().await;
    let path = format!("/guilds/{guild}");
    let operator = server.operator();
    let act = |user: &User| operator.with("x-on-behalf-of", &user.id.to_string());
    act(&owner).patch(&path, json!({ "name": "renamed" })).await.expect(200);
    act(&member).patch(&path, json!({ "name": "mine" })).await.error(403);
    operator.with("x-on-behalf-of", "5").get(&path).await.error(404);
    operator.get(&path).await.error(400);
    operator.with("x-on-behalf-of", "nobody").get(&path).await.error(400);
}

#[tokio::test]
async fn a_backend_mirrors_its_own_users() {
    let server = Server::start().await;
    let operator = server.operator();
    let mint = |user: Value| {
        let operator = operator.clone();
        async move { operator.post("/sessions", json!({ "user": user })).await.expect(201) }
    };
    let first = mint(json!({ "id": 42, "username": "ada", "plan": "gold" })).await;
    assert_eq!(first["user"], json!({ "id": 42, "username": "ada", "plan": "gold" }));
    let again = mint(json!({ "id": 42, "username": "ada l" })).await;
    assert_eq!(again["user"]["username"], "ada l");
    let user = User::from_minted(&again);
    let api = server.as_user(&user);
    assert_eq!(api.get("/users/@me").await.expect(200)["username"], "ada l");
    operator.patch("/users/42", json!({ "plan": "silver" })).await.expect(200);
    assert_eq!(api.get("/users/@me").await.expect(200)["plan"], "silver");
    operator.delete("/users/42").await.expect(204);
    api.get("/users/@me").await.error(401);
    operator.patch("/users/42", json!({ "plan": "x" })).await.error(404);
}
