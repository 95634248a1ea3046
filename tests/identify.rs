//! The first frame, and every close code of the protocol's table that a client causes by what it sends.

use harness::{Closed, Encoding, Server, Setup, Socket, User};
use serde_json::{Value, json};

/// Connects, sends one text, and tells how the server closed.
async fn close_after(server: &Server, text: &str) -> u16 {
    let mut socket = Socket::connect(server).await;
    socket.send_text(text).await;
    closed(&mut socket).await
}

/// The code of a close whose reason is an object that names itself.
async fn closed(socket: &mut Socket) -> u16 {
    let Closed { code, reason } = socket.closed().await;
    assert!(reason["r"].is_string(), "{code} {reason}");
    assert!(reason.to_string().len() <= 123, "{reason}");
    code
}

/// Makes a user with a live connection in an encoding.
async fn live(server: &Server, encoding: Encoding) -> (User, Socket) {
    let user = server.user("ada").await;
    let (socket, _) = Socket::live_with(server, &user, encoding).await;
    (user, socket)
}

#[tokio::test]
async fn ready_tells_what_the_client_needs() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let (first, second) = (server.guild(&user, "Analytical").await, server.guild(&user, "Engine").await);
    server.as_user(&user).post(&format!("/guilds/{first}/channels"), json!({ "name": "talk" })).await.expect(201);

    for encoding in [Encoding::Json, Encoding::Zlib] {
        let (_socket, frames) = Socket::live_with(&server, &user, encoding).await;
        let ready = &frames[0];
        assert_eq!(ready["d"]["user"], json!({ "id": user.id, "username": "ada" }));
        assert_eq!(
            (&ready["d"]["guilds"], &ready["d"]["v"], &ready["d"]["ping_interval_ms"], &ready["d"]["ping_timeout_ms"]),
            (&json!(2), &json!(1), &json!(20_000), &json!(20_000))
        );
        assert_eq!(ready["d"]["url"], format!("ws://{}/gateway", server.address()));
        assert_eq!(ready["d"]["resume_window_ms"], 300_000);
        assert!(ready["s"].as_u64().is_some() && ready["d"].get("resumed").is_none(), "{ready}");

        let mut guilds: Vec<&Value> = frames[1..].iter().map(|init| &init["d"]).collect();
        guilds.sort_by_key(|guild| guild["id"].as_u64());
        assert_eq!((&guilds[0]["id"], &guilds[1]["id"]), (&json!(first), &json!(second)));
        assert_eq!(guilds[0]["name"], "Analytical");
        assert_eq!(guilds[0]["owner"], user.id);
        assert_eq!(guilds[0]["channels"][0]["name"], "talk");
        assert_eq!(guilds[0]["channels"][0]["guild_id"], first);
        assert!(guilds.iter().all(|guild| guild["presences"].is_array() && guild["channels"].is_array()));
    }
}

#[tokio::test]
async fn encoding_is_json_when_not_said() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::connect(&server).await;
    socket.send(&json!({ "session_id": user.session_id, "v": 1 })).await;
    assert_eq!(socket.event("READY").await["d"]["guilds"], 0);
}

#[tokio::test]
async fn what_is_no_json_object_is_4001() {
    let server = Server::start().await;
    for text in ["not json", "", "[]", "\"text\"", "1", "null", "{} {}", "{\"session_id\":\"\\ud800\"}"] {
        assert_eq!(close_after(&server, text).await, 4001, "{text}");
    }
    let (_, mut socket) = live(&server, Encoding::Json).await;
    socket.send_text("{\"t\":").await;
    assert_eq!(closed(&mut socket).await, 4001);
}

#[tokio::test]
async fn json_of_129_levels_is_4001_and_of_128_is_not() {
    let server = Server::start().await;
    let nested =
        |levels: usize| format!("{{\"t\":\"PING\",\"d\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let (_, mut socket) = live(&server, Encoding::Json).await;
    socket.send_text(&nested(128)).await;
    socket.event("PONG").await;
    socket.send_text(&nested(129)).await;
    assert_eq!(closed(&mut socket).await, 4001);
}

#[tokio::test]
async fn binary_before_identify_and_in_json_mode_is_4001() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let identify = json!({ "session_id": user.session_id, "encoding": "zlib" }).to_string();
    let stream = miniz_oxide::deflate::compress_to_vec_zlib(identify.as_bytes(), 6);

    let mut socket = Socket::connect(&server).await;
    socket.send_binary(stream.clone()).await;
    assert_eq!(closed(&mut socket).await, 4001);

    let mut socket = Socket::live(&server, &user).await;
    socket.send_binary(stream).await;
    assert_eq!(closed(&mut socket).await, 4001);
}

#[tokio::test]
async fn a_t_that_clients_do_not_send_is_4001() {
    let server = Server::start().await;
    for t in ["READY", "GUILD_CREATE", "NOTIFICATION", "ANYTHING", "ping"] {
        let (_, mut socket) = live(&server, Encoding::Json).await;
        socket.send(&json!({ "t": t, "d": {} })).await;
        assert_eq!(closed(&mut socket).await, 4001, "{t}");
    }
}

#[tokio::test]
async fn a_zlib_client_sends_text_or_whole_streams() {
    let server = Server::start().await;
    let (_, mut socket) = live(&server, Encoding::Zlib).await;
    let ping = |d: u32| json!({ "t": "PING", "d": d }).to_string();
    socket.send_text(&ping(1)).await;
    assert_eq!(socket.event("PONG").await["d"], 1);
    socket.send_binary(miniz_oxide::deflate::compress_to_vec_zlib(ping(2).as_bytes(), 6)).await;
    assert_eq!(socket.event("PONG").await["d"], 2);
}

#[tokio::test]
async fn zlib_that_is_cut_or_followed_by_more_is_4001() {
    let server = Server::start().await;
    let whole = miniz_oxide::deflate::compress_to_vec_zlib(b"{\"t\":\"PING\"}", 6);
    let cut = whole[..whole.len() - 3].to_vec();
    let followed = [whole.as_slice(), b"more"].concat();
    for bytes in [cut, followed, b"no zlib at all".to_vec(), Vec::new()] {
        let (_, mut socket) = live(&server, Encoding::Zlib).await;
        socket.send_binary(bytes.clone()).await;
        assert_eq!(closed(&mut socket).await, 4001, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_bomb_is_closed_and_memory_stays_flat() {
    let server = Setup::new().set("max_identifies_per_second", 1_000).start().await;
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; 4_000_000], 9);
    assert!(bomb.len() <= 4096, "{}", bomb.len());

    let (user, mut socket) = live(&server, Encoding::Zlib).await;
    socket.send_binary(bomb.clone()).await;
    assert_eq!(socket.closed().await.code, 1009);

    let before = server.memory();
    for _ in 0..50 {
        let (mut socket, _) = Socket::live_with(&server, &user, Encoding::Zlib).await;
        socket.send_binary(bomb.clone()).await;
        assert_eq!(socket.closed().await.code, 1009);
    }
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 4 << 20, "50 bombs of 4 MB cost {grown} bytes");
}

#[tokio::test]
async fn one_byte_too_many_is_1009() {
    let server = Server::start().await;
    let padded = |len: usize| format!("{:len$}", "{\"t\":\"PING\"}");
    for encoding in [Encoding::Json, Encoding::Zlib] {
        let (_, mut socket) = live(&server, encoding).await;
        socket.send_text(&padded(4096)).await;
        socket.event("PONG").await;
        socket.send_text(&padded(4097)).await;
        assert_eq!(socket.closed().await.code, 1009);
    }
    let (_, mut socket) = live(&server, Encoding::Zlib).await;
    socket.send_binary(miniz_oxide::deflate::compress_to_vec_zlib(padded(4096).as_bytes(), 6)).await;
    socket.event("PONG").await;
    socket.send_binary(miniz_oxide::deflate::compress_to_vec_zlib(padded(4097).as_bytes(), 6)).await;
    assert_eq!(socket.closed().await.code, 1009);
}

#[tokio::test]
async fn no_session_id_is_4002_and_a_wrong_one_4003() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for text in
        ["{}", "{\"session_id\":null}", "{\"session_id\":5}", "{\"session_id\":\"\"}", "{\"encoding\":\"json\"}"]
    {
        assert_eq!(close_after(&server, text).await, 4002, "{text}");
    }
    let almost = format!("{}x", user.session_id);
    let swapped = user.session_id.chars().rev().collect::<String>();
    for session in ["my_session_id", "1.AAAA", &almost, &swapped, server.key()] {
        assert_eq!(close_after(&server, &json!({ "session_id": session }).to_string()).await, 4003, "{session}");
    }
}

#[tokio::test]
async fn an_unknown_encoding_is_4004() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    for encoding in [json!("etf"), json!("JSON"), json!(1)] {
        let frame = json!({ "session_id": user.session_id, "encoding": encoding });
        assert_eq!(close_after(&server, &frame.to_string()).await, 4004, "{encoding}");
    }
}

#[tokio::test]
async fn who_does_not_identify_in_time_is_closed_4005() {
    let server = Setup::new().set("identify_timeout_ms", 300).start().await;
    let mut socket = Socket::connect(&server).await;
    assert_eq!(closed(&mut socket).await, 4005);

    // In time is in time: the limit ends with the identify.
    let (_, mut socket) = live(&server, Encoding::Json).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    socket.alive().await;
}

#[tokio::test]
async fn a_first_frame_with_a_t_is_4005() {
    let server = Server::start().await;
    assert_eq!(close_after(&server, r#"{"t":"PING","d":1}"#).await, 4005);
}

#[tokio::test]
async fn identifying_twice_is_4006() {
    let server = Server::start().await;
    let (user, mut socket) = live(&server, Encoding::Json).await;
    socket.identify(&user, Encoding::Json, None).await;
    assert_eq!(closed(&mut socket).await, 4006);
}

#[tokio::test]
async fn the_121st_message_in_a_minute_is_4008() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut socket = Socket::live(&server, &user).await;
    // The identify was the first of 120.
    for n in 2..=120 {
        socket.send(&json!({ "t": "PING", "d": n })).await;
        assert_eq!(socket.event("PONG").await["d"], n);
    }
    socket.send(&json!({ "t": "PING", "d": 121 })).await;
    let Closed { code, reason } = socket.closed().await;
    assert_eq!(code, 4008);
    assert!(reason["ms"].as_u64().is_some_and(|ms| ms > 0 && ms <= 60_000), "{reason}");
}

#[tokio::test]
async fn messages_are_counted_for_the_user_on_all_connections() {
    let server = Setup::new().set("max_messages_per_minute", 10).start().await;
    let user = server.user("ada").await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(Socket::live(&server, &user).await);
    }
    let other = server.user("grace").await;
    let mut bystander = Socket::live(&server, &other).await;
    // Three identifies, then seven more are ten.
    for n in 0..7 {
        sockets[n % 3].alive().await;
    }
    sockets[0].send(&json!({ "t": "PING" })).await;
    assert_eq!(closed(&mut sockets[0]).await, 4008);
    bystander.alive().await;
}

#[tokio::test]
async fn a_revoked_session_is_closed_4102_while_connected() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let other = server.operator().post("/sessions", json!({ "user": { "id": user.id, "username": "ada" } })).await;
    let other = User::from_minted(&other.expect(201));
    let (mut first, mut second) = (Socket::live(&server, &user).await, Socket::live(&server, &other).await);

    server.operator().delete(&format!("/sessions/{}", user.session)).await.expect(204);
    assert_eq!(closed(&mut first).await, 4102);
    second.alive().await;
    let identify = json!({ "session_id": user.session_id }).to_string();
    assert_eq!(close_after(&server, &identify).await, 4003);

    server.operator().delete(&format!("/users/{}/sessions", user.id)).await.expect(204);
    assert_eq!(closed(&mut second).await, 4102);
}

#[tokio::test]
async fn a_client_may_revoke_itself() {
    let server = Server::start().await;
    let (user, mut socket) = live(&server, Encoding::Json).await;
    server.as_user(&user).delete("/sessions/@me").await.expect(204);
    assert_eq!(closed(&mut socket).await, 4102);
    server.as_user(&user).get("/users/@me").await.error(401);
}

#[tokio::test]
async fn an_expired_session_is_closed_4102() {
    let server = Server::start().await;
    let minted = server.operator().post("/sessions", json!({ "user": { "username": "ada" }, "expires_in_s": 2 })).await;
    let minted = minted.expect(201);
    assert!(minted["expires_at"].is_u64(), "{minted}");
    let mut socket = Socket::live(&server, &User::from_minted(&minted)).await;
    assert_eq!(closed(&mut socket).await, 4102);
}
