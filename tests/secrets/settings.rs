//! What is said of settings and arguments that are wrong, and of starts that fail, names no password and no key.

use std::process::Command;

use harness::sanmon_command;
use serde_json::Value;

/// What may not be printed; stands in every address and key below.
const SECRET: &str = "geheim-0123456789-geheim-0123456789";

/// What a command prints, and with which code it exits.
fn printed(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("sanmon runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), text)
}

/// Runs a command that must fail with this code and prints no secret; returns what it prints.
#[track_caller]
fn fails(command: &mut Command, code: i32) -> String {
    let (status, text) = printed(command);
    assert!(!text.contains(SECRET), "{command:?}: {text}");
    assert_eq!(status, Some(code), "{command:?}: {text}");
    text
}

fn command(arguments: &[&str]) -> Command {
    let mut command = sanmon_command();
    command.args(arguments);
    command
}

#[test]
fn a_file_that_is_wrong_is_told_by_place_and_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sanmon.toml");
    let data = folder.path().join("data").display().to_string();
    let (store, nats) = (format!("postgres://n:{SECRET}@h/d"), format!("nats://n:{SECRET}@h"));
    for (text, told) in [
        (format!("nats_url = \"{nats}\"\n"), "nats_url"),
        (format!("nats_url = [\"{nats}\", 1]\n"), "line 1, column 12: `nats_url`"),
        (format!("node = 1\nstore_url = \"{store}\n"), "line 2, column "),
        (format!("store_url = {store}\n"), "line 1, column 13"),
        (format!("store_url = [\"{store}\"]\n"), "line 1, column 13: `store_url`: takes a text, not a list"),
        (format!("store_url = \"{store}\"\nstore_url = \"{store}\"\n"), "line 2, column 1"),
        (format!("[store_url]\npassword = \"{SECRET}\"\n"), "`store_url`"),
        (format!("\"{store}\" = 1\n"), "line 1"),
        (format!("sotre_url = \"{store}\"\n"), "did you mean `store_url`"),
        (format!("store_url = \"{store}\"\n"), "store_url: needs nats_url"),
        (format!("store_url = \"mysql://n:{SECRET}@h/d\"\nnats_url = \"{nats}\"\n"), "store_url: must be postgres://"),
        (format!("store_url = \"{store}?password={SECRET}\"\nnats_url = \"{nats}\"\n"), "`password` is none of"),
        (format!("store_url = \"{store}\"\nnats_url = \"http://n:{SECRET}@h\"\n"), "nats_url: must be nats://"),
        (format!("interactions_key = [\"7={SECRET}\"]\n"), "`interactions_key`"),
        (format!("node = \"{SECRET}\"\n"), "line 1, column 8: `node`"),
    ] {
        std::fs::write(&path, &text).expect("a file");
        for arguments in [&["check-config"][..], &["serve", "--data", &data]] {
            let said = fails(command(arguments).arg("--config").arg(&path), 2);
            assert!(said.starts_with("error: ") && said.contains(told), "{text}{said}");
        }
    }
    // What is right is shown without it.
    std::fs::write(&path, format!("store_url = \"{store}\"\nnats_url = \"{nats},nats://h2\"\n")).expect("a file");
    for format in [&[][..], &["--json"]] {
        let (code, said) = printed(command(&["check-config"]).args(format).arg("--config").arg(&path));
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("postgres://n:***@h/d") && said.contains("nats://h2") && !said.contains(SECRET),
            "{said}"
        );
    }
}

#[test]
fn variables_and_arguments_that_are_wrong_are_not_repeated_where_they_are_secrets() {
    let (store, key) = (format!("postgres://n:{SECRET}@h/d"), format!("123.{SECRET}"));
    let pair = format!("7={SECRET}");
    for (name, value) in [
        ("SANMON_STORE_URL", &store),
        ("SANMON_NATS_URL", &store),
        ("SANMON_NATS_URLS", &store),
        ("SANMON_INTERACTIONS_KEY", &pair),
    ] {
        fails(command(&["serve"]).env(name, value), 2);
    }
    let hex = SECRET.replace('-', "");
    for arguments in [
        &["serve", "--store-url", &store][..],
        &["serve", "--store-ulr", &store],
        &["serve", &store],
        &["serve", "--node", &store],
        &["serve", "--interactions-key", &pair],
        &[&key],
        &["listen", &key],
        &["session", "revoke", "--user", &key],
        &["operator-key", "create", "x", "--scopes", &key],
        &["interaction", "sign", "--secret", SECRET],
        &["interaction", "sign", "--secret", &hex],
    ] {
        let said = fails(&mut command(arguments), 2);
        assert!(!said.contains(&hex), "{said}");
    }
    // Help names what the environment holds.
    for (arguments, name) in [
        (["session", "create", "--help"], "SANMON_KEY"),
        (["guild", "list", "--help"], "SANMON_SESSION"),
        (["interaction", "sign", "--help"], "SANMON_INTERACTIONS_SECRET"),
        (["serve", "--help", "--help"], "SANMON_STORE_URL"),
    ] {
        let (code, said) = printed(command(&arguments).env(name, SECRET));
        assert_eq!((code, said.contains(SECRET)), (Some(0), false), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_print_no_key_but_the_one_that_they_make() {
    let server = harness::Server::start().await;
    let (url, operator) = (server.url(), server.key().to_owned());
    let user = server.user("ada").await;
    let run = |arguments: &[&str], key: &str, code: i32| {
        let (status, text) = printed(
            command(arguments).args(["--url", &url]).env("SANMON_KEY", key).env("SANMON_SESSION", &user.session_id),
        );
        assert_eq!(status, Some(code), "{arguments:?}: {text}");
        for secret in [&operator, key, &user.session_id, SECRET] {
            assert!(!text.contains(secret), "{arguments:?}: {text}");
        }
        text
    };
    let wanted = serde_json::json!({ "name": "x", "scopes": ["publish"] });
    let made: Value = server.operator().post("/operator-keys", wanted).await.expect(201);
    let key = made["key"].as_str().expect("a key");
    run(&["operator-key", "list"], &operator, 0);
    run(&["guild", "list"], &operator, 0);
    run(&["guild", "show", "5"], &operator, 3);
    run(&["operator-key", "list"], key, 3);
    run(&["operator-key", "list"], &format!("123.{SECRET}"), 3);
    run(&["publish", "--to", "everyone", "X"], &format!("{SECRET}\n"), 2);
    // Whole keys and session ids are taken where their ids are.
    run(&["operator-key", "revoke", key], &operator, 0);
    run(&["session", "revoke", &user.session_id], &operator, 0);
    run(&["publish", "--to", "everyone", "X"], key, 3);
}

#[test]
fn a_start_that_fails_says_where_and_not_by_which_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().display().to_string();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let store = format!("postgres://n:{SECRET}@{nobody}/d");
    let serve = |nats: &str, store: &str| {
        let mut command = command(&["serve", "--data", &data, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]);
        command.args(["--log-level=trace,async_nats=trace,sqlx=trace", "--nats-url", nats, "--store-url", store]);
        command
    };
    for (nats, code, told) in [
        (format!("nats://n:{SECRET}@"), 1, "nats_url: address 1"),
        (format!("nats://n:{SECRET}@h:99999"), 1, "nats_url: address 1"),
        (format!("nats://n:{SECRET}@h,nats://m:{SECRET}@h"), 1, "nats_url: address 2"),
        (format!("nats://n:{SECRET}"), 1, "nats_url: address 1"),
    ] {
        let said = fails(&mut serve(&nats, &store), code);
        assert!(said.contains(told), "{said}");
    }
}
