//! Every event of the protocol, caused through the HTTP API and received in both encodings.

use harness::{Encoding, Server, Socket, User};
use serde_json::{Value, json};

/// A guild with its owner and a member, each connected in another encoding.
struct Scene {
    server: Server,
    owner: User,
    member: User,
    guild: u64,
    sockets: [Socket; 2],
}

impl Scene {
    async fn new(encodings: [Encoding; 2]) -> Self {
        let server = Server::start().await;
        let (owner, member) = (server.user("ada").await, server.user("grace").await);
        let guild = server.guild(&owner, "Analytical").await;
        server.join(&member, guild).await;
        let (first, _) = Socket::live_with(&server, &owner, encodings[0]).await;
        let (second, _) = Socket::live_with(&server, &member, encodings[1]).await;
        Self { server, owner, member, guild, sockets: [first, second] }
    }

    /// The next event of this name at both; they see the same.
    async fn both(&mut self, name: &str) -> Value {
        let [first, second] = &mut self.sockets;
        let seen = first.event(name).await;
        assert!(seen["s"].is_u64(), "{seen}");
        assert_eq!(second.event(name).await, seen);
        seen["d"].clone()
    }
}

#[tokio::test]
async fn what_happens_in_a_guild_reaches_its_members() {
    for encodings in [[Encoding::Json, Encoding::Zlib], [Encoding::Zlib, Encoding::Json]] {
        let mut scene = Scene::new(encodings).await;
        let (owner, guild) = (scene.server.as_user(&scene.owner), scene.guild);
        let path = format!("/guilds/{guild}");

        owner.patch(&path, json!({ "description": "of engines", "colour": "#a63a1f" })).await.expect(200);
        let updated = scene.both("GUILD_UPDATE").await;
        assert_eq!(
            (&updated["id"], &updated["name"], &updated["description"], &updated["colour"]),
            (&json!(guild), &json!("Analytical"), &json!("of engines"), &json!("#a63a1f"))
        );

        let channel = json!({ "name": "talk", "description": "all of it", "type": 0, "position": 1 });
        let channel = owner.post(&format!("{path}/channels"), channel).await.expect(201);
        let created = scene.both("CHANNEL_CREATE").await;
        assert_eq!((&created, &created["guild_id"], &created["name"]), (&channel, &json!(guild), &json!("talk")));

        let channel_path = format!("/channels/{}", channel["id"]);
        owner.patch(&channel_path, json!({ "name": "quiet" })).await.expect(200);
        let updated = scene.both("CHANNEL_UPDATE").await;
        assert_eq!(
            (&updated["id"], &updated["name"], &updated["guild_id"]),
            (&channel["id"], &json!("quiet"), &json!(guild))
        );

        owner.delete(&channel_path).await.expect(204);
        let deleted = scene.both("CHANNEL_DELETE").await;
        assert_eq!((&deleted["id"], &deleted["guild_id"]), (&channel["id"], &json!(guild)));

        let invite = owner.post(&format!("{path}/invites"), json!({ "max_uses": 2 })).await.expect(201);
        let created = scene.both("INVITE_CREATE").await;
        assert_eq!((&created["code"], &created["max_uses"]), (&invite["code"], &json!(2)));
        assert_eq!((&created["guild_id"], &created["inviter_id"]), (&json!(guild), &json!(scene.owner.id)));

        let third = scene.server.user("mary").await;
        let mut joiner = Socket::live(&scene.server, &third).await;
        let code = invite["code"].as_str().expect("a code").to_owned();
        scene.server.as_user(&third).post(&format!("/invites/{code}"), json!({})).await.expect(200);
        let joined = joiner.event("GUILD_JOIN").await;
        assert_eq!((&joined["d"]["id"], &joined["d"]["channels"]), (&json!(guild), &json!([])));
        let added = scene.both("GUILD_MEMBER_ADD").await;
        assert_eq!((&added["guild_id"], &added["user"]["id"]), (&json!(guild), &json!(third.id)));

        owner.delete(&format!("/invites/{code}")).await.expect(204);
        assert_eq!(scene.both("INVITE_DELETE").await["code"], code.as_str());

        scene.server.as_user(&third).delete(&format!("{path}/members/{}", third.id)).await.expect(204);
        assert_eq!(joiner.event("GUILD_DELETE").await["d"], json!({ "id": guild }));
        let removed = scene.both("GUILD_MEMBER_REMOVE").await;
        assert_eq!((&removed["guild_id"], &removed["user"]["id"]), (&json!(guild), &json!(third.id)));

        let user = format!("/users/{}", scene.member.id);
        scene.server.operator().patch(&user, json!({ "username": "grace h" })).await.expect(200);
        let updated = scene.both("USER_UPDATE").await;
        assert_eq!((&updated["id"], &updated["username"]), (&json!(scene.member.id), &json!("grace h")));

        owner.delete(&path).await.expect(204);
        assert_eq!(scene.both("GUILD_DELETE").await, json!({ "id": guild }));

        // Who left hears nothing more of the guild: its next event is its own.
        scene.server.publish(json!({ "to": { "user": third.id }, "t": "LAST" })).await;
        let own = json!([third.id, "PRESENCE_UPDATE"]);
        let next = loop {
            // That they are online may come as late as now.
            let next = joiner.next_event().await;
            if json!([next["id"], next["t"]]) != own {
                break next;
            }
        };
        assert_eq!(next["t"], "LAST", "{next}");
    }
}

#[tokio::test]
async fn who_creates_a_guild_hears_of_it() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for encoding in [Encoding::Json, Encoding::Zlib] {
        let (mut socket, _) = Socket::live_with(&server, &user, encoding).await;
        let guild = server.guild(&user, "Analytical").await;
        let created = socket.event("GUILD_CREATE").await;
        assert_eq!(
            (&created["d"]["id"], &created["d"]["owner"], &created["d"]["name"], &created["d"]["channels"]),
            (&json!(guild), &json!(user.id), &json!("Analytical"), &json!([]))
        );
        // And hears what happens in it from then on.
        server.publish(json!({ "to": { "guild": guild }, "t": "HELLO" })).await;
        socket.event("HELLO").await;
    }
}

#[tokio::test]
async fn a_published_event_reaches_whom_it_names() {
    let mut scene = Scene::new([Encoding::Json, Encoding::Zlib]).await;
    let server = &scene.server;
    let stranger = server.user("mary").await;
    let mut outside = Socket::live(server, &stranger).await;
    let [owner, member] = &mut scene.sockets;

    server.publish(json!({ "to": { "guild": scene.guild }, "t": "TO_GUILD", "d": { "n": 1 } })).await;
    server.publish(json!({ "to": { "user": scene.member.id }, "t": "TO_USER" })).await;
    server.publish(json!({ "to": { "users": [scene.owner.id, stranger.id] }, "t": "TO_USERS" })).await;
    server.publish(json!({ "to": "everyone", "t": "TO_ALL", "d": { "a": [1, null] } })).await;

    let names = |events: Vec<Value>| -> Vec<String> {
        let names = events.iter().filter_map(|event| event["t"].as_str());
        names.filter(|name| name.starts_with("TO_")).map(ToOwned::to_owned).collect()
    };
    assert_eq!(names(owner.alive().await), ["TO_GUILD", "TO_USERS", "TO_ALL"]);
    assert_eq!(names(member.alive().await), ["TO_GUILD", "TO_USER", "TO_ALL"]);
    assert_eq!(names(outside.alive().await), ["TO_USERS", "TO_ALL"]);
}

#[tokio::test]
async fn every_kind_of_notification_is_carried_without_a_d() {
    let mut scene = Scene::new([Encoding::Json, Encoding::Zlib]).await;
    for kind in ["MESSAGE", "GUILD", "EVERYONE", "HERE"] {
        let excerpt = json!({ "from": "ada", "text": kind });
        let to = json!({ "guild": scene.guild });
        scene.server.publish(json!({ "to": to, "t": "NOTIFICATION", "type": kind, "excerpt": excerpt })).await;
        for socket in &mut scene.sockets {
            let mut seen = socket.event("NOTIFICATION").await;
            assert!(seen.as_object_mut().is_some_and(|fields| fields.remove("s").is_some()), "{seen}");
            assert_eq!(seen, json!({ "t": "NOTIFICATION", "type": kind, "excerpt": excerpt }));
        }
    }
}

#[tokio::test]
async fn a_payload_arrives_to_the_letter() {
    use harness::{Opcode, RawFrame, RawSocket};
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = RawSocket::connect(&server).await;
    socket.send(&RawFrame::new(Opcode::Text, json!({ "session_id": user.session_id }).to_string())).await;
    let d = r#"{"z":1.0,"a":123456789012345678901234567890,"é":"\u00e9\/","e":1E2,"nested":{"b":[],"a":{}}}"#;
    socket.next().await.expect("READY");
    let body = format!(r#"{{"events":[{{"to":{{"user":{}}},"t":"VERBATIM","d":{d}}}]}}"#, user.id);
    server.operator().send("POST", "/publish", Some(body.into_bytes())).await.expect(200);
    loop {
        let (_, payload) = socket.next().await.expect("an event");
        let text = String::from_utf8(payload).expect("UTF-8");
        if text.contains("VERBATIM") {
            assert!(text.ends_with(&format!(r#""d":{d}}}"#)), "{text}");
            return;
        }
    }
}

#[tokio::test]
async fn a_user_hears_on_every_connection_in_the_order_of_the_log() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut sockets = Vec::new();
    for encoding in [Encoding::Json, Encoding::Zlib, Encoding::Json] {
        sockets.push(Socket::live_with(&server, &user, encoding).await.0);
    }
    let events: Vec<Value> =
        (0..200).map(|n| json!({ "to": { "user": user.id }, "t": "COUNT", "d": { "n": n } })).collect();
    let mut seqs = Vec::new();
    for batch in events.chunks(50) {
        let answer = server.operator().post("/publish", json!({ "events": batch })).await.expect(200);
        seqs.extend(answer["seqs"].as_array().expect("seqs").iter().filter_map(Value::as_u64));
    }
    assert!(seqs.len() == 200 && seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    for socket in &mut sockets {
        for (n, seq) in seqs.iter().enumerate() {
            let event = socket.event("COUNT").await;
            assert_eq!((&event["d"]["n"], &event["s"]), (&json!(n), &json!(seq)));
        }
    }
}

#[tokio::test]
async fn big_ids_are_decimal_strings() {
    let server = Server::start().await;
    let big = "9007199254740993";
    let minted = server.operator().post("/sessions", json!({ "user": { "id": big, "username": "big" } })).await;
    let session = minted.expect(201)["session_id"].as_str().expect("a session").to_owned();
    let mut socket = Socket::connect(&server).await;
    socket.send(&json!({ "session_id": session })).await;
    assert_eq!(socket.event("READY").await["d"]["user"]["id"], big);
    server.publish(json!({ "to": { "user": big }, "t": "FOR_BIG" })).await;
    socket.event("FOR_BIG").await;
}
