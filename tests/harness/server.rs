//! The real server in a process of its own.

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{Api, Authority, Io, PATIENCE, sanmon};

/// How a server is to be started.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    authority: Option<Arc<Authority>>,
    wrapper: Vec<String>,
    variables: Vec<(String, String)>,
}

/// A running server with a data folder of its own; killed when dropped.
pub struct Server {
    child: Child,
    setup: Setup,
    data: Arc<TempDir>,
    address: SocketAddr,
    admin: SocketAddr,
    key: String,
    output: Arc<Mutex<String>>,
}

/// A user of the platform, with a session.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's id.
    pub id: u64,
    /// What the user's programs identify with.
    pub session_id: String,
    /// The session's own id, which is no secret.
    pub session: String,
}

impl Setup {
    /// The server with its defaults, on free ports.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one setting by its key in the configuration.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Display) -> Self {
        let flag = format!("--{}=", key.replace('_', "-"));
        // The last one said counts; only addresses are several.
        if key != "listen" {
            self.flags.retain(|other| !other.starts_with(&flag));
        }
        self.flags.push(format!("{flag}{value}"));
        self
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Speaks TLS with a certificate of this authority.
    #[must_use]
    pub fn tls(mut self, authority: Arc<Authority>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Starts the server by another program, whose arguments these are too; `{data}` stands for the data folder.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|part| (*part).to_owned()).collect();
        self
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Display) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts the server on a new data folder and waits until it listens.
    pub async fn start(self) -> Server {
        let data = TempDir::with_prefix("sanmon-").expect("a folder for the data");
        self.start_on(Arc::new(data), None).await
    }

    /// Starts the server on a folder that holds a database already; its operator key is not known.
    pub async fn start_from(self, data: TempDir) -> Server {
        self.start_on(Arc::new(data), Some(String::new())).await
    }

    /// Starts the server on a new data folder beside others that have its store, whose operator key this is.
    pub(crate) async fn start_beside(self, key: &str) -> Server {
        let data = TempDir::with_prefix("sanmon-").expect("a folder for the data");
        self.start_on(Arc::new(data), Some(key.to_owned())).await
    }

    /// Starts the server on a folder, whose operator key is known unless the folder is new.
    async fn start_on(self, data: Arc<TempDir>, key: Option<String>) -> Server {
        let mut command = self.command(data.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server starts");
        let output = Arc::default();
        let (sender, lines) = channel();
        follow(child.stdout.take().expect("its stdout"), &output, sender.clone());
        follow(child.stderr.take().expect("its stderr"), &output, sender);
        let Some(started) = Started::read(&lines, key) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server did not start:\n{}", output.lock().expect("the output"));
        };
        let Started { address, admin, key } = started;
        Server { child, setup: self, data, address, admin, key, output }
    }

    /// The command that starts the server.
    pub fn command(&self, data: &Path) -> Command {
        let mut command = match self.wrapper.split_first() {
            None => sanmon_command(),
            Some((program, arguments)) => {
                let mut command = clean(Command::new(program));
                let data = data.display().to_string();
                command.args(arguments.iter().map(|part| part.replace("{data}", &data))).arg(sanmon());
                command
            }
        };
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("serve").arg("--data").arg(data);
        if !self.flags.iter().any(|flag| flag.starts_with("--listen=")) {
            command.arg("--listen=127.0.0.1:0");
        }
        command.args(["--admin-listen=127.0.0.1:0", "--log-format=json"]).args(&self.flags);
        command.envs(self.environment.iter().cloned());
        if let Some(authority) = &self.authority {
            let (cert, key) = authority.issue(data);
            command.arg("--tls-cert").arg(cert).arg("--tls-key").arg(key);
        }
        command
    }
}

/// The program, in an environment that sets nothing of it.
pub fn sanmon_command() -> Command {
    clean(Command::new(sanmon()))
}

/// A command in whose environment nothing of the program is set.
pub(crate) fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SANMON_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

impl Server {
    /// A server with its defaults.
    pub async fn start() -> Self {
        Setup::new().start().await
    }

    /// Where it listens for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The operator key that it printed at its first start.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The address of its HTTP API.
    pub fn url(&self) -> String {
        let scheme = if self.setup.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// The address of its gateway.
    pub fn gateway_url(&self) -> String {
        let scheme = if self.setup.authority.is_some() { "wss" } else { "ws" };
        format!("{scheme}://localhost:{}/gateway", self.address.port())
    }

    /// What it wrote so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("the output").clone()
    }

    /// The API for a caller without authorization.
    pub fn anyone(&self) -> Api {
        Api::new(&self.url(), self.setup.authority.as_deref())
    }

    /// The API for a backend with all rights.
    pub fn operator(&self) -> Api {
        self.anyone().operator(&self.key)
    }

    /// The API for a user.
    pub fn as_user(&self, user: &User) -> Api {
        self.anyone().session(&user.session_id)
    }

    /// The admin address.
    pub fn admin(&self) -> Api {
        Api::new(&format!("http://{}", self.admin), None)
    }

    /// Makes a user with a session.
    pub async fn user(&self, username: &str) -> User {
        let minted = self.operator().post("/sessions", json!({ "user": { "username": username } })).await.expect(201);
        User::from_minted(&minted)
    }

    /// A new guild of this user; returns its id.
    pub async fn guild(&self, owner: &User, name: &str) -> u64 {
        self.as_user(owner).post("/guilds", json!({ "name": name })).await.expect(201)["id"].as_u64().expect("an id")
    }

    /// Makes a user a member.
    pub async fn join(&self, user: &User, guild: u64) {
        let answer = self.operator().put(&format!("/guilds/{guild}/members/{}", user.id)).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text);
    }

    /// Publishes one event, with an empty `d` unless it says one or is a notification; returns its `s`.
    pub async fn publish(&self, mut event: Value) -> u64 {
        if event["d"].is_null() && event["t"] != "NOTIFICATION" {
            event["d"] = json!({});
        }
        let answer = self.operator().post("/publish", json!({ "events": [event] })).await.expect(200);
        answer["seqs"][0].as_u64().expect("a seq")
    }

    /// A new stream to it, encrypted when it speaks TLS.
    pub async fn stream(&self) -> Box<dyn Io> {
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        match &self.setup.authority {
            None => Box::new(stream),
            Some(authority) => {
                let connector = TlsConnector::from(authority.client_config());
                Box::new(connector.connect(Authority::server_name(), stream).await.expect("a TLS handshake"))
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the server is there");
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory of the process in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server is there");
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse::<u64>().ok()).expect("VmRSS") * 1024
    }

    /// Waits until the process ended by itself.
    pub async fn exited(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the server is a child") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not end:\n{}", self.output());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it by SIGKILL, without any chance to tidy up, and starts it again on the same data.
    pub async fn kill_and_restart(mut self) -> Self {
        self.child.kill().expect("the server is there");
        self.start_again().await
    }

    /// Waits until the process ended and starts it again on the same data.
    pub async fn start_again(mut self) -> Self {
        self.exited().await;
        self.setup.clone().start_on(Arc::clone(&self.data), Some(self.key.clone())).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("-- the server wrote:\n{}", self.output());
        }
    }
}

impl User {
    /// Reads the answer of `POST /sessions`.
    pub fn from_minted(minted: &Value) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        Self {
            // Beyond 2^53 ids travel as text.
            id: text(&minted["user"]["id"]).parse().unwrap_or_else(|_| panic!("no id of a user in {minted}")),
            session_id: minted["session_id"].as_str().expect("a session_id").to_owned(),
            session: text(&minted["id"]),
        }
    }
}

/// What the server says when it is ready.
struct Started {
    address: SocketAddr,
    admin: SocketAddr,
    key: String,
}

impl Started {
    fn read(lines: &Receiver<String>, mut key: Option<String>) -> Option<Self> {
        let end = Instant::now() + PATIENCE;
        let (mut address, mut admin) = (None, None);
        loop {
            let line = lines.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
            let fields = &line["fields"];
            if let Some(found) = fields["operator_key"].as_str() {
                key = Some(found.to_owned());
            }
            if let Some(found) = fields["address"].as_str().and_then(|text| text.parse().ok()) {
                address = Some(found);
            }
            if let Some(found) = fields["admin"].as_str().and_then(|text| text.parse().ok()) {
                admin = Some(found);
            }
            if let (Some(address), Some(admin), Some(key)) = (address, admin, &key) {
                return Some(Self { address, admin, key: key.clone() });
            }
        }
    }
}

/// Collects what a process writes, and hands on each line.
fn follow(from: impl std::io::Read + Send + 'static, output: &Arc<Mutex<String>>, lines: Sender<String>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut output = output.lock().expect("the output");
            output.push_str(&line);
            output.push('\n');
            let _ = lines.send(line);
        }
    });
}
