//! `sanmon serve`: a server until a signal ends it.

use std::time::Duration;

use crate::config::{Address, Config, LogFormat};
use crate::server::{Server, StartError};
use crate::telemetry;
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::check_config::Sources;
use super::failure::Failure;
use super::output::{say, write};

/// Files that the server has open beside its clients' connections: the database, listeners, the admin address, the control
/// socket.
const OTHER_FILES: u64 = 256;

/// How long the end waits for work that can't be taken back, such as the question for a host's address.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// Run a server.
///
/// Every flag --like-this can also be given as a variable SANMON_LIKE_THIS or as a key like_this in the file; the flag
/// beats the variable, which beats the file. SIGTERM and SIGINT drain the server and end it with 0, a second one ends
/// it at once with 1; one that comes before the server has started ends it at once with 0. SIGHUP reads the certificate
/// and its key again.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    sources: Sources,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.sources.load()?;
        telemetry::start(config.log_format, &config.log_level).map_err(|error| Failure::Usage(error.to_string()))?;
        for warning in config.warnings() {
            warn!("{warning}");
        }
        raise_file_limit(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Local(format!("can't start the runtime: {error}")))?;
        let ended = runtime.block_on(serve(config));
        runtime.shutdown_timeout(LEAVE_TIMEOUT);
        ended
    }
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Taken first, so that no signal meets the default of ending the process once it is announced.
    let mut signals = Signals::take().map_err(|error| Failure::Local(format!("can't take signals: {error}")))?;
    let format = config.log_format;
    let server = tokio::select! {
        started = Server::start(config) => started.map_err(failed_start)?,
        // What it had done so far is what a killed server leaves behind, which the next start takes over.
        () = signals.end() => {
            info!("ended by a signal before the start was over");
            return Ok(());
        }
    };
    announce(&server, format)?;
    tell_supervisor(NotifyState::Ready);

    signals.end_or_reload(&server).await;
    info!("draining; a second signal ends the server at once");
    tell_supervisor(NotifyState::Stopping);
    let ended = tokio::select! {
        () = async { server.drain().await; server.stop().await } => true,
        () = signals.end() => false,
    };
    if ended { Ok(()) } else { Err(Failure::Local("ended by a second signal before the drain was over".into())) }
}

/// Tells systemd, or whoever else reads NOTIFY_SOCKET, how far the server is.
fn tell_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        warn!(%error, "the supervisor could not be told");
    }
}

fn failed_start(error: StartError) -> Failure {
    match error {
        StartError::Config(_) | StartError::Tls(_) => Failure::Usage(error.to_string()),
        other => Failure::Local(other.to_string()),
    }
}

/// The signals that a server listens to.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn take() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal to end; reads the certificate again at each one to do so.
    async fn end_or_reload(&mut self, server: &Server) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => match server.reload_tls() {
                    Ok(()) => info!("read the certificate and its key again"),
                    Err(error) => error!(%error, "kept the old certificate and key"),
                },
            }
        }
    }

    /// Waits for a signal to end, and for nothing else.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Says where the server is and what to try next. What is said as log lines is said there for machines.
fn announce(server: &Server, format: LogFormat) -> Result<(), Failure> {
    for address in server.addresses() {
        info!(%address, url = server.public_url(), "listening");
    }
    for admin in server.admin_addresses() {
        info!(%admin, "metrics and health");
    }
    match (format, server.operator_key()) {
        // Not a log line: logs are kept and shipped, and this is a secret. Machines find it where they find log fields.
        (LogFormat::Json, Some(key)) => {
            say(&json!({ "fields": { "message": "the operator key, shown this once", "operator_key": key } })
                .to_string())
        }
        (LogFormat::Json, None) => Ok(()),
        (LogFormat::Human, key) => write(&greeting(server, key)),
    }
}

fn greeting(server: &Server, key: Option<&str>) -> String {
    let (url, data, program) = (server.public_url(), server.data().display(), program());
    let mut lines = vec![String::new(), format!("Sanmon {} serves {url}", env!("CARGO_PKG_VERSION"))];
    let console = url.replacen("ws", "http", 1);
    lines.push(format!("  console  {}", console.strip_suffix("gateway").unwrap_or(&console)));
    lines.extend(server.addresses().iter().map(|address| format!("  listens  {address}")));
    lines.extend(server.admin_addresses().iter().map(|address| format!("  admin    {}", admin_url(address))));
    lines.push(format!("  data     {data}"));
    if let Some(key) = key {
        lines.push(String::new());
        lines.push("The first operator key, with all scopes, shown this once:".into());
        lines.push(format!("  {key}"));
    }
    lines.push(String::new());
    lines.push("Try next, in other shells:".into());
    lines.push(format!("  {program} session create --data {data} --user 1 --username ada"));
    lines.push(format!("  {program} listen --data {data} --session SESSION_ID"));
    lines.push(format!("  {program} guild create --data {data} --as 1 Tea"));
    lines.push(String::new());
    lines.push(String::new());
    lines.join("\n")
}

fn admin_url(address: &Address) -> String {
    match address {
        Address::Tcp(address) => format!("http://{address}/metrics"),
        Address::Unix(_) => address.to_string(),
    }
}

/// How the user called this program, so that the lines to try can be copied.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "sanmon".into())
}

/// Each connection is an open file, and most systems start programs with a low limit that they may raise themselves.
fn raise_file_limit(config: &Config) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        warn!("the limit of open files could not be raised");
    }
    let wanted = files_of(config);
    let limit = getrlimit(Resource::Nofile).current.or(current);
    if limit.is_some_and(|limit| limit < wanted) {
        warn!(
            limit,
            wanted, "the limit of open files is below what max_connections and max_http_connections may need together"
        );
    }
}

/// How many files the server may come to have open.
fn files_of(config: &Config) -> u64 {
    u64::from(config.max_connections) + u64::from(config.max_http_connections) + OTHER_FILES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_is_a_file() {
        let config = Config { max_connections: 1_000, max_http_connections: 100, ..Config::default() };
        assert_eq!(files_of(&config), 1_100 + OTHER_FILES);
    }
}
