//! The driver of core's client: it does what the machine says, with the browser's means.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use sanmon_core::codec::Message;
use sanmon_core::gateway::{Client, ClientOptions, ClientOutput, ClientState, Close, Kind};
use sanmon_core::time::Moment;
use wasm_bindgen::JsValue;

use crate::envelope::{Delivery, Reader, reason_in};
use crate::failure::Failure;
use crate::host::Host;
use crate::socket::Socket;
use crate::timer::{Timer, now};

/// One client with its socket and its timer.
///
/// Every entry borrows, pushes into the machine, lets go, and only then [`Self::pump`] calls JavaScript, which may enter
/// again: what that pushes is pulled by the pump that already runs, in order.
#[derive(Debug)]
pub(crate) struct Driver {
    this: Weak<Self>,
    host: Host,
    reader: Reader,
    client: RefCell<Client<Delivery>>,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<Timer>,
    pumping: Cell<bool>,
    /// The WebSocket has opened: a close is no failure to connect.
    opened: Cell<bool>,
}

impl Driver {
    /// A driver that waits for [`Self::start`].
    pub(crate) fn new(host: Host, reader: Reader, options: ClientOptions) -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            host,
            reader,
            client: RefCell::new(Client::new(now(), options, (js_sys::Math::random() * (1_u64 << 53) as f64) as u64)),
            socket: RefCell::default(),
            timer: RefCell::new(Timer::new({
                let driver = this.clone();
                move || {
                    if let Some(driver) = driver.upgrade() {
                        driver.on_timer();
                    }
                }
            })),
            pumping: Cell::new(false),
            opened: Cell::new(false),
        })
    }

    /// Sets out.
    pub(crate) fn start(&self) {
        self.pump();
    }

    /// Pushes one input into the machine and does what follows from it.
    pub(crate) fn push(&self, input: impl FnOnce(&mut Client<Delivery>, Moment)) {
        input(&mut self.client.borrow_mut(), now());
        self.pump();
    }

    /// Tells of a failure and then pushes what the machine makes of it.
    pub(crate) fn fail(&self, failure: Failure, input: impl FnOnce(&mut Client<Delivery>, Moment)) {
        failure.tell(&self.host);
        self.push(input);
    }

    /// Up to where the page has everything.
    pub(crate) fn position(&self) -> Option<u64> {
        self.client.borrow().position().map(sanmon_core::event::Seq::as_u64)
    }

    /// Sends a PING with this number over the socket; whether there is one to send it over.
    pub(crate) fn ping(&self, token: &str) -> bool {
        let ping = [r#"{"t":"PING","d":"#, token, "}"].concat();
        self.socket.borrow().as_ref().is_some_and(|socket| self.opened.get() && socket.send_text(&ping).is_ok())
    }

    pub(crate) fn on_open(&self) {
        self.opened.set(true);
        self.push(Client::handle_opened);
    }

    pub(crate) fn on_message(&self, data: &JsValue) {
        match self.reader.read(&self.host, data) {
            Ok(incoming) => {
                if let (Kind::Pong, Some(token)) = (&incoming.kind, incoming.payload.event.number()) {
                    self.host.pong(token);
                }
                self.push(|client, now| client.handle_incoming(now, incoming));
            }
            Err(unreadable) => {
                self.fail(Failure::new("message", unreadable.as_str()), Client::handle_fault);
            }
        }
    }

    pub(crate) fn on_close(&self, code: u16, reason: &str) {
        self.socket.take();
        let reason = reason_in(reason);
        let failure = match (code, self.opened.get()) {
            (1006, false) => Failure::new("closed", "no connection could be made"),
            _ => Failure::closed(code, &reason),
        };
        let push = |client: &mut Client<Delivery>, now| client.handle_closed_because(now, Some(code), reason);
        // A close after which the client ends is told with its end.
        match failure.is_final() {
            true => self.push(push),
            false => self.fail(failure, push),
        }
    }

    fn on_timer(&self) {
        self.timer.borrow_mut().fired();
        self.push(Client::handle_timeout);
    }

    /// Does all that the machine wants, one thing after the other.
    fn pump(&self) {
        if self.pumping.replace(true) {
            return;
        }
        loop {
            let output = self.client.borrow_mut().poll_output();
            match output {
                Some(output) => self.perform(output),
                None => break,
            }
        }
        self.pumping.set(false);
        let deadline = self.client.borrow().deadline();
        self.timer.borrow_mut().at_the_latest(deadline);
    }

    fn perform(&self, output: ClientOutput<Delivery>) {
        match output {
            ClientOutput::Discover => self.host.discover(),
            ClientOutput::Connect { url } => self.connect(&url),
            ClientOutput::NeedSession => self.host.identify(),
            ClientOutput::Send(message) => self.send(&message),
            ClientOutput::Event(Delivery { event, source }) => self.host.event(&event, source.is_top()),
            // The READY that follows says it to the page.
            ClientOutput::Reset => {}
            ClientOutput::State(state) => self.tell(state),
            ClientOutput::Close(close) => self.close(&close),
            ClientOutput::Ended(reason) => {
                self.socket.take();
                if let Some(failure) = Failure::ended(&reason) {
                    failure.tell(&self.host);
                }
                self.host.state("ended", None);
                self.host.ended();
            }
        }
    }

    fn connect(&self, url: &str) {
        self.opened.set(false);
        match Socket::open(url, &self.this) {
            Ok(socket) => {
                self.socket.replace(Some(socket));
            }
            Err(error) => {
                // The same page will not be allowed the same address later.
                let why = String::from(js_sys::Error::from(error).message());
                Failure::final_one("unsupported", ["no WebSocket to ", url, ": ", &why].concat()).tell(&self.host);
                self.push(Client::handle_stop);
            }
        }
    }

    fn send(&self, message: &Message) {
        if let Some(socket) = &*self.socket.borrow() {
            // What can't be sent is followed by a close.
            let _ = match message {
                Message::Text(text) => std::str::from_utf8(text).map_or(Ok(()), |text| socket.send_text(text)),
                Message::Binary(bytes) => socket.send_binary(bytes),
            };
        }
    }

    fn close(&self, close: &Close) {
        if let Some(socket) = self.socket.take() {
            socket.close(close);
        }
        if close.code != 1000 {
            Failure::gave_up(close).tell(&self.host);
        }
    }

    fn tell(&self, state: ClientState) {
        let (name, ms) = match state {
            ClientState::Waiting { ms } => ("waiting", Some(ms as f64)),
            ClientState::Discovering => ("discovering", None),
            ClientState::Connecting => ("connecting", None),
            ClientState::Identifying => ("identifying", None),
            ClientState::Initialising => ("initialising", None),
            ClientState::Live => ("live", None),
            // Told with its reason, which comes next.
            ClientState::Ended => return,
        };
        self.host.state(name, ms);
    }
}

/// How long the server's `Retry-After` says to stay away, where it is in seconds.
pub(crate) fn retry_after(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}
