//! A peer whose cable is pulled: from one moment on no packet goes either way, and nobody is told.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::json;

use super::half_open::until;
use super::kill::until_acknowledged;
use super::listener::Listener;
use super::namespace::in_a_network_of_its_own;
use super::{Crowd, Ledger, Outcome, Pace, Publishers, Reading, Return, Scale, Swarm, To, at_home, readings};
use crate::server::clean;
use crate::{Server, Setup, User, sanmon};

/// The server's end of the cable, and the other one: addresses that are kept for examples.
const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";
/// Where the server listens for those at the other end.
const PORT: u16 = 8080;

/// Clients in the server's network.
const NEAR: usize = 6;
/// Clients at the other end of the cable.
const FAR: usize = 3;

/// Bytes of live events that may wait for one client.
const QUEUE: usize = 256 << 10;
/// Bytes of each event that is published to fill it.
const EACH: usize = 16 << 10;

pub(super) async fn pulled(scale: Scale) -> Outcome {
    in_a_network_of_its_own("cable", scale).await
}

/// The same, in that network.
pub(super) async fn pulled_inside(scale: Scale) -> Outcome {
    ip(&["link", "set", "lo", "up"]);
    let cable = Cable::lay();
    let setup = Setup::new()
        .set("listen", format!("{HERE}:{PORT}"))
        .set("public_url", format!("ws://{HERE}:{PORT}/gateway"))
        .set("max_queue_bytes", QUEUE);
    // The long form waits for the defaults: 20 s of silence, 20 s for an answer, 15 s for a return.
    let setup = match scale {
        Scale::Short => {
            setup
                .set("ping_interval_ms", 2_000)
                .set("ping_timeout_ms", 2_000)
                .set("presence_grace_ms", 500)
                // What asked where the gateway is stays connected as long.
                .set("header_timeout_ms", 2_000)
        }
        Scale::Long => setup,
    };
    let server = at_home(setup).start().await;
    let crowd = Crowd::settle(&server, NEAR, 1).await;
    let swarm = Swarm::connect(&server, &crowd, Return::ByTheRules);
    swarm.until_live(NEAR, "the clients").await;
    let far = Far::connect(&server, &crowd, &cable).await;
    let ledger = Arc::<Ledger>::default();
    // So little that all of it fits into the kernel's buffers for who is silent.
    let pace = Pace { pause: Duration::from_millis(scale.pick(50, 250)), ..Pace::default() };
    let publishers = Publishers::start(&server, &crowd, &ledger, pace);
    until_acknowledged(&ledger, 10).await;

    // Back before anyone noticed: what was under way is sent again by the kernels, and nothing happened.
    let hiccups = scale.pick(1, 5);
    for _ in 0..hiccups {
        cable.pull();
        until_acknowledged(&ledger, scale.pick(4, 40)).await;
        cable.plug();
        far.until_whole(&ledger).await;
    }
    assert_eq!(server.metric("sanmon_users_connected").await, (NEAR + FAR) as u64, "nobody left");
    assert_eq!(resumed(&server).await, 0, "nobody had to come back");
    assert_eq!(closed(&server, "4402").await + closed(&server, "4403").await, 0, "nobody was closed");

    let memory = server.memory();
    cable.pull();
    let start = Instant::now();
    // One of them is sent more than may wait for it: it goes at once. The others are not told apart from silence.
    let (flood, most) = far.flood(&server, &ledger).await;
    assert!(most <= (QUEUE + EACH) as u64, "{most} bytes wait for one that may have {QUEUE}");
    until("4403", async || closed(&server, "4403").await == 1).await;
    let overflowed = start.elapsed();
    until("4402", async || {
        let (queued, grown) = (server.metric("sanmon_queued_bytes").await, server.memory().saturating_sub(memory));
        assert!(queued <= QUEUE as u64 && grown < 64 << 20, "{queued} bytes wait, {grown} more are held");
        closed(&server, "4402").await == FAR as u64 - 1
    })
    .await;
    let timed_out = start.elapsed();
    until("them to be offline", async || swarm.board().offline.load(Relaxed) >= (NEAR * FAR) as u64).await;
    let offline = start.elapsed();
    // A moment is left to them for the end of the handshake.
    until("their connections to be gone", async || server.metric("sanmon_connections").await == NEAR as u64).await;
    until("their sockets to be free", async || sockets_held() == 0).await;
    let freed = start.elapsed();
    assert_eq!(server.metric("sanmon_queued_bytes").await, 0, "nothing waits for who is gone");
    // They find out by themselves, from the clock and what they no longer hear.
    let has_noticed = |client: &Listener| client.said().iter().any(|line| line.contains("waiting for"));
    until("the far ones to notice", async || far.clients.iter().all(has_noticed)).await;
    until_acknowledged(&ledger, 10).await;
    publishers.stop().await;
    cable.plug();
    let start = Instant::now();
    far.until_whole(&ledger).await;
    let whole = start.elapsed();
    assert_eq!(resumed(&server).await, FAR as u64, "each resumed, once");
    swarm.settle(&server).await;

    let tried = format!(
        "{FAR} clients behind a network link that is set down: {hiccups} times for a moment, then until the others saw \
         them offline; {flood} KiB to one of them meanwhile, of which at most {} KiB waited at the server",
        most >> 10
    );
    let (mut outcome, records) = Outcome::of(tried, hiccups + 1, swarm, &crowd, &ledger);
    let mut all = readings(&records, &crowd);
    all.extend(far.readings());
    outcome.audit = ledger.audit(&all);
    outcome
        .took("one with too much to read closed with 4403 after", overflowed)
        .took("the others with 4402 after", timed_out)
        .took("offline to others after", offline)
        .took("all of theirs free after", freed)
        .took("everything there once plugged in again after", whole)
}

async fn closed(server: &Server, code: &str) -> u64 {
    server.metric(&format!(r#"sanmon_connections_closed_total{{code="{code}"}}"#)).await
}

async fn resumed(server: &Server) -> u64 {
    server.metric(r#"sanmon_identifies_total{outcome="resumed"}"#).await
}

/// How many sockets of connections over the cable some process here still holds.
fn sockets_held() -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let is_held = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode, ..] = fields[..] else { return false };
        // 0A listens; who has no inode belongs to the kernel alone.
        local.ends_with(&format!(":{PORT:04X}")) && state != "0A" && inode != "0"
    };
    table.lines().skip(1).filter(|line| is_held(line)).count()
}

/// A link to a network that a process keeps there.
struct Cable {
    keeper: Child,
}

impl Cable {
    fn lay() -> Self {
        let mut keeper = Command::new("unshare");
        // It stays as long as its standard input does.
        keeper.args(["--net", "sh", "-c", "echo there; exec cat"]);
        let mut keeper = keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare (util-linux)");
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().expect("its stdout")).read_line(&mut line).expect("a line");
        assert_eq!(line, "there\n", "a second network namespace");
        let cable = Self { keeper };
        let keeper = cable.keeper.id().to_string();
        ip(&["link", "add", "here", "type", "veth", "peer", "name", "there", "netns", &keeper]);
        ip(&["address", "add", &format!("{HERE}/24"), "dev", "here"]);
        ip(&["link", "set", "here", "up"]);
        cable.ip(&["address", "add", &format!("{THERE}/24"), "dev", "there"]);
        cable.plug();
        cable
    }

    fn plug(&self) {
        self.ip(&["link", "set", "there", "up"]);
    }

    fn pull(&self) {
        self.ip(&["link", "set", "there", "down"]);
    }

    /// The start of a command at the other end.
    fn there(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.keeper.id()));
        command
    }

    fn ip(&self, arguments: &[&str]) {
        done(self.there().arg("ip").args(arguments));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

fn ip(arguments: &[&str]) {
    done(Command::new("ip").args(arguments));
}

fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The clients at the other end, all in the crowd's one guild.
struct Far {
    users: Vec<User>,
    clients: Vec<Listener>,
    since: u64,
}

impl Far {
    async fn connect(server: &Server, crowd: &Crowd, cable: &Cable) -> Self {
        let mut users = Vec::new();
        for index in 0..FAR {
            let user = server.user(&format!("far {index}")).await;
            server.join(&user, crowd.guilds[0]).await;
            users.push(user);
        }
        let start = |user| {
            let mut command = clean(cable.there());
            command.arg(sanmon());
            Listener::start(command, &format!("http://{HERE}:{PORT}"), user)
        };
        let clients: Vec<Listener> = users.iter().map(start).collect();
        let is_live = |client: &Listener| client.said().iter().any(|line| line == "sanmon: live");
        until("the far ones to be live", async || clients.iter().all(is_live)).await;
        let since = server.publish(json!({ "to": "everyone", "t": "START" })).await;
        Self { users, clients, since }
    }

    /// Publishes to the first of them, and to nobody else, far more than may wait for it; returns how many KiB, and how
    /// many bytes waited for all of them at most.
    async fn flood(&self, server: &Server, ledger: &Ledger) -> (usize, u64) {
        let (operator, filler, mut most) = (server.operator(), "x".repeat(EACH), 0);
        let count = 8 * QUEUE / EACH;
        for _ in 0..count {
            let number = ledger.number();
            let event = json!({ "to": { "user": self.users[0].id }, "t": "NUMBER", "d": { "n": number, "x": filler } });
            let answer = operator.post("/publish", json!({ "events": [event] })).await.expect(200);
            ledger.acknowledge(number, To::Reader(NEAR), answer["seqs"][0].as_u64().expect("a place"));
            most = most.max(server.metric("sanmon_queued_bytes").await);
        }
        ((count * EACH) >> 10, most)
    }

    fn readings(&self) -> Vec<Reading> {
        self.clients.iter().map(|client| Reading { guild: 0, since: self.since, seen: client.seen() }).collect()
    }

    /// Waits until they have everything that was acknowledged so far.
    async fn until_whole(&self, ledger: &Ledger) {
        let due: Vec<usize> =
            self.readings().iter().enumerate().map(|(index, reading)| ledger.due(NEAR + index, reading)).collect();
        until("the far ones to have everything", async || {
            self.clients.iter().zip(&due).all(|(client, due)| client.seen().len() >= *due)
        })
        .await;
    }
}
