//! `/openapi.json` against the running server, judged by schemathesis.

use std::process::Command;

use harness::{Setup, python};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_true() {
    // Its cases are many and random, so that caps and counts meant for people would end the examination early.
    let server = Setup::new()
        .set("rate_limit_requests", 1_000_000)
        .set("max_guilds_per_user", 100_000)
        .set("max_channels_per_guild", 100_000)
        .set("max_invites_per_guild", 100_000)
        .start()
        .await;
    let user = server.user("ada").await;
    let guild = server.guild(&user, "Analytical").await;
    server.as_user(&user).post(&format!("/guilds/{guild}/channels"), json!({ "name": "talk" })).await.expect(201);

    for authorization in [user.session_id.clone(), format!("Bearer {}", server.key())] {
        let mut command = Command::new(python());
        command.args(["-m", "schemathesis.cli", "run", &format!("{}/openapi.json", server.url())]);
        command.args(["--header", &format!("Authorization: {authorization}")]);
        command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "1"]);
        command.args(["--request-timeout", "10", "--suppress-health-check", "all", "--no-color"]);
        command.args(["--generation-database", "none"]);
        command.current_dir(server.data());
        let output =
            tokio::task::spawn_blocking(move || command.output()).await.expect("a thread").expect("python runs");
        assert!(
            output.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    server.user("still alive").await;
}
