//! A disk that is full for a while, and a data folder that can't be written to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::fs::statvfs;
use rustix::process::Signal;
use serde_json::json;

use super::kill::until_acknowledged;
use super::namespace::{namespace, words};
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Server, Setup, within};

const SOON: Return = Return::After(Duration::from_millis(25));

/// What is kept of the small disk.
const RESERVE: u64 = 8 << 20;

/// A server whose data folder is a small disk of its own, which goes with the process: a tmpfs in a mount namespace.
fn on_small_disk(setup: Setup) -> Setup {
    assert!(
        namespace(&["--mount"])
            .args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"])
            .status()
            .is_ok_and(|status| status.success()),
        "this needs `unshare` (util-linux), and a kernel that lets this user mount a tmpfs in a namespace of its own"
    );
    let mut wrapper = words(&namespace(&["--mount"]));
    wrapper.extend(
        ["sh", "-c", r#"mount -t tmpfs -o size=48m,mode=700 tmpfs "$0" && exec "$@""#, "{data}"].map(Into::into),
    );
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    setup.under(&wrapper)
}

/// The data folder as the server sees it.
fn inside(server: &Server) -> PathBuf {
    let data = server.data().strip_prefix("/").expect("an absolute path");
    Path::new("/proc").join(server.pid().to_string()).join("root").join(data)
}

pub(super) async fn full(scale: Scale) -> Outcome {
    let times = scale.pick(2, 5);
    let server = on_small_disk(at_home(Setup::new()).set("min_free_bytes", RESERVE)).start().await;
    let crowd = Crowd::settle(&server, scale.pick(10, 50), 2).await;
    let swarm = Swarm::connect(&server, &crowd, SOON);
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace { filler: 2_000, ..Pace::default() });
    let mut brief = Vec::new();
    for index in 0..times {
        brief.push(server.user(&format!("brief {index}")).await);
    }
    let filler = inside(&server).join("filler");
    let mut recovered = Duration::ZERO;
    for round in 0..times {
        until_acknowledged(&ledger, 50).await;
        // To the last block, or to half of what is kept.
        let left = if round % 2 == 0 { 0 } else { RESERVE / 2 };
        fill(&filler, left);
        let before = publishers.refusals();
        within("publishes to be refused", async {
            while publishers.refusals() < before + 10 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        // However little it is: what was refused once is refused until there is room, and the load balancer knows.
        for _ in 0..5 {
            let body = json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] });
            assert_eq!(server.operator().post("/publish", body).await.error(507).0, "storage_full");
            assert_eq!(server.admin().get("/readyz").await.error(503).0, "storage_full");
        }
        assert!(server.metric("sanmon_disk_free_bytes").await < RESERVE);
        if left > 0 {
            // What ends something still has room.
            let path = format!("/sessions/{}", brief.pop().expect("a session").session);
            server.operator().delete(&path).await.expect_text(204);
        }
        assert_eq!(swarm.live(), crowd.users.len(), "clients stay connected");
        std::fs::remove_file(&filler).expect("the filler");
        let start = Instant::now();
        until_acknowledged(&ledger, 1).await;
        recovered = recovered.max(start.elapsed());
    }
    let refused = publishers.refusals();
    until_acknowledged(&ledger, 50).await;
    publishers.stop().await;
    swarm.settle(&server).await;
    server.admin().get("/readyz").await.expect_text(200);
    let (fresh, resumed) = (swarm.board().fresh.load(Relaxed), swarm.board().resumed.load(Relaxed));
    assert_eq!((fresh, resumed), (crowd.users.len() as u64, 0), "nobody was cut off");
    let tried = format!(
        "a disk of 48 MiB, full or with half of the reserve free; {} clients that stay connected, {refused} publishes \
         refused",
        crowd.users.len()
    );
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("taking publishes again within", recovered)
}

/// Writes until no more than `left` bytes are free.
fn fill(path: &Path, left: u64) {
    let mut file = std::fs::File::create(path).expect("a file on the small disk");
    let has_room = |path| statvfs(path).is_ok_and(|disk| disk.f_bavail * disk.f_frsize > left);
    while has_room(path) && file.write_all(&[b'x'; 4096]).is_ok() {}
}

pub(super) async fn read_only(scale: Scale) -> Outcome {
    let times = scale.pick(1, 5);
    let setup = at_home(Setup::new());
    let mut server = setup.clone().start().await;
    let crowd = Crowd::settle(&server, scale.pick(10, 50), 2).await;
    let swarm = Swarm::connect(&server, &crowd, SOON);
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace::default());
    let mut recovered = Duration::ZERO;
    for _ in 0..times {
        until_acknowledged(&ledger, 50).await;
        let arrivals = swarm.arrivals() + crowd.users.len() as u64;
        server.signal(Signal::KILL);
        server.exited().await;
        refused_at_start(&setup, server.data());
        let start = Instant::now();
        server = server.start_again().await;
        swarm
            .until("everyone to be back", |board| board.resumed.load(Relaxed) + board.fresh.load(Relaxed) >= arrivals)
            .await;
        recovered = recovered.max(start.elapsed());
    }
    publishers.stop().await;
    swarm.settle(&server).await;
    let tried = format!(
        "killed, then started on a folder mounted read-only: says so and ends; then started again, {} clients",
        crowd.users.len()
    );
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("all resumed after the next start within", recovered)
}

/// Starts a server on a folder that is read-only for it: it says so and ends.
fn refused_at_start(setup: &Setup, data: &Path) {
    let command = setup.command(data);
    let script = r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@""#;
    let mut wrapped = namespace(&["--mount"]);
    wrapped.args(["sh", "-c", script]).arg(data).arg(command.get_program()).args(command.get_args());
    let output = wrapped.stdin(Stdio::null()).output().expect("unshare (util-linux) is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && !said.contains("panicked"), "{said}");
    assert!(said.contains(&data.display().to_string()) && said.contains("ead-only file system"), "{said}");
}
