//! A disk that can't be written to any longer, from one moment on, while the server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::half_open::until;
use super::kill::until_acknowledged;
use super::namespace::{namespace, words};
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Return, Scale, Swarm, at_home};
use crate::{Server, Setup, within};

const SOON: Return = Return::After(Duration::from_millis(25));

/// What keeps the long form from being done.
const NEEDS: &str =
    "this needs root, loop devices (/dev/loop-control), a kernel with ext4, and mkfs.ext4 and e2fsck (e2fsprogs)";

pub(super) async fn while_running(scale: Scale) -> Outcome {
    let times = scale.pick(1, 3);
    let watched = scale.pick(Duration::from_secs(2), Duration::from_secs(20));
    let disk = match scale {
        Scale::Short => Disk::Limited,
        Scale::Long => Disk::Image(Image::format()),
    };
    let setup = at_home(Setup::new()).set("drain_ms", 500).set("min_free_bytes", 8 << 20);
    let mut server = disk.beneath(setup).start().await;
    let crowd = Crowd::settle(&server, scale.pick(10, 50), 2).await;
    let everyone = crowd.users.len();
    let swarm = Swarm::connect(&server, &crowd, SOON);
    swarm.until_live(everyone, "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let publishers = Publishers::start(&server, &crowd, &ledger, Pace { each: 4, ..Pace::default() });
    let (mut back, mut most_said) = (Duration::ZERO, 0);
    for _ in 0..times {
        until_acknowledged(&ledger, 100).await;
        let said = complaints(&server);
        disk.fail(&server);
        let start = Instant::now();
        refused(&server, &publishers).await;
        assert_eq!(swarm.live(), everyone, "clients stay connected");
        // Who is cut off meanwhile comes back all the same: reading needs no disk that can be written to.
        let arrivals = swarm.arrivals() + everyone as u64;
        swarm.cut((0..everyone).collect());
        swarm.until("everyone to resume", |_| swarm.arrivals() >= arrivals && swarm.live() == everyone).await;
        while start.elapsed() < watched {
            refused(&server, &publishers).await;
        }
        let more = complaints(&server).saturating_sub(said);
        most_said = most_said.max(more);
        // Of each kind one in 10 s, and one more for the first.
        let bound = 4 * (2 + start.elapsed().as_secs() as usize / 10);
        assert!((1..=bound).contains(&more), "{more} complaints in {:?}:\n{}", start.elapsed(), server.output());

        let start = Instant::now();
        let arrivals = swarm.arrivals() + everyone as u64;
        server = disk.mend(server).await;
        if matches!(disk, Disk::Image(_)) {
            swarm.until("everyone to be back", |_| swarm.arrivals() >= arrivals && swarm.live() == everyone).await;
        }
        until_acknowledged(&ledger, 1).await;
        back = back.max(start.elapsed());
        server.admin().get("/readyz").await.expect_text(200);
    }
    until_acknowledged(&ledger, 50).await;
    let (refusals, unknown) = (publishers.refusals(), publishers.unknown());
    publishers.stop().await;
    swarm.settle(&server).await;
    assert_eq!(swarm.board().fresh.load(Relaxed), everyone as u64, "nobody had to start anew");
    drop(server);
    disk.gone().await;
    let tried = format!(
        "an error found in an ext4 file system under the server, to which nothing can be written from then on; {everyone} \
         clients stay connected, are cut off and resume there; {refusals} publishes refused, {unknown} of them with \
         `outcome_unknown`; {most_said} log lines in {}s; then ended, repaired by `e2fsck -p` and started again",
        watched.as_secs()
    );
    let (outcome, _) = Outcome::of(tried, times, swarm, &crowd, &ledger);
    outcome.took("ended, repaired, started and all resumed within", back)
}

/// Waits until publishes are refused, and asks what a load balancer and an operator ask then.
async fn refused(server: &Server, publishers: &Publishers) {
    let before = publishers.refusals();
    within("publishes to be refused", async {
        while publishers.refusals() < before + 10 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let (code, message) = server.admin().get("/readyz").await.error(503);
    assert!(["read_only", "storage_unavailable", "outcome_unknown"].contains(&&*code), "{code}: {message}");
    let body = json!({ "events": [{ "to": "everyone", "t": "X", "d": {} }] });
    server.operator().post("/publish", body).await.error(503);
    server.admin().get("/healthz").await.expect_text(200);
    assert!(!server.output().contains("panicked"), "{}", server.output());
}

/// Log lines that say that something is wrong.
fn complaints(server: &Server) -> usize {
    let is_one = |line: &&str| {
        serde_json::from_str::<Value>(line).is_ok_and(|line| line["level"] == "ERROR" || line["level"] == "WARN")
    };
    server.output().lines().filter(is_one).count()
}

/// What fails, and how.
enum Disk {
    /// No file may grow, nor be written to, as `ulimit -f` has it: works for every user, and ends when it is lifted.
    Limited,
    /// A file system of its own, in which the kernel finds an error: nothing is written to it until it was mounted anew.
    Image(Image),
}

impl Disk {
    /// A server that stands on it.
    fn beneath(&self, setup: Setup) -> Setup {
        match self {
            // Else the kernel ends the process at the first such write.
            Self::Limited => setup.under(&["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"]),
            Self::Image(image) => image.beneath(setup),
        }
    }

    fn fail(&self, server: &Server) {
        match self {
            Self::Limited => limit_writes(server, Some(0)),
            Self::Image(image) => image.fail(),
        }
    }

    /// Makes it whole, with the same server or another one in its place.
    async fn mend(&self, server: Server) -> Server {
        match self {
            Self::Limited => {
                limit_writes(&server, None);
                server
            }
            Self::Image(image) => image.mend(server).await,
        }
    }

    /// Returns once nothing of it is left but the image.
    async fn gone(&self) {
        if let Self::Image(image) = self {
            image.gone().await;
        }
    }
}

/// Bounds how far the server may write into any file; `None` for what this process may.
fn limit_writes(server: &Server, limit: Option<u64>) {
    let pid = Pid::from_raw(server.pid().cast_signed()).expect("a process");
    let maximum = getrlimit(Resource::Fsize).maximum;
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: limit.or(maximum), maximum }).expect("the limit");
}

/// An image of an ext4 file system. It is mounted for the server's process alone, and so let go of with its end.
struct Image {
    folder: TempDir,
}

impl Image {
    fn format() -> Self {
        assert!(rustix::process::geteuid().is_root(), "{NEEDS}: not root");
        let image = Self { folder: tempfile::tempdir().expect("a folder") };
        let script = r#"truncate -s 256M "$0" && mkfs.ext4 -q -F "$0" && command -v e2fsck && mount -o loop "$0" /mnt"#;
        let mut tried = namespace(&["--mount"]);
        let output = tried.args(["sh", "-c", script]).arg(image.path()).output().expect("unshare (util-linux)");
        assert!(output.status.success(), "{NEEDS}: {}", String::from_utf8_lossy(&output.stderr));
        image
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ext4")
    }

    fn beneath(&self, setup: Setup) -> Setup {
        let mut wrapper = words(&namespace(&["--mount"]));
        // 1 says that errors were found and mended.
        let script =
            r#"{ e2fsck -p "$0" || [ $? -eq 1 ]; } && mount -o loop,errors=remount-ro "$0" "$1" && shift && exec "$@""#;
        wrapper.extend(["sh".into(), "-c".into(), script.into(), self.path().display().to_string(), "{data}".into()]);
        setup.under(&wrapper.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The loop device that it is mounted by, if it is.
    fn device(&self) -> Option<String> {
        let devices =
            std::fs::read_dir("/sys/block").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let is_ours = |device: &PathBuf| {
            std::fs::read_to_string(device.join("loop/backing_file"))
                .is_ok_and(|file| Path::new(file.trim()) == self.path())
        };
        devices.into_iter().find(is_ours)?.file_name()?.to_str().map(ToOwned::to_owned)
    }

    /// Has the kernel find an error.
    fn fail(&self) {
        let device = self.device().expect("a loop device");
        std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "1")
            .expect("a kernel that can find an error");
    }

    /// Ends the server as an operator does, and starts it again once the file system is let go of: each start repairs it.
    async fn mend(&self, mut server: Server) -> Server {
        server.signal(Signal::TERM);
        let status = server.exited().await;
        assert!(status.success(), "{status}: {}", server.output());
        self.gone().await;
        server.start_again().await
    }

    async fn gone(&self) {
        until("the loop device to be free", async || self.device().is_none()).await;
    }
}
