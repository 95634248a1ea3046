//! Moves bytes and keeps time for core's client: one task, one connection at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use sanmon_core::codec::{Encoding, Message, text_of};
use sanmon_core::event::{Envelope, Presence};
use sanmon_core::gateway::{Client, ClientOptions, ClientOutput, Close, Incoming};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message as Frame, Utf8Bytes};

use super::Update;
use super::builder::SessionSource;
use super::network::{ConnectError, Network, Transport};
use super::sleep::Sleep;
use crate::clock::Clock;

/// How long a message may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a close handshake may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often it is looked whether the machine has slept.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Updates that wait in the driver before older states give way.
const MAX_WAITING: usize = 32;

/// What the user wants of its client.
#[derive(Debug)]
pub(super) enum Command {
    Presence(Box<Presence>),
    Wake,
    Stop,
}

/// The task behind a client.
pub(super) struct Driver {
    machine: Client<Envelope>,
    clock: Clock,
    sleep: Sleep,
    network: Arc<Network>,
    session: SessionSource,
    encoding: Encoding,
    max_message_bytes: usize,
    socket: Option<WebSocketStream<Box<dyn Transport>>>,
    /// The one thing that is under way: the machine asks for one after the other, and forgets what it no longer wants.
    step: Option<BoxFuture<'static, Step>>,
    /// Updates that the user has no room for yet. The socket is not read while there are any.
    waiting: VecDeque<Update>,
    updates: mpsc::Sender<Update>,
    commands: mpsc::Receiver<Command>,
}

/// What came of what was under way.
enum Step {
    Discovered(Result<String, ConnectError>),
    Opened(Box<Result<WebSocketStream<Box<dyn Transport>>, ConnectError>>),
    Session(Option<String>),
}

/// What a turn of the loop woke up for.
enum Wake {
    Step(Step),
    Frame(Option<Result<Frame, Error>>),
    Command(Option<Command>),
    Delivered,
    Unread,
    Deadline,
    LookAround,
}

impl Driver {
    pub(super) fn new(
        options: ClientOptions,
        network: Network,
        session: SessionSource,
        max_message_bytes: usize,
        updates: mpsc::Sender<Update>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let clock = Clock::start();
        let encoding = options.encoding;
        // Without a random seed the client works as well; it only comes back at the same times as others like it.
        let seed = getrandom::u64().unwrap_or_default();
        Self {
            machine: Client::new(clock.now(), options, seed),
            clock,
            sleep: Sleep::default(),
            network: Arc::new(network),
            session,
            encoding,
            max_message_bytes,
            socket: None,
            step: None,
            waiting: VecDeque::new(),
            updates,
            commands,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.follow(output).await;
            }
            if self.machine.deadline().is_none() {
                return self.deliver_rest().await;
            }
            let wake = self.wake().await;
            if self.sleep.has_ended(self.clock.unix(), self.clock.steady()) {
                self.machine.handle_wake(self.clock.now());
            }
            match wake {
                Wake::Step(step) => self.take_step(step),
                Wake::Frame(frame) => self.take_frame(frame),
                Wake::Command(Some(Command::Presence(presence))) => {
                    self.machine.handle_presence(self.clock.now(), &presence);
                }
                Wake::Command(Some(Command::Wake)) => self.machine.handle_wake(self.clock.now()),
                // Nobody reads any more, or will ever say anything.
                Wake::Command(Some(Command::Stop) | None) | Wake::Unread => self.machine.handle_stop(self.clock.now()),
                Wake::Deadline => self.machine.handle_timeout(self.clock.now()),
                Wake::Delivered | Wake::LookAround => {}
            }
        }
    }

    async fn wake(&mut self) -> Wake {
        let deadline = self.machine.deadline().map(|moment| self.clock.instant(moment));
        let step = async {
            match &mut self.step {
                Some(step) => step.await,
                None => std::future::pending().await,
            }
        };
        let frame = async {
            match &mut self.socket {
                Some(socket) => socket.next().await,
                None => std::future::pending().await,
            }
        };
        let wake = tokio::select! {
            step = step => Wake::Step(step),
            command = self.commands.recv() => Wake::Command(command),
            permit = self.updates.reserve(), if !self.waiting.is_empty() => match permit {
                Ok(permit) => {
                    if let Some(update) = self.waiting.pop_front() {
                        permit.send(update);
                    }
                    Wake::Delivered
                }
                Err(_) => Wake::Unread,
            },
            frame = frame, if self.waiting.is_empty() => Wake::Frame(frame),
            () = async { match deadline {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            } } => Wake::Deadline,
            () = sleep(LOOK_EVERY) => Wake::LookAround,
        };
        if let Wake::Step(_) = wake {
            self.step = None;
        }
        wake
    }

    /// Does what the machine wants.
    async fn follow(&mut self, output: ClientOutput<Envelope>) {
        match output {
            ClientOutput::Discover => {
                let network = Arc::clone(&self.network);
                self.step = Some(async move { Step::Discovered(network.discover().await) }.boxed());
            }
            ClientOutput::Connect { url } => {
                let network = Arc::clone(&self.network);
                self.step = Some(async move { Step::Opened(Box::new(network.connect(&url).await)) }.boxed());
            }
            ClientOutput::NeedSession => {
                let session = self.session.ask();
                self.step = Some(async move { Step::Session(session.await) }.boxed());
            }
            ClientOutput::Send(message) => self.send(message).await,
            ClientOutput::Event(event) => self.waiting.push_back(Update::Event(event)),
            ClientOutput::Reset => self.waiting.push_back(Update::Reset),
            ClientOutput::State(state) => self.report(Update::State(state)),
            ClientOutput::Close(close) => self.close(close),
            ClientOutput::Ended(reason) => self.waiting.push_back(Update::Ended(reason)),
        }
    }

    fn take_step(&mut self, step: Step) {
        let now = self.clock.now();
        match step {
            Step::Discovered(Ok(url)) => self.machine.handle_discovered(now, url),
            Step::Discovered(Err(error)) => {
                let retry_after = match &error {
                    ConnectError::BadAnswer { retry_after, .. } => *retry_after,
                    _ => None,
                };
                self.report(Update::Trouble(error));
                self.machine.handle_discovery_failed(now, retry_after);
            }
            Step::Opened(opened) => match *opened {
                Ok(socket) => {
                    self.socket = Some(socket);
                    self.machine.handle_opened(now);
                }
                Err(error) => {
                    self.report(Update::Trouble(error));
                    self.machine.handle_closed(now, None, "");
                }
            },
            Step::Session(Some(session_id)) => self.machine.handle_session(now, &session_id),
            Step::Session(None) => self.machine.handle_session_failed(now),
        }
    }

    fn take_frame(&mut self, frame: Option<Result<Frame, Error>>) {
        let now = self.clock.now();
        match frame {
            Some(Ok(Frame::Text(text))) => self.take_message(&Message::Text(text.into())),
            Some(Ok(Frame::Binary(bytes))) => self.take_message(&Message::Binary(bytes)),
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => self.machine.handle_bytes(now),
            Some(Ok(Frame::Close(frame))) => {
                let (code, reason) = match &frame {
                    Some(frame) => (Some(frame.code.into()), frame.reason.as_str()),
                    None => (None, ""),
                };
                self.machine.handle_closed(now, code, reason);
                // The library has queued the answer, and writes it as it is polled.
                self.finish(None);
            }
            Some(Err(_)) | None => {
                self.socket = None;
                self.machine.handle_closed(now, None, "");
            }
        }
    }

    fn take_message(&mut self, message: &Message) {
        let now = self.clock.now();
        let text = text_of(message, self.encoding, self.max_message_bytes).ok();
        let envelope = text.and_then(|text| text.parse::<Envelope>().ok());
        match envelope.and_then(|envelope| Incoming::split(envelope).ok()) {
            Some(incoming) => self.machine.handle_incoming(now, incoming),
            None => self.machine.handle_fault(now),
        }
    }

    async fn send(&mut self, message: Message) {
        let Some(socket) = &mut self.socket else { return };
        let frame = match message {
            Message::Text(bytes) => match Utf8Bytes::try_from(bytes) {
                Ok(text) => Frame::Text(text),
                Err(_) => unreachable!("core's client says JSON"),
            },
            Message::Binary(bytes) => Frame::Binary(bytes),
        };
        if !matches!(timeout(WRITE_TIMEOUT, socket.send(frame)).await, Ok(Ok(()))) {
            self.socket = None;
            self.machine.handle_closed(self.clock.now(), None, "");
        }
    }

    /// Ends the connection, or whatever was to become one.
    fn close(&mut self, close: Close) {
        self.step = None;
        let code = CloseCode::from(close.code);
        self.finish(Some(CloseFrame { code, reason: close.reason.into() }));
    }

    /// Leaves the close handshake to a task of its own, within bounds: the machine has forgotten this connection.
    fn finish(&mut self, frame: Option<CloseFrame>) {
        let Some(mut socket) = self.socket.take() else { return };
        tokio::spawn(timeout(CLOSE_TIMEOUT, async move {
            if socket.close(frame).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        }));
    }

    /// Keeps what is only news while it is new: a user who does not read must not make them pile up.
    fn report(&mut self, update: Update) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.retain(|update| !matches!(update, Update::State(_) | Update::Trouble(_)));
        }
        self.waiting.push_back(update);
    }

    async fn deliver_rest(mut self) {
        while let Some(update) = self.waiting.pop_front() {
            if self.updates.send(update).await.is_err() {
                return;
            }
        }
    }
}
