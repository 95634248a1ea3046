//! Each command as a user types it, against a running server.

use std::path::Path;
use std::process::{Command, Output};

use harness::{Server, Socket, sanmon_command};
use serde_json::{Value, json};

/// Runs `sanmon` with arguments.
fn sanmon(arguments: &[&str]) -> Command {
    let mut command = sanmon_command();
    command.args(arguments);
    command
}

/// Runs a command to its end; a failure fails the test.
#[track_caller]
fn done(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("sanmon runs");
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}

/// Runs a command that prints JSON.
#[track_caller]
fn json_of(command: &mut Command) -> Value {
    let text = done(command.arg("--json"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Runs a command that must fail with this exit code; returns what it says.
#[track_caller]
fn fails(command: &mut Command, code: i32) -> String {
    let Output { status, stderr, .. } = command.output().expect("sanmon runs");
    let stderr = String::from_utf8(stderr).expect("UTF-8");
    assert_eq!(status.code(), Some(code), "{command:?}: {stderr}");
    assert!(!stderr.is_empty() && !stderr.contains("panicked"), "{stderr}");
    stderr
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_is_run_by_hand_through_the_data_folder() {
    let server = Server::start().await;
    let data = server.data().to_str().expect("UTF-8");
    let on = |arguments: &[&str]| sanmon(&[arguments, &["--data", data]].concat());

    let ada =
        json_of(&mut on(&["session", "create", "--user", "1", "--username", "ada", "--fields", r#"{"plan":"gold"}"#]));
    assert_eq!(ada["user"], json!({ "id": 1, "username": "ada", "plan": "gold" }));
    let grace = harness::User::from_minted(&json_of(&mut on(&["session", "create", "--username", "grace"])));
    let guild = json_of(&mut on(&["guild", "create", "--as", "1", "Tea", "--description", "for two"]));
    let id = guild["id"].to_string();
    assert_eq!((&guild["name"], &guild["description"], &guild["owner"]), (&json!("Tea"), &json!("for two"), &json!(1)));
    assert_eq!(json_of(&mut on(&["guild", "show", "--as", "1", &id]))["name"], "Tea");
    assert_eq!(json_of(&mut on(&["guild", "list", "--as", "1"])).as_array().map(Vec::len), Some(1));

    let mut socket = Socket::live(&server, &grace).await;
    let invite = json_of(&mut on(&["invite", "create", "--as", "1", &id, "--max-uses", "3"]));
    let code = invite["code"].as_str().expect("a code");
    assert_eq!(json_of(&mut on(&["invite", "show", code]))["guild_id"].to_string(), id);
    done(&mut on(&["guild", "join", "--as", &grace.id.to_string(), code]));
    assert_eq!(socket.event("GUILD_JOIN").await["d"]["name"], "Tea");

    let channel = json_of(&mut on(&["channel", "create", "--as", "1", &id, "talk"]));
    assert_eq!(socket.event("CHANNEL_CREATE").await["d"]["id"], channel["id"]);
    done(&mut on(&["channel", "update", "--as", "1", &channel["id"].to_string(), "--name", "quiet"]));
    assert_eq!(socket.event("CHANNEL_UPDATE").await["d"]["name"], "quiet");
    done(&mut on(&["guild", "update", "--as", "1", &id, "--name", "Coffee"]));
    assert_eq!(socket.event("GUILD_UPDATE").await["d"]["name"], "Coffee");

    let renamed = json_of(&mut on(&["user", "update", "1", "--username", "lovelace"]));
    assert_eq!(renamed, json!({ "id": 1, "username": "lovelace", "plan": "gold" }));
    assert_eq!(socket.event("USER_UPDATE").await["d"], renamed);
    fails(&mut on(&["user", "update", "1"]), 2);

    done(&mut on(&["publish", "--to", &format!("guild:{id}"), "RAID", r#"{"level":3}"#]));
    assert_eq!(socket.event("RAID").await["d"], json!({ "level": 3 }));
    done(&mut on(&["publish", "--to", "everyone", "--notify", "EVERYONE", r#"{"text":"back at noon"}"#]));
    assert_eq!(socket.event("NOTIFICATION").await["excerpt"]["text"], "back at noon");

    done(&mut on(&["session", "revoke", &grace.session]));
    assert_eq!(socket.closed().await.code, 4102);
    done(&mut on(&["guild", "delete", "--as", "1", &id]));
    fails(&mut on(&["guild", "show", "--as", "1", &id]), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listen_prints_events_as_they_arrive() {
    use std::io::{BufRead, BufReader};
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut command = sanmon(&["listen", "--json", "--url", &server.url(), "--session", &user.session_id]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("sanmon runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = move |t: &str| {
        lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .find(|event| event["t"] == t)
            .expect("the event")
    };
    assert_eq!(next("READY")["d"]["user"]["username"], "ada");
    server.publish(json!({ "to": { "user": user.id }, "t": "HELLO", "d": { "n": 1 } })).await;
    assert_eq!(next("HELLO")["d"], json!({ "n": 1 }));
    server.operator().delete(&format!("/sessions/{}", user.session)).await.expect(204);
    let status = tokio::task::spawn_blocking(move || child.wait());
    let status = harness::within("its end", status).await.expect("a thread").expect("a status");
    assert!(!status.success(), "a revoked session ends it with a failure");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_used_listed_and_revoked() {
    let server = Server::start().await;
    let data = server.data().to_str().expect("UTF-8");
    let url = server.url();
    let made = json_of(&mut sanmon(&["operator-key", "create", "ci", "--scopes", "publish,sessions", "--data", data]));
    let (key, id) = (made["key"].as_str().expect("a key"), made["id"].to_string());
    let by_key = |arguments: &[&str], key: &str| {
        let mut command = sanmon(arguments);
        command.args(["--url", &url]).env("SANMON_KEY", key);
        command
    };
    assert!(made.get("expires_at").is_none(), "{made}");
    let short = json_of(&mut sanmon(&[
        "operator-key",
        "create",
        "short",
        "--scopes",
        "publish",
        "--expires-in",
        "1",
        "--data",
        data,
    ]));
    json_of(&mut by_key(&["session", "create", "--username", "x"], key));
    json_of(&mut by_key(&["publish", "--to", "everyone", "X"], key));
    assert!(fails(&mut by_key(&["operator-key", "list"], key), 3).contains("admin"));
    let listed = json_of(&mut by_key(&["operator-key", "list"], server.key()));
    assert!(listed.as_array().is_some_and(|keys| keys.len() >= 2), "{listed}");
    assert!(!listed.to_string().contains(key), "{listed}");
    done(&mut sanmon(&["operator-key", "revoke", id.trim_matches('"'), "--data", data]));
    fails(&mut by_key(&["publish", "--to", "everyone", "X"], key), 3);
    // The other one ends by itself.
    let end = std::time::Instant::now() + harness::PATIENCE;
    let short_key = short["key"].as_str().expect("a key");
    while by_key(&["publish", "--to", "everyone", "X"], short_key).output().expect("sanmon runs").status.success() {
        assert!(std::time::Instant::now() < end, "{short} does not end");
    }
    assert!(short["expires_at"].is_u64(), "{short}");
    fails(&mut by_key(&["publish", "--to", "everyone", "X"], short_key), 3);
}

#[test]
fn mistakes_have_their_exit_codes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    fails(&mut sanmon(&["nonsense"]), 2);
    fails(&mut sanmon(&["session", "create"]), 2);
    fails(&mut sanmon(&["guild", "list"]), 2);
    fails(&mut sanmon(&["publish", "--to", "nobody", "X"]), 2);
    let error = fails(&mut sanmon(&["guild", "list", "--as", "1", "--data", &path("none")]), 4);
    assert!(error.contains("sanmon serve"), "{error}");
    fails(&mut sanmon(&["guild", "list", "--as", "1", "--url", "http://127.0.0.1:1"]), 4);
    fails(&mut sanmon(&["serve", "--listen", "nowhere"]), 2);
    fails(&mut sanmon(&["serve", "--config", &path("none.toml")]), 2);
    let file = path("a file");
    std::fs::write(&file, "").expect("written");
    fails(&mut sanmon(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", &file]), 1);
}

#[test]
fn the_configuration_is_checked_before_it_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |text: &str| {
        let path = folder.path().join("sanmon.toml");
        std::fs::write(&path, text).expect("written");
        path
    };
    let check = |path: &Path| {
        let mut command = sanmon(&["check-config", "--config"]);
        command.arg(path);
        command
    };
    let good = write("listen = [\"127.0.0.1:9000\"]\nbacklog = 7\n");
    let config = json_of(check(&good).env("SANMON_BACKLOG", "8"));
    assert_eq!((&config["backlog"], &config["listen"]), (&json!(8), &json!(["127.0.0.1:9000"])));
    assert_eq!(json_of(check(&good).args(["--backlog", "9"]).env("SANMON_BACKLOG", "8"))["backlog"], 9);

    let error = fails(&mut check(&write("bakclog = 7\n")), 2);
    assert!(error.contains("bakclog") && error.contains("backlog"), "{error}");
    let error = fails(&mut check(&write("backlog = \"many\"\n")), 2);
    assert!(error.contains("backlog"), "{error}");
    fails(sanmon(&["check-config"]).env("SANMON_BAKCLOG", "1"), 2);

    // The sample is a file that the program itself accepts.
    let sample = write(&done(&mut sanmon(&["check-config", "--sample"])));
    json_of(&mut check(&sample));
}

#[test]
fn keys_and_completions_are_printed() {
    let pair = json_of(&mut sanmon(&["keygen"]));
    let hex: Vec<&str> = pair.as_object().expect("fields").values().filter_map(Value::as_str).collect();
    assert!(hex.len() >= 2 && hex.iter().all(|text| text.len() >= 64 && text.chars().all(|c| c.is_ascii_hexdigit())));
    assert_ne!(json_of(&mut sanmon(&["keygen"])), pair);
    for shell in ["bash", "zsh", "fish"] {
        assert!(done(&mut sanmon(&["completions", shell])).contains("operator-key"), "{shell}");
    }
    let help = done(&mut sanmon(&["--help"]));
    for command in
        ["serve", "session", "operator-key", "publish", "listen", "guild", "keygen", "backup", "check-config"]
    {
        assert!(help.contains(command), "{command}");
    }
    assert!(help.contains("Exit codes"));
    assert!(done(&mut sanmon(&["--version"])).starts_with("sanmon 0."));
}
