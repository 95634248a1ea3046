//! The files of native/deploy: what they say is what the program takes and does.

mod compose;
mod metrics;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{PATIENCE, Setup, sanmon, sanmon_command, workspace};
use rustix::process::Signal;
use serde_json::Value;

fn deploy(name: &str) -> PathBuf {
    workspace().join("native").join("deploy").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).expect("a file of native/deploy")
}

/// The settings of a unit, each with its last value.
fn settings(unit: &str) -> BTreeMap<String, String> {
    let lines = unit.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The configuration that `sanmon serve` has with these flags.
fn configuration(flags: &[String]) -> Value {
    configuration_with(flags, &BTreeMap::new())
}

/// The configuration that `sanmon serve` has with these flags and variables.
fn configuration_with(flags: &[String], variables: &BTreeMap<String, String>) -> Value {
    let mut command = sanmon_command();
    let output = command.envs(variables).args(["check-config", "--json"]).args(flags).output().expect("sanmon runs");
    assert!(output.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The flags of a command line behind `serve`; the file of settings is the one that lies beside.
fn flags_of(words: &[String]) -> Vec<String> {
    let serve = words.iter().position(|word| word == "serve").expect("it serves");
    let file = deploy("sanmon.toml").display().to_string();
    words[serve + 1..].iter().map(|word| word.replace("/etc/sanmon/sanmon.toml", &file)).collect()
}

#[test]
fn the_units_flags_are_the_programs_and_it_waits_for_the_drain() {
    let unit = settings(&text("sanmon.service"));
    let words: Vec<String> = unit["ExecStart"].split(' ').map(ToOwned::to_owned).collect();
    let config = configuration(&flags_of(&words));
    assert_eq!(config["data"], format!("/var/lib/{}", unit["StateDirectory"]));
    let of = |name: &str| config[name].as_u64().unwrap_or_else(|| panic!("no {name} in {config}"));
    let windows = of("max_connections").div_ceil(5_000);
    let longest = Duration::from_millis(of("drain_ms") * windows + of("stop_timeout_ms")) + Duration::from_secs(40);
    let waits = Duration::from_secs(unit["TimeoutStopSec"].parse().expect("seconds"));
    assert!(waits > longest, "a drain may take {longest:?}, the unit waits {waits:?}");
    let files: u64 = unit["LimitNOFILE"].parse().expect("a number");
    assert!(files > of("max_connections") + of("max_http_connections") + 256);
    // It is started again for ever, and each start may wait for what it stands on.
    let text = text("sanmon.service");
    let about = text.split_once("[Service]").map(|(about, _)| settings(about)).expect("two sections");
    assert_eq!(about["StartLimitIntervalSec"], "0", "after some starts that fail it would give up for good");
    let pause: u64 = unit["RestartSec"].strip_suffix("ms").and_then(|ms| ms.parse().ok()).expect("milliseconds");
    assert!((100..=1_000).contains(&pause), "{pause} ms: neither a busy loop nor a long absence after a crash");
    let start = Duration::from_secs(unit["TimeoutStartSec"].parse().expect("seconds"));
    assert!(start > Duration::from_secs(30 + 30 + 12), "NATS, PostgreSQL and a dead node's name may be waited for");
    for (name, value) in [
        ("Type", "notify"),
        ("KillSignal", "SIGTERM"),
        ("Restart", "always"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
    ] {
        assert_eq!(unit[name], value, "{name}");
    }
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    let folder = tempfile::tempdir().expect("a folder");
    // Where it will be installed there is nothing yet.
    let unit = text("sanmon.service").replace("/usr/local/bin/sanmon", &sanmon().display().to_string());
    std::fs::write(folder.path().join("sanmon.service"), unit).expect("a file");
    std::fs::write(folder.path().join("sanmon.socket"), text("sanmon.socket")).expect("a file");
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).args(["sanmon.service", "sanmon.socket"].map(|name| folder.path().join(name)));
    let output = command.output().expect("systemd-analyze is missing: `cargo xtask test --only need` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    let faults: Vec<&str> = said.lines().filter(|line| line.contains("sanmon")).collect();
    assert!(output.status.success() && faults.is_empty(), "{said}");
}

#[tokio::test]
async fn a_supervisor_is_told_when_it_is_ready_and_when_it_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).expect("a socket");
    supervisor.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let mut server = Setup::new().variable("NOTIFY_SOCKET", path.display()).start().await;
    let told = || {
        let mut message = [0; 256];
        let length = supervisor.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    assert!(told().contains("READY=1"));
    server.anyone().get("/domains").await.expect(200);
    server.signal(Signal::TERM);
    assert!(told().contains("STOPPING=1"));
    assert!(server.exited().await.success());
}

/// A server whose listening socket is somebody else's, as systemd's; killed when dropped.
struct Inheritor(Child);

impl Inheritor {
    fn start(listener: &TcpListener, data: &Path) -> Self {
        let socket = OwnedFd::from(listener.try_clone().expect("another handle"));
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@""#, "sh"]);
        command.arg(sanmon()).args(["serve", "--admin-listen=127.0.0.1:0", "--log-format=json", "--data"]).arg(data);
        let child = command.stdin(Stdio::from(socket)).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self(child.expect("the server starts"))
    }
}

impl Drop for Inheritor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn while_a_supervisor_holds_the_socket_a_restart_refuses_nobody() {
    let data = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let ask = || {
        let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("nobody is refused");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream.write_all(b"GET /domains HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("a request");
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    };
    let first = Inheritor::start(&listener, data.path());
    answer(ask());
    drop(first);
    // Nobody is there; the question waits for the next server.
    let waiting = ask();
    let _second = Inheritor::start(&listener, data.path());
    answer(waiting);
}

/// The instructions of a container file, continuation lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = text("Containerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned())).expect("two words"))
        .collect()
}

/// The words of an instruction that is written as JSON; the last one of this name counts.
fn words(name: &str) -> Vec<String> {
    let all = instructions();
    let (_, rest) = all.iter().rfind(|(other, _)| other == name).unwrap_or_else(|| panic!("no {name}"));
    let list = rest.find('[').map(|start| &rest[start..]).expect("a list");
    serde_json::from_str(list).expect("a list of words")
}

#[tokio::test]
async fn the_container_runs_what_the_program_takes_as_nobody_in_particular() {
    let all = instructions();
    let known = [
        "FROM",
        "RUN",
        "WORKDIR",
        "COPY",
        "USER",
        "VOLUME",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    assert!(all.iter().all(|(name, _)| known.contains(&name.as_str())), "{all:?}");
    let value =
        |name: &str| all.iter().rfind(|(other, _)| other == name).map(|(_, rest)| rest.as_str()).unwrap_or_default();
    assert_eq!(all.iter().filter(|(name, _)| name == "FROM").count(), 2, "built in one image, run in another");
    assert!(value("COPY").starts_with("--from=build "), "nothing but the program comes along");
    assert!(!value("USER").starts_with(['0', 'r']), "not root");
    assert_eq!(value("STOPSIGNAL"), "SIGTERM");

    let command = [words("ENTRYPOINT"), words("CMD")].concat();
    let config = configuration(&flags_of(&command));
    assert_eq!(vec![config["data"].as_str().expect("a folder").to_owned()], words("VOLUME"));
    assert!(config["listen"][0].as_str().is_some_and(|address| address == format!("0.0.0.0:{}", value("EXPOSE"))));
    let check = words("HEALTHCHECK");
    let url = check.last().expect("an address");
    assert_eq!(*url, format!("http://{}/healthz", config["admin_listen"][0].as_str().expect("an address")));

    // The same, with what a test may have of addresses and folders, says that it is well.
    let server = Setup::new().start().await;
    server.admin().get("/healthz").await.expect_text(200);
}
