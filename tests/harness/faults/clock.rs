//! A machine's clock that is set by an hour, forwards and back, under a running server and over its restart.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::kill::until_acknowledged;
use super::process::crash;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Server, Setup, User};

const HOUR: i64 = 3_600;

pub(super) async fn set(scale: Scale) -> Outcome {
    let rounds = scale.pick(1, 3);
    let folder = tempfile::tempdir().expect("a folder");
    let offset = folder.path().join("offset");
    set_clock(&offset, 0);
    let setup = at_home(Setup::new().set("presence_grace_ms", 2_000))
        .variable("LD_PRELOAD", libfaketime().display())
        .variable("FAKETIME_TIMESTAMP_FILE", offset.display())
        .variable("FAKETIME_NO_CACHE", 1)
        .variable("FAKETIME_DONT_FAKE_MONOTONIC", 1)
        .variable("DONT_FAKE_MONOTONIC", 1)
        .variable("NO_FAKE_STAT", 1);
    let mut server = setup.start().await;
    let crowd = Crowd::settle(&server, scale.pick(20, 100), 2).await;
    let brief = json!({ "user": { "username": "brief" }, "expires_in_s": 600 });
    let brief = User::from_minted(&server.operator().post("/sessions", brief).await.expect(201));
    let swarm = Swarm::connect(&server, &crowd, Return::After(Duration::from_millis(25)));
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace::default());
    let order = json!({ "events": [{ "to": "everyone", "t": "ONCE", "d": {} }], "idempotency_key": "order-66" });
    let placed = server.operator().post("/publish", order.clone()).await.expect(200);
    let (mut newest, mut times) = (0, 0);
    for _ in 0..rounds {
        for hours in [1, 0, -1, 0] {
            until_acknowledged(&ledger, 30).await;
            set_clock(&offset, hours * HOUR);
            times += 1;
            let shown = shown_clock(&server, &brief).await - now();
            assert!((shown - hours * HOUR).abs() < 60, "the server's clock is {shown} s ahead, not {hours} h");
            // Ids grow, sessions last, a key still says what it said, and whoever is cut off resumes.
            let guild = server.guild(&crowd.users[0], "later").await;
            assert!(guild > newest, "{guild} after {newest}");
            newest = guild;
            assert_eq!(server.operator().post("/publish", order.clone()).await.expect(200), placed);
            everyone_again(&swarm, &crowd).await;
            if hours == -1 {
                // What stands in the log is from the future for the next process.
                (server, _) = crash(server).await;
                swarm.until_live(crowd.users.len(), "everyone after the restart").await;
                let guild = server.guild(&crowd.users[0], "later").await;
                assert!(guild > newest, "{guild} after {newest}");
                newest = guild;
                everyone_again(&swarm, &crowd).await;
            }
        }
    }
    publishers.stop().await;
    swarm.settle(&server).await;
    assert_eq!(swarm.board().offline.load(Relaxed), 0, "nobody was away for long");
    let tried = format!(
        "{} clients that are cut off and resume after each step; a restart while it is set back",
        crowd.users.len()
    );
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome
}

/// Cuts everyone off and waits until all are back.
async fn everyone_again(swarm: &Swarm, crowd: &Crowd) {
    let arrivals = swarm.arrivals() + crowd.users.len() as u64;
    swarm.cut((0..crowd.users.len()).collect());
    swarm
        .until("everyone to resume", |board| board.resumed.load(Relaxed) + board.fresh.load(Relaxed) >= arrivals)
        .await;
}

/// The server's clock as its rate limits show it, in seconds.
async fn shown_clock(server: &Server, user: &User) -> i64 {
    let answer = server.as_user(user).get("/users/@me").await;
    let _: Value = answer.expect(200);
    let reset = answer.header("x-ratelimit-reset").and_then(|text| text.parse::<i64>().ok()).expect("a time");
    reset / 1_000
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}

/// Sets the clock of the processes that read this file, in one step.
fn set_clock(file: &Path, seconds: i64) {
    let next = file.with_extension("next");
    std::fs::write(&next, format!("{seconds:+}\n")).expect("a file");
    std::fs::rename(&next, file).expect("a file");
}

/// Where Debian's package `faketime` has its library.
fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("a folder").filter_map(|entry| Some(entry.ok()?.path()));
    let found = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.exists());
    found.expect("libfaketime is missing: `cargo xtask test --only need` installs it")
}
