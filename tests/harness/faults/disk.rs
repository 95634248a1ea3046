//! A disk that is full for a while, and a data folder that can't be written to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use super::kill::until_acknowledged;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Server, Setup, within};

const SOON: Return = Return::After(Duration::from_millis(25));

/// A server whose data folder is a small disk of its own, which goes with the process: a tmpfs in a mount namespace.
fn on_small_disk(setup: Setup) -> Setup {
    assert!(
        namespace().args(["sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status().is_ok_and(|status| status.success()),
        "this needs `unshare` (util-linux), and a kernel that lets this user mount a tmpfs in a namespace of its own"
    );
    let command = namespace();
    let program = command.get_program().to_string_lossy().into_owned();
    let mut wrapper = vec![program];
    wrapper.extend(command.get_args().map(|part| part.to_string_lossy().into_owned()));
    wrapper.extend(
        ["sh", "-c", r#"mount -t tmpfs -o size=48m,mode=700 tmpfs "$0" && exec "$@""#, "{data}"].map(Into::into),
    );
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    setup.under(&wrapper)
}

/// The start of a command in a mount namespace of its own; who is not root becomes so in a user namespace.
fn namespace() -> Command {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// The data folder as the server sees it.
fn inside(server: &Server) -> PathBuf {
    let data = server.data().strip_prefix("/").expect("an absolute path");
    Path::new("/proc").join(server.pid().to_string()).join("root").join(data)
}

pub(super) async fn full(scale: Scale) -> Outcome {
    let times = scale.pick(2, 5);
    let server = on_small_disk(at_home(Setup::new())).start().await;
    let crowd = Crowd::settle(&server, scale.pick(10, 50), 2).await;
    let swarm = Swarm::connect(&server, &crowd, SOON);
    swarm.until_live(crowd.users.len(), "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace { filler: 2_000, ..Pace::default() });
    let filler = inside(&server).join("filler");
    let mut recovered = Duration::ZERO;
    for _ in 0..times {
        until_acknowledged(&ledger, 50).await;
        fill(&filler);
        let before = publishers.refusals();
        within("publishes to be refused", async {
            while publishers.refusals() < before + 10 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        // What the load balancer does, at once; and what an operator reads. A little may still fit where a batch did not.
        let readiness = server.admin().get("/readyz").await;
        assert!(readiness.status >= 500, "ready on a full disk: {}", readiness.text);
        within("an operator to be told", async {
            let body = json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] });
            let mut answer = server.operator().post("/publish", body.clone()).await;
            while answer.status == 200 {
                answer = server.operator().post("/publish", body.clone()).await;
            }
            assert!([507, 503].contains(&answer.status), "{}", answer.text);
            answer.error(answer.status);
        })
        .await;
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
    let tried =
        format!("a disk of 48 MiB, {} clients that stay connected, {refused} publishes refused", crowd.users.len());
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("taking publishes again within", recovered)
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).expect("a file on the small disk");
    while file.write_all(&[b'x'; 4096]).is_ok() {}
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
    let mut wrapped = namespace();
    wrapped.args(["sh", "-c", script]).arg(data).arg(command.get_program()).args(command.get_args());
    let output = wrapped.stdin(Stdio::null()).output().expect("unshare (util-linux) is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && !said.contains("panicked"), "{said}");
    assert!(said.contains(&data.display().to_string()) && said.contains("ead-only file system"), "{said}");
}
