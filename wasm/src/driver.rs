//! The driver of core's client: it does what the machine says, with the browser's means.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use sanmon_core::codec::Message;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{Client, ClientOptions, ClientOutput, ClientState, Close, Incoming, Kind};
use sanmon_core::time::Moment;

use crate::envelope::{Delivery, Envelope, Reader, Unreadable, incoming, reason_in};
use crate::failure::Failure;
use crate::host::Host;
use crate::socket::Socket;
use crate::timer::{Timer, moment, now};

/// One client with its socket and its timer.
///
/// Every entry borrows, pushes into the machine, lets go, and only then [`Self::pump`] calls JavaScript, which may enter
/// again: what that pushes is pulled by the pump that already runs, in order.
#[derive(Debug)]
pub(crate) struct Driver {
    this: Weak<Self>,
    host: Host,
    reader: RefCell<Reader>,
    client: RefCell<Client<Delivery>>,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<Timer>,
    pumping: Cell<bool>,
    /// The machine is live: an event has no other effect than to be delivered.
    live: Cell<bool>,
    /// When the clock was read last.
    clock: Cell<Moment>,
    /// The machine let the event through that JavaScript is handing in.
    let_through: Cell<bool>,
    /// The WebSocket has opened: a close is no failure to connect.
    opened: Cell<bool>,
}

impl Driver {
    /// A driver that waits for [`Self::start`].
    pub(crate) fn new(host: Host, reader: Reader, options: ClientOptions) -> Rc<Self> {
        Rc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            host,
            reader: RefCell::new(reader),
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
            live: Cell::new(false),
            clock: Cell::new(now()),
            let_through: Cell::new(false),
            opened: Cell::new(false),
        })
    }

    /// Sets out.
    pub(crate) fn start(&self) {
        self.pump();
    }

    /// Pushes one input into the machine and does what follows from it.
    pub(crate) fn push(&self, input: impl FnOnce(&mut Client<Delivery>, Moment)) {
        let now = self.read_clock();
        input(&mut self.client.borrow_mut(), now);
        self.pump();
    }

    /// Reads the clock, and tells the machine when it was last heard from the server: what [`Self::take`] left open.
    fn read_clock(&self) -> Moment {
        let heard = self.host.heard();
        if heard >= 0.0 {
            self.client.borrow_mut().handle_bytes(moment(heard));
        }
        self.clock.set(now());
        self.clock.get()
    }

    /// Tells of a failure and then pushes what the machine makes of it.
    pub(crate) fn fail(&self, failure: Failure, input: impl FnOnce(&mut Client<Delivery>, Moment)) {
        failure.tell(&self.host);
        self.push(input);
    }

    /// Up to where the page has everything.
    pub(crate) fn position(&self) -> Option<u64> {
        self.client.borrow().position().map(Seq::as_u64)
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

    /// An event of which the machine wants its place alone, and which JavaScript keeps: whether its listeners are to be
    /// called. `None` when the link is not live, or the driver amid something else: then the event has to be handed over.
    pub(crate) fn take(&self, s: Option<Seq>) -> Option<bool> {
        if self.pumping.get() || !self.live.get() {
            return None;
        }
        self.let_through.set(false);
        let incoming = Incoming { kind: Kind::Other, s, payload: Delivery::Current };
        self.client.borrow_mut().handle_incoming(self.clock.get(), incoming);
        self.drain();
        // No timer is set: the deadline can have moved to later only, and the one that is set asks again.
        Some(self.let_through.get())
    }

    /// An event of one of the kinds that [`crate::envelope::names`] tells apart.
    pub(crate) fn on_event(&self, event: Envelope, kind: i32, s: Option<Seq>) {
        let number = event.number();
        let Some(incoming) = incoming(event, kind, s) else { return self.on_unreadable(Unreadable::NotAnEvent) };
        if let (Kind::Pong, Some(token)) = (&incoming.kind, number) {
            self.host.pong(token);
        }
        self.push(|client, now| client.handle_incoming(now, incoming));
    }

    /// Inflates a message and hands its text to JavaScript.
    pub(crate) fn inflate(&self, bytes: &[u8]) -> Result<(), Unreadable> {
        self.reader.borrow_mut().inflate(&self.host, bytes)
    }

    /// A message came that is no event.
    pub(crate) fn on_unreadable(&self, unreadable: Unreadable) {
        self.fail(Failure::new("message", unreadable.as_str()), Client::handle_fault);
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

    /// Does all that the machine wants, one thing after the other, and sets the timer anew.
    fn pump(&self) {
        if !self.pumping.get() {
            self.drain();
            self.set_timer();
        }
    }

    fn drain(&self) {
        self.pumping.set(true);
        loop {
            let output = self.client.borrow_mut().poll_output();
            match output {
                Some(output) => self.perform(output),
                None => break,
            }
        }
        self.pumping.set(false);
    }

    fn set_timer(&self) {
        let deadline = self.client.borrow().deadline();
        self.timer.borrow_mut().at_the_latest(deadline);
    }

    fn perform(&self, output: ClientOutput<Delivery>) {
        match output {
            ClientOutput::Discover => self.host.discover(),
            ClientOutput::Connect { url } => self.connect(&url),
            ClientOutput::NeedSession => self.host.identify(),
            ClientOutput::Send(message) => self.send(&message),
            ClientOutput::Event(Delivery::Held(event)) => self.host.event(&event),
            ClientOutput::Event(Delivery::Current) => self.let_through.set(true),
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
        match Socket::open(url, &self.host.receive(), &self.this) {
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
        self.live.set(state == ClientState::Live);
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
