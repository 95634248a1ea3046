//! The data folder: one server at a time, backed up while it runs.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use harness::{Encoding, Server, Setup, Socket, python};
use serde_json::json;

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let server = Server::start().await;
    let output = Setup::new().command(server.data()).output().expect("sanmon runs");
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(error.contains(&server.data().display().to_string()), "{error}");
    assert!(error.contains("in use") || error.contains("another"), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    server.user("ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_publishing_is_a_working_folder() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let guild = server.guild(&user, "Analytical").await;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let publisher = {
        let acknowledged = Arc::clone(&acknowledged);
        let operator = server.operator();
        tokio::spawn(async move {
            while let Some(answer) =
                operator.try_post("/publish", json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] })).await
            {
                acknowledged.fetch_add(u64::from(answer.status == 200), Ordering::Relaxed);
            }
        })
    };
    harness::within("publishes to be under way", async {
        while acknowledged.load(Ordering::Relaxed) < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let copy = tempfile::tempdir().expect("a folder");
    let target = copy.path().join("sanmon.db");
    let mut command = harness::sanmon_command();
    command.arg("backup").arg("--data").arg(server.data()).arg(&target);
    let output = command.output().expect("sanmon runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    drop(server);
    publisher.await.expect("the publisher");

    let restored = Setup::new().start_from(copy).await;
    let api = restored.as_user(&user);
    assert_eq!(api.get(&format!("/guilds/{guild}")).await.expect(200)["name"], "Analytical");
    Socket::live(&restored, &user).await.alive().await;
}

/// Gives a table another name, behind the server's back.
fn rename_table(server: &Server, from: &str, to: &str) {
    let script = "import sqlite3, sys\n\
                  database = sqlite3.connect(sys.argv[1], timeout=10)\n\
                  database.execute(f'ALTER TABLE {sys.argv[2]} RENAME TO {sys.argv[3]}')\n\
                  database.commit()";
    let database = server.data().join("sanmon.db");
    let output = Command::new(python()).args(["-c", script]).arg(database).args([from, to]).output();
    let output = output.expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_4405_and_the_server_outlives_it() {
    let server = Server::start().await;
    let user = server.user("ada").await;
    let mut live = Socket::live(&server, &user).await;
    rename_table(&server, "sessions", "elsewhere");
    let mut socket = Socket::connect(&server).await;
    socket.identify(&user, Encoding::Json, None).await;
    let closed = socket.closed().await;
    assert_eq!((closed.code, &closed.reason["r"]), (4405, &json!("internal")), "{}", closed.reason);
    server.as_user(&user).get("/users/@me").await.error(503);

    // Who was connected stays so, and what works again works at once.
    live.alive().await;
    rename_table(&server, "elsewhere", "sessions");
    Socket::live(&server, &user).await.alive().await;
}

#[tokio::test]
async fn the_operator_key_is_printed_once_and_not_stored() {
    let server = Server::start().await;
    let key = server.key().to_owned();
    let server = server.kill_and_restart().await;
    assert!(!server.output().contains(&key));
    server.user("ada").await;
    for entry in std::fs::read_dir(server.data()).expect("the data folder").filter_map(Result::ok) {
        if let Ok(bytes) = std::fs::read(entry.path()) {
            let found = bytes.windows(key.len()).any(|window| window == key.as_bytes());
            assert!(!found, "the key stands in {}", entry.path().display());
        }
    }
}
