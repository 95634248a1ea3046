//! The load generator, a process of its own for each server: it opens connections, publishes, and counts what comes back.
//!
//! One thread waits for all sockets at once and looks at headers of frames only, so that it costs little. A process of its
//! own has its own bound on open files, so that all servers can have their thousands of connections at the same time.

mod frames;
mod order;
mod publisher;
mod reader;

use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub(crate) use self::order::{Answer, Dialect, Load, Manner, Opened, Opening, Order, Pick, Quantiles, Ran, Request};
use self::publisher::Publisher;
pub(crate) use self::publisher::SUBJECT;
use self::reader::{Progress, Reader};
use crate::process;

/// The word by which this program knows that it is the load generator.
pub(crate) const COMMAND: &str = "generator";
const ORDERS: Token = Token(usize::MAX);
/// The first publisher's token; readers have smaller ones.
const PUBLISHERS: usize = 1 << 32;
/// How long anything may take that does not take long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long sockets are waited for before the clock is looked at again.
const LONGEST_TURN: Duration = Duration::from_millis(20);
/// Connections that publish, at most.
const MOST_PUBLISHERS: u64 = 64;

/// Follows orders until there are no more.
///
/// # Errors
/// The system's, when it gives no poll; whatever else fails is answered.
pub(crate) fn run() -> io::Result<()> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), ORDERS)?;
    let (sender, orders) = sync_channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() || waker.wake().is_err() {
                return;
            }
        }
        drop(sender);
        let _ = waker.wake();
    });
    let mut generator = Generator::new(poll);
    while let Some(order) = generator.next_order(&orders)? {
        let answer = match serde_json::from_str(&order).map_err(io::Error::other) {
            Ok(Order::Open(opening)) => generator.open(&opening).map(Answer::Opened),
            Ok(Order::Settle { millis }) => generator.settle(Duration::from_millis(millis)).map(|()| Answer::Settled),
            Ok(Order::Run(load)) => generator.publish(&load).map(Answer::Ran),
            Err(error) => Err(error),
        };
        let answer = answer.unwrap_or_else(|error| Answer::Failed(error.to_string()));
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, &answer)?;
        stdout.write_all(b"\n")?;
        stdout.flush()?;
    }
    Ok(())
}

struct Generator {
    poll: Poll,
    events: Events,
    readers: Vec<Reader>,
    publishers: Vec<Publisher>,
    address: Option<SocketAddr>,
    dialect: Dialect,
    buffer: Vec<u8>,
    /// When something last came.
    arrived: Instant,
    opened: Vec<u32>,
    measured: Measured,
}

/// What is counted while events are published.
#[derive(Default)]
struct Measured {
    /// Messages of all readers, or bytes of them where one frame holds several.
    count: u64,
    /// By reader, the messages that it had at the beginning.
    bases: Vec<u64>,
    /// When each event was sent.
    sent: Vec<Instant>,
    /// By event, how many readers do not have it yet; only where all readers hear all events.
    missing: Vec<u32>,
    /// Events that everyone has.
    over: u64,
    complete: Vec<u32>,
    received: Vec<u32>,
    answered: Vec<u32>,
}

impl Generator {
    fn new(poll: Poll) -> Self {
        Self {
            poll,
            events: Events::with_capacity(1024),
            readers: Vec::new(),
            publishers: Vec::new(),
            address: None,
            dialect: Dialect::Sanmon,
            buffer: vec![0; 256 << 10],
            arrived: Instant::now(),
            opened: Vec::new(),
            measured: Measured::default(),
        }
    }

    /// Reads until there is an order; none comes once the bench has ended.
    fn next_order(&mut self, orders: &Receiver<String>) -> io::Result<Option<String>> {
        loop {
            match orders.try_recv() {
                Ok(order) => return Ok(Some(order)),
                Err(TryRecvError::Disconnected) => return Ok(None),
                Err(TryRecvError::Empty) => self.turn(None)?,
            }
        }
    }

    fn open(&mut self, opening: &Opening) -> io::Result<Opened> {
        let tls = opening.authority.as_deref().map(trusting).transpose()?;
        (self.address, self.dialect) = (Some(opening.address), opening.dialect);
        let (start, first) = (Instant::now(), self.readers.len());
        self.opened.clear();
        while self.opened.len() < opening.hellos.len() {
            let begun = self.readers.len() - first;
            let room = opening.at_once.saturating_sub(begun - self.opened.len());
            for hello in opening.hellos[begun..].iter().take(room) {
                let token = Token(self.readers.len());
                self.readers.push(Reader::start(opening, hello, tls.as_ref(), self.poll.registry(), token)?);
            }
            let before = self.opened.len();
            self.turn(Some(Duration::from_secs(1)))?;
            if start.elapsed() > PATIENCE * 4 && self.opened.len() == before {
                let (open, all) = (self.opened.len(), opening.hellos.len());
                return Err(io::Error::other(format!("only {open} of {all} connections could be opened")));
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        if opening.manner == Manner::Stopped {
            for reader in &mut self.readers[first..] {
                reader.deregister(self.poll.registry())?;
            }
        }
        Ok(Opened { seconds, each: Quantiles::of(std::mem::take(&mut self.opened)) })
    }

    fn settle(&mut self, time: Duration) -> io::Result<()> {
        let start = Instant::now();
        self.arrived = start;
        while self.arrived.elapsed() < time {
            if start.elapsed() > PATIENCE * 2 {
                return Err(io::Error::other("events came that nobody had published"));
            }
            self.turn(Some(time.saturating_sub(self.arrived.elapsed())))?;
        }
        Ok(())
    }

    fn publish(&mut self, load: &Load) -> io::Result<Ran> {
        let requests = publisher::requests(load, self.dialect);
        let least = load.requests.iter().map(|one| one.events).min().unwrap_or(1).max(1);
        self.ready_publishers((load.in_flight / least).min(MOST_PUBLISHERS) as usize)?;
        // What one delivery adds to the count.
        let unit = match (self.dialect, load.requests.first()) {
            (Dialect::Nats, Some(one)) => {
                format!("MSG {SUBJECT} 1 {}\r\n{}\r\n", one.body.len(), one.body).len() as u64
            }
            _ => 1,
        };
        let is_for_all = |one: &Request| one.deliveries == one.events * self.readers.len() as u64;
        let is_heard_by_all =
            self.dialect != Dialect::Nats && !self.readers.is_empty() && load.requests.iter().all(is_for_all);
        let bases = match is_heard_by_all {
            true => self.readers.iter().map(|reader| reader.frames.messages).collect(),
            false => Vec::new(),
        };
        self.measured = Measured { bases, ..Measured::default() };
        let (mut expected, mut random) = (VecDeque::new(), 0x9E37_79B9_7F4A_7C15_u64);
        let (mut events, mut deliveries, mut sent) = (0, 0, 0_u32);
        let (server, own) = (process::cpu(load.pid)?, process::cpu(std::process::id())?);
        let (start, time) = (Instant::now(), Duration::from_millis(load.millis));
        loop {
            let elapsed = start.elapsed();
            let is_time = elapsed < time;
            if elapsed > time + PATIENCE {
                let missing = deliveries - self.measured.count / unit;
                return Err(io::Error::other(format!("{missing} of {deliveries} deliveries never came")));
            }
            let due = load.pace.map(|pace| Duration::from_micros(pace) * sent);
            let room = load.in_flight - (events - self.measured.over);
            let may_send = is_time && due.is_none_or(|due| due <= elapsed);
            if may_send
                && let Some(index) = pick(load, room, &mut random)
                && let Some(publisher) = self.publishers.iter_mut().find(|publisher| publisher.is_free())
            {
                let (asks, is) = (&load.requests[index], due.map_or_else(Instant::now, |due| start + due));
                self.measured.sent.extend(std::iter::repeat_n(is, asks.events as usize));
                (events, deliveries) = (events + asks.events, deliveries + asks.deliveries);
                if is_heard_by_all {
                    self.measured.missing.resize(events as usize, self.readers.len() as u32);
                } else {
                    expected.push_back((deliveries * unit, asks.events, is));
                }
                publisher.send(&requests[index], is)?;
                sent += 1;
                continue;
            }
            let is_answered = self.publishers.iter().all(Publisher::is_free);
            if !is_time && self.measured.over == events && is_answered {
                break;
            }
            let until_due = due.filter(|due| is_time && *due > elapsed).map(|due| due - elapsed);
            if expected.front().is_none_or(|(count, ..)| *count > self.measured.count) {
                self.turn(Some(until_due.unwrap_or(LONGEST_TURN).min(LONGEST_TURN)))?;
            }
            while let Some((_, events, is)) = expected.pop_front_if(|(count, ..)| *count <= self.measured.count) {
                self.measured.complete.push(micros(is.elapsed()));
                self.measured.over += events;
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        // A server may close what is silent until the next run.
        self.publishers.clear();
        let (server, own) = (process::cpu(load.pid)? - server, process::cpu(std::process::id())? - own);
        let measured = std::mem::take(&mut self.measured);
        Ok(Ran {
            seconds,
            events,
            deliveries: measured.count / unit,
            server_cpu: server.as_secs_f64(),
            generator_cpu: own.as_secs_f64(),
            answered: Quantiles::of(measured.answered),
            received: Quantiles::of(measured.received),
            complete: Quantiles::of(measured.complete),
        })
    }

    fn ready_publishers(&mut self, wanted: usize) -> io::Result<()> {
        let Some(address) = self.address else { return Err(io::Error::other("no connection was opened")) };
        // Where nothing is answered, one takes all requests.
        let wanted = if self.dialect == Dialect::Sanmon { wanted } else { 1 };
        while self.publishers.len() < wanted {
            let token = Token(PUBLISHERS + self.publishers.len());
            self.publishers.push(Publisher::open(address, self.dialect, self.poll.registry(), token)?);
        }
        Ok(())
    }

    /// Waits for sockets, and serves each that has something.
    fn turn(&mut self, time: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, time) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            match event.token() {
                ORDERS => {}
                Token(token) if token >= PUBLISHERS => {
                    let answered = self.publishers[token - PUBLISHERS].advance(&mut self.buffer)?;
                    self.measured.answered.extend(answered.map(micros));
                }
                Token(index) => {
                    let reader = &mut self.readers[index];
                    let (messages, payload) = (reader.frames.messages, reader.frames.payload);
                    if let Progress::Opened(time) = reader.advance(&mut self.buffer)? {
                        self.opened.push(micros(time));
                    }
                    let now = Instant::now();
                    let frames = &reader.frames;
                    if frames.payload > payload {
                        self.arrived = now;
                    }
                    let measured = &mut self.measured;
                    measured.count += match self.dialect {
                        Dialect::Nats => frames.payload - payload,
                        Dialect::Sanmon | Dialect::Socket => frames.messages - messages,
                    };
                    if let Some(base) = measured.bases.get_mut(index) {
                        // What comes while nothing is awaited was not published here: a presence, say.
                        let (from, heard) = ((messages - *base) as usize, (frames.messages - *base) as usize);
                        let to = heard.min(measured.sent.len());
                        *base += (heard - to) as u64;
                        for event in from..to {
                            let took = micros(now.saturating_duration_since(measured.sent[event]));
                            measured.received.push(took);
                            measured.missing[event] -= 1;
                            if measured.missing[event] == 0 {
                                measured.over += 1;
                                measured.complete.push(took);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn micros(time: Duration) -> u32 {
    time.as_micros().try_into().unwrap_or(u32::MAX)
}

/// The request that is sent next, if there is room for it.
fn pick(load: &Load, room: u64, random: &mut u64) -> Option<usize> {
    let fits = |index: &usize| load.requests[*index].events <= room;
    match load.pick {
        Pick::Fitting => (0..load.requests.len()).rev().find(fits),
        Pick::Random => {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Some((*random >> 33) as usize % load.requests.len()).filter(fits)
        }
    }
}

/// What trusts one authority alone.
fn trusting(pem: &str) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
    roots.add(authority).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(Arc::new(versions.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth()))
}
