//! Who is seen online, how, and when no more.

use harness::{Encoding, Server, Setup, Socket, User};
use serde_json::{Value, json};

/// Two users of one guild; the first one watches.
async fn scene(setup: Setup) -> (Server, Socket, User) {
    let server = setup.start().await;
    let (watcher, user) = (server.user("ada").await, server.user("grace").await);
    let guild = server.guild(&watcher, "Analytical").await;
    server.join(&user, guild).await;
    let socket = Socket::live(&server, &watcher).await;
    (server, socket, user)
}

fn quick() -> Setup {
    Setup::new().set("presence_gather_ms", 20).set("presence_grace_ms", 300)
}

/// The next presence of this user.
async fn presence(socket: &mut Socket, user: &User) -> Value {
    let update = socket.event_where("PRESENCE_UPDATE", |event| event["id"] == user.id).await;
    assert!(update["s"].is_u64(), "{update}");
    update["d"].clone()
}

#[tokio::test]
async fn the_first_connection_shows_online_and_the_last_one_offline_after_the_grace() {
    let (server, mut watcher, user) = scene(quick()).await;
    let (first, second) = (Socket::live(&server, &user).await, Socket::live(&server, &user).await);
    assert_eq!(presence(&mut watcher, &user).await["type"], 1);
    first.leave().await;
    second.leave().await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 4);
}

#[tokio::test]
async fn who_comes_back_within_the_grace_was_never_away() {
    let (server, mut watcher, user) = scene(quick().set("presence_grace_ms", 2_000)).await;
    let socket = Socket::live(&server, &user).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 1);
    socket.leave().await;
    let mut socket = Socket::live(&server, &user).await;
    socket.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 2 } })).await;
    // The next thing seen is the choice, not an absence.
    assert_eq!(presence(&mut watcher, &user).await["type"], 2);
}

#[tokio::test]
async fn what_a_client_chooses_is_seen_whole_in_both_encodings() {
    let (server, mut watcher, user) = scene(quick()).await;
    let (mut socket, _) = Socket::live_with(&server, &user, Encoding::Zlib).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 1);
    let chosen = json!({
        "type": 3, "description": "thinking", "emoji": 77,
        "embed": { "name": "Chess", "description": "a game", "banner_url": "https://chat.example/b.png",
                   "text": { "top": "white", "bottom": "to move" } },
    });
    socket.send(&json!({ "t": "PRESENCE_UPDATE", "d": chosen })).await;
    assert_eq!(presence(&mut watcher, &user).await, chosen);
    // Users see their own, too.
    let own = socket.event_where("PRESENCE_UPDATE", |event| event["d"]["type"] == 3).await;
    assert_eq!((&own["id"], &own["d"]), (&json!(user.id), &chosen));

    // By HTTP it is the same choice.
    server.as_user(&user).patch("/users/@me/presence", json!({ "type": 2 })).await.expect(200);
    assert_eq!(presence(&mut watcher, &user).await["type"], 2);

    // A newcomer finds it in GUILD_INIT.
    let late = server.user("mary").await;
    let guild = server.as_user(&user).get("/users/@me/guilds").await.expect(200)[0]["id"].clone();
    server.join(&late, guild.as_u64().expect("an id")).await;
    let (_late, frames) = Socket::live_with(&server, &late, Encoding::Json).await;
    let presences = frames[1]["d"]["presences"].as_array().expect("presences").clone();
    let of_user = presences.iter().find(|one| one["id"] == user.id).unwrap_or_else(|| panic!("{presences:?}"));
    assert_eq!(of_user["d"]["type"].as_u64().or(of_user["type"].as_u64()), Some(2), "{of_user}");
}

#[tokio::test]
async fn who_chooses_offline_is_invisible_and_stays_so_when_coming_back() {
    let (server, mut watcher, user) = scene(quick()).await;
    let mut socket = Socket::live(&server, &user).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 1);
    socket.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 4 } })).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 4);
    socket.leave().await;
    let mut socket = Socket::live(&server, &user).await;
    socket.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 1 } })).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 1);
}

#[tokio::test]
async fn of_several_devices_the_most_present_one_is_seen() {
    let (server, mut watcher, user) = scene(quick()).await;
    let mut phone = Socket::live(&server, &user).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 1);
    let mut desk = Socket::live(&server, &user).await;
    phone.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 3 } })).await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 3);
    desk.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": 2 } })).await;
    desk.alive().await;
    phone.leave().await;
    assert_eq!(presence(&mut watcher, &user).await["type"], 2);
}

#[tokio::test]
async fn quick_changes_are_gathered_and_the_last_one_is_seen() {
    let (server, mut watcher, user) = scene(quick().set("presence_gather_ms", 1_000)).await;
    let mut socket = Socket::live(&server, &user).await;
    for kind in [2, 3, 2, 3, 1, 2] {
        socket.send(&json!({ "t": "PRESENCE_UPDATE", "d": { "type": kind } })).await;
    }
    assert_eq!(presence(&mut watcher, &user).await["type"], 2);
}

#[tokio::test]
async fn a_presence_of_the_wrong_shape_is_refused() {
    let (server, _watcher, user) = scene(quick()).await;
    for d in [json!({ "type": 5 }), json!({ "type": "1" }), json!([]), json!({ "type": 1, "embed": 3 })] {
        server.as_user(&user).patch("/users/@me/presence", d.clone()).await.error(400);
        let mut socket = Socket::live(&server, &user).await;
        socket.send(&json!({ "t": "PRESENCE_UPDATE", "d": d })).await;
        assert_eq!(socket.closed().await.code, 4001, "{d}");
    }
}

#[tokio::test]
async fn who_was_online_when_the_server_died_is_shown_offline() {
    let (server, mut watcher, user) = scene(quick()).await;
    let _socket = Socket::live(&server, &user).await;
    let shown = watcher.event_where("PRESENCE_UPDATE", |event| event["id"] == user.id).await;
    let position = shown["s"].as_u64().expect("a place");
    let watching = server.user("mary").await;
    let guild = server.as_user(&user).get("/users/@me/guilds").await.expect(200)[0]["id"].as_u64().expect("an id");
    server.join(&watching, guild).await;

    let server = server.kill_and_restart().await;
    let mut socket = Socket::connect(&server).await;
    socket.identify(&watching, Encoding::Json, Some(position)).await;
    assert_eq!(presence(&mut socket, &user).await["type"], 4);
}
