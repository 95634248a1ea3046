//! `cargo xtask run --cluster`: NATS, PostgreSQL and several nodes on this machine, until one Ctrl-C ends all of it.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sanmon_engines::{Farewell, Nats, Postgres, Process, Signal};
use tokio::signal::unix::{SignalKind, signal};

use crate::command::{Failure, file, root};

/// Where the first node listens for clients and for who watches it; the others follow one after the other.
const LISTEN: u16 = 8080;
const ADMIN: u16 = 9090;

/// How long a node may take to be ready, a long log included.
const READY: Duration = Duration::from_secs(120);

/// How long a node may take to send its clients away.
const DRAIN: Farewell = Farewell { signal: Signal::TERM, patience: Duration::from_secs(60) };

/// How often something is looked at.
const POLL: Duration = Duration::from_millis(50);

/// Nodes that are to run together.
pub(super) struct Cluster {
    /// How many.
    pub(super) nodes: u8,
    /// The folder that holds a folder for each node and each engine.
    pub(super) folder: PathBuf,
    /// Further flags of every node.
    pub(super) flags: Vec<String>,
}

/// A node that runs.
struct Node {
    number: u8,
    process: Process,
    /// What hands its lines on; they end with the node.
    lines: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Starts everything, and ends it at the first signal, or when a part of it ends by itself.
    pub(super) fn run(self, program: &Path) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(file("a runtime"))?;
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt()).map_err(file("signals"))?;
            let mut terminate = signal(SignalKind::terminate()).map_err(file("signals"))?;
            let mut asked = async || tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} };

            println!("starting NATS and PostgreSQL, with their data in {}", self.folder.display());
            let nats = Nats::start_in(&self.folder.join("nats"))?;
            let postgres = Postgres::start_in(&self.folder.join("postgres"))?;
            postgres.ensure("sanmon")?;

            let mut nodes = Vec::new();
            let ended = tokio::select! {
                ended = self.serve(program, &nats, &postgres, &mut nodes) => ended,
                () = asked() => Ok(()),
            };
            println!("\nsending the clients away and stopping; Ctrl-C again ends everything at once");
            // All of them are asked first, so that they drain at the same time.
            nodes.iter().for_each(|node: &Node| node.process.signal(DRAIN.signal));
            tokio::select! {
                () = until_ended(&mut nodes) => {}
                () = asked() => nodes.iter().for_each(|node| node.process.signal(Signal::KILL)),
            }
            for Node { process, lines, .. } in nodes {
                drop(process);
                lines.into_iter().for_each(|lines| drop(lines.join()));
            }
            ended
        })
    }

    /// Starts the nodes one after the other, and watches them.
    async fn serve(
        &self,
        program: &Path,
        nats: &Nats,
        postgres: &Postgres,
        nodes: &mut Vec<Node>,
    ) -> Result<(), Failure> {
        for number in 1..=self.nodes {
            // The first one makes the tables, and the operator key that it shows.
            nodes.push(self.start(program, number, nats, postgres)?);
            until_ready(nodes, number).await?;
        }
        println!("{}", self.summary(nats, postgres));
        loop {
            check(nodes)?;
            tokio::time::sleep(POLL).await;
        }
    }

    fn start(&self, program: &Path, number: u8, nats: &Nats, postgres: &Postgres) -> Result<Node, Failure> {
        let data = self.data(number);
        fs::create_dir_all(&data).map_err(file(data.display().to_string()))?;
        let mut serve = Command::new(program);
        serve.current_dir(root()).arg("serve").stdout(Stdio::piped()).stderr(Stdio::piped());
        serve.arg("--listen").arg(listen(number).to_string()).arg("--admin-listen").arg(admin(number).to_string());
        serve.arg("--data").arg(&data).arg("--origins").arg(self.origins());
        serve.args(["--store-url", &postgres.url("sanmon"), "--nats-url", &nats.url()]).args(&self.flags);
        let mut process = Process::start(&mut serve, DRAIN, None)?;
        let (stdout, stderr) = process.output();
        let lines = [
            stdout.map(|stdout| hand_on(number, stdout, io::stdout())),
            stderr.map(|stderr| hand_on(number, stderr, io::stderr())),
        ];
        Ok(Node { number, process, lines: lines.into_iter().flatten().collect() })
    }

    fn data(&self, number: u8) -> PathBuf {
        self.folder.join(format!("node-{number}"))
    }

    /// The console of one node may connect to any of them.
    fn origins(&self) -> String {
        let ports = || (1..=self.nodes).map(|number| listen(number).port());
        let origins = |host: &'static str| ports().map(move |port| format!("http://{host}:{port}"));
        origins("127.0.0.1").chain(origins("localhost")).collect::<Vec<_>>().join(",")
    }

    fn summary(&self, nats: &Nats, postgres: &Postgres) -> String {
        let mut text = format!(
            "\n{} nodes are ready; they share what is stored, and the event log\n  PostgreSQL  {}\n  NATS        {}\n",
            self.nodes,
            postgres.url("sanmon"),
            nats.url()
        );
        for number in 1..=self.nodes {
            let (console, data) = (listen(number), self.data(number));
            let _ = writeln!(
                text,
                "  node {number}      console http://{console}/  metrics http://{}/metrics  data {}",
                admin(number),
                data.strip_prefix(root()).unwrap_or(&data).display()
            );
        }
        text + "Ctrl-C stops all of it\n"
    }
}

/// Waits until a node says that it is ready.
async fn until_ready(nodes: &mut [Node], number: u8) -> Result<(), Failure> {
    let start = Instant::now();
    while !is_ready(admin(number)) {
        check(nodes)?;
        if start.elapsed() > READY {
            return Err(Failure::Check(format!("node {number} was not ready within {} s", READY.as_secs())));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Waits until all of them ended.
async fn until_ended(nodes: &mut [Node]) {
    let start = Instant::now();
    while nodes.iter_mut().any(|node| node.process.ended().is_none()) && start.elapsed() < DRAIN.patience {
        tokio::time::sleep(POLL).await;
    }
}

/// Fails when one of them has ended.
fn check(nodes: &mut [Node]) -> Result<(), Failure> {
    for node in nodes {
        if let Some(status) = node.process.ended() {
            return Err(Failure::Check(format!("node {} ended ({status})", node.number)));
        }
    }
    Ok(())
}

fn is_ready(admin: SocketAddr) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&admin, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(64 << 10).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Writes each line of a node behind its number.
fn hand_on(number: u8, from: impl Read + Send + 'static, mut to: impl io::Write + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Nobody reads it any more; the node is not to notice.
            let _ = writeln!(to, "{number} | {line}");
        }
    })
}

fn listen(number: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], LISTEN + u16::from(number) - 1))
}

fn admin(number: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], ADMIN + u16::from(number) - 1))
}
