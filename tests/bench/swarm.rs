//! A load generator, seen from the bench: connections to one server, and what is done with them.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::generator::{Answer, COMMAND, Dialect, Load, Manner, Opened, Opening, Order, Ran};
use crate::session::Session;
use crate::target::Target;

/// Longer than any order takes.
const PATIENCE: Duration = Duration::from_secs(600);
/// Milliseconds in which nothing may come until a server counts as silent; for figures, and where none are made. Presences
/// are gathered for 250.
const SILENCE: (u64, u64) = (1_200, 600);
/// Connections that are opened at once where their speed is not what is measured.
const AT_ONCE: usize = 64;

/// Connections that one load generator holds. They end with it.
pub(crate) struct Swarm {
    /// Killed when dropped.
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    target: Target,
    silence: u64,
}

impl Swarm {
    /// A load generator without connections.
    pub(crate) fn new(session: &Session, target: &Target) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::other("the load generator has no pipes");
        let orders = child.stdin.take().ok_or_else(gone)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
        Ok(Self { _child: child, orders, answers, target: target.clone(), silence: session.pick(SILENCE.0, SILENCE.1) })
    }

    /// Opens connections, one for each of these who say so who they are, beside those that are there.
    pub(crate) async fn open(&mut self, hellos: &[String], welcome: u64) -> io::Result<Opened> {
        self.open_as(hellos, welcome, AT_ONCE, Manner::Reading).await
    }

    pub(crate) async fn open_as(
        &mut self,
        hellos: &[String],
        welcome: u64,
        at_once: usize,
        manner: Manner,
    ) -> io::Result<Opened> {
        let opening = Opening {
            address: self.target.address,
            authority: self.target.authority.clone(),
            hellos: hellos.to_vec(),
            welcome,
            at_once,
            dialect: self.target.dialect,
            manner,
        };
        match self.order(&Order::Open(opening)).await? {
            Answer::Opened(opened) => Ok(opened),
            other => Err(io::Error::other(format!("instead of connections: {other:?}"))),
        }
    }

    /// Waits until nothing comes any more.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        match self.order(&Order::Settle { millis: self.silence }).await? {
            Answer::Settled => Ok(()),
            other => Err(io::Error::other(format!("instead of silence: {other:?}"))),
        }
    }

    /// Publishes, and counts what arrives.
    pub(crate) async fn run(&mut self, load: Load) -> io::Result<Ran> {
        match self.order(&Order::Run(load)).await? {
            Answer::Ran(ran) => Ok(ran),
            other => Err(io::Error::other(format!("instead of figures: {other:?}"))),
        }
    }

    async fn order(&mut self, order: &Order) -> io::Result<Answer> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await?;
        self.orders.flush().await?;
        let answer = timeout(PATIENCE, self.answers.next_line()).await?;
        let answer = answer?.ok_or_else(|| io::Error::other("the load generator has ended"))?;
        match serde_json::from_str(&answer)? {
            Answer::Failed(why) => {
                let name = self.target.name;
                Err(io::Error::other(format!("{name}: {why}")))
            }
            answer => Ok(answer),
        }
    }
}

/// What readers of a server without sessions say.
pub(crate) fn strangers(dialect: Dialect, count: usize) -> Vec<String> {
    let hello = match dialect {
        Dialect::Nats => format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {} 1\r\nPING\r\n",
            crate::generator::SUBJECT
        ),
        Dialect::Sanmon | Dialect::Socket => String::new(),
    };
    vec![hello; count]
}
