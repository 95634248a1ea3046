//! The examples, run as a reader would run them.

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use sanmon_core::interaction::Keypair;
use serde_json::{Value, json};

const APPLICATION: &str = "1180000000000000001";

/// A running example; killed when dropped.
struct Example {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pair() -> Keypair {
    Keypair::from_seed([1; 32]).expect("a seed")
}

impl Example {
    fn start(name: &str, path: &str) -> Self {
        let (key, address) = (format!("{APPLICATION}={}", pair().public_key_hex()), "127.0.0.1:0");
        let mut child = Command::new(built(name))
            .args([&key, address])
            .envs([("KEY", key.as_str()), ("LISTEN", address)])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout")).lines();
        let line = lines.next().expect("a line").expect("text");
        let address = line.strip_prefix("listening on ").expect("where it listens").to_owned();
        Self { child, lines, url: format!("http://{address}{path}") }
    }

    async fn send(&self, body: &Value) -> Value {
        let config = sanmon::client::Trust::Only(Vec::new()).client_config().expect("TLS that trusts nobody");
        let client = reqwest::Client::builder().tls_backend_preconfigured(config).timeout(Duration::from_secs(20));
        let body = body.to_string();
        let request = client.build().expect("a client").post(&self.url).header("content-type", "application/json");
        let request = request
            .header("x-signature-ed25519", pair().sign_hex(b"1800000000", body.as_bytes()))
            .header("x-signature-timestamp", "1800000000");
        let answer = request.body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
    }
}

fn interaction(id: u64, kind: u64, data: Value) -> Value {
    json!({ "id": id, "application_id": APPLICATION, "type": kind, "token": "t", "version": 1, "data": data })
}

fn command(id: u64, name: &str) -> Value {
    interaction(id, 2, json!({ "id": "7", "name": name, "type": 1 }))
}

/// Builds an example in the profile of this test, which cargo does by itself only when it runs all tests.
fn built(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test knows its own path");
    let folder = exe.ancestors().nth(2).expect("target/<profile>/deps");
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this test of its own package: build scripts that look at these would run anew each time.
    for (name, _) in std::env::vars_os() {
        let is_own = |prefix| name.to_string_lossy().starts_with(prefix);
        if is_own("CARGO_PKG_") || is_own("CARGO_MANIFEST_") || name == "OUT_DIR" {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--workspace", "--profile", profile, "--example", name])
        .status()
        .expect("cargo starts");
    assert!(built.success(), "{name} does not build");
    folder.join("examples").join(name)
}

#[tokio::test]
async fn the_bot_serves_tea() {
    let mut bot = Example::start("bot", "/");
    assert_eq!(bot.send(&json!({ "type": 1 })).await, json!({ "type": 1 }));
    let tea = bot.send(&command(1, "tea")).await;
    assert_eq!(tea, json!({ "type": 4, "data": { "content": "A cup of tea.", "flags": 64 } }));

    let typed = json!({ "name": "tea", "type": 3, "value": "s", "focused": true });
    let choices =
        bot.send(&interaction(2, 4, json!({ "id": "7", "name": "tea", "type": 1, "options": [typed] }))).await;
    assert_eq!(choices, json!({ "type": 8, "data": { "choices": [{ "name": "sencha", "value": "sencha" }] } }));

    let modal = bot.send(&command(3, "order")).await;
    assert_eq!((&modal["type"], &modal["data"]["custom_id"]), (&json!(9), &json!("order")));
    let input =
        json!({ "type": 18, "id": 1, "component": { "type": 4, "id": 2, "custom_id": "tea", "value": "assam" } });
    let order = bot.send(&interaction(4, 5, json!({ "custom_id": "order", "components": [input] }))).await;
    assert_eq!(order["data"]["content"], "Ordered: assam.");

    assert_eq!(bot.send(&command(5, "brew")).await, json!({ "type": 5 }));
    let line = bot.lines.next().expect("a line").expect("text");
    assert_eq!(line, "the tea is ready");
}

/// The README's blocks of this language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = include_str!("../../README.md").split(&fence).skip(1);
    blocks.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect()
}

#[test]
fn the_bot_of_the_readme_answers_what_the_readme_sends() {
    let (_, code) = include_str!("../examples/pong.rs").split_once("\n\n").expect("code after the first line");
    assert!(blocks("rust,no_run").iter().any(|block| block == code), "the README has another bot than the example");

    let bot = Example::start("pong", "");
    let lines = blocks("sh").concat();
    let typed = |command: &str| {
        let line = lines.lines().find(|line| line.starts_with(command)).expect("a line of the README");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_sanmon"));
        let folders =
            [program.parent().expect("its folder").as_os_str(), &std::env::var_os("PATH").unwrap_or_default()];
        let output = Command::new("bash")
            .args(["-euc", &line.replace("http://127.0.0.1:8090", &bot.url)])
            .env("PATH", std::env::join_paths(folders.iter().flat_map(std::env::split_paths)).expect("paths"))
            .env("SECRET_KEY", "01".repeat(32))
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let printed = typed("sanmon interaction send");
    let (status, answer) = printed.trim_end().split_once('\n').expect("two lines");
    let promised = format!("prints `{status}` and `{answer}`");
    assert!(include_str!("../../README.md").contains(&promised), "the README does not say: {promised}");
    assert_eq!(typed("sanmon interaction check").lines().filter(|line| line.starts_with("ok ")).count(), 7);
}

#[tokio::test]
async fn axum_carries_it() {
    let app = Example::start("mount_axum", "/interactions");
    assert_eq!(app.send(&json!({ "type": 1 })).await, json!({ "type": 1 }));
    assert_eq!(app.send(&command(1, "ping")).await["data"]["content"], "Pong!");
}
