//! `/openapi.json` against the running server, judged by schemathesis.

use std::process::Command;

use harness::{Setup, python, workspace};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_true() {
    // Its cases are many and random, so that caps and counts meant for people would end the examination early.
    let server = Setup::new()
        .set("rate_limit_requests", 1_000_000)
        .set("max_failures_per_minute", 1_000_000)
        .set("max_guilds_per_user", 100_000)
        .set("max_channels_per_guild", 100_000)
        .set("max_invites_per_guild", 100_000)
        .start()
        .await;
    let user = server.user("ada").await;
    let guild = server.guild(&user, "Analytical").await;
    server.as_user(&user).post(&format!("/guilds/{guild}/channels"), json!({ "name": "talk" })).await.expect(201);

    let folder = tempfile::tempdir().expect("a folder");
    for file in ["schemathesis.toml", "hooks.py"] {
        let from = workspace().join("tests").join("schemathesis").join(file);
        std::fs::copy(from, folder.path().join(file)).expect("copied");
    }
    let mut command = Command::new(python());
    command.args(["-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"]);
    command.arg(format!("{}/openapi.json", server.url()));
    command.args(["--header", &format!("Authorization: Bearer {}", server.key())]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1"]);
    command.args(["--request-timeout", "10", "--no-color"]);
    command.env("SANMON_ACTING_USER", user.id.to_string()).current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a thread").expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    server.user("still alive").await;
}
