//! Thousands of real clients at little cost: one thread, bare sockets, each client with its position, its reconnects, and what
//! it has seen.

mod client;
mod link;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use self::client::Client;
pub use self::client::{Note, Record, Return};
use super::crowd::Crowd;
use super::ledger::Reading;
use crate::{PATIENCE, Server};

/// How often the thread looks for orders and for clients whose time has come.
const TICK: Duration = Duration::from_millis(5);

/// A swarm at work; ends with its connections when dropped.
#[derive(Debug)]
pub struct Swarm {
    board: Arc<Board>,
    orders: Sender<Order>,
    thread: Option<JoinHandle<Vec<Record>>>,
    clients: usize,
    /// Marks that are to have come.
    marked: AtomicU64,
}

/// What can be read of a swarm while it works.
#[derive(Debug, Default)]
pub struct Board {
    /// Clients that are live.
    pub live: AtomicUsize,
    /// Answers RESUMED.
    pub resumed: AtomicU64,
    /// Answers READY.
    pub fresh: AtomicU64,
    /// Numbered events that came.
    pub numbers: AtomicU64,
    /// Marks that came.
    pub marks: AtomicU64,
    /// Users that were shown as offline, once for each client who heard it.
    pub offline: AtomicU64,
    /// Clients that have read as much as they may, and stopped.
    pub held: AtomicUsize,
    /// Close frames that came.
    pub closed: AtomicU64,
    /// Clients that were told something they stop for.
    pub ended: AtomicUsize,
}

/// What a swarm is told.
#[derive(Debug)]
enum Order {
    /// Cut these connections, without a word.
    Cut(Vec<usize>),
    /// Cut all connections, and stay away until told otherwise.
    Leave,
    /// Come back.
    Return,
    /// From the next connection on, read so many bytes of each and then nothing.
    Hold(usize),
    /// Read on.
    Release,
}

impl Swarm {
    /// Connects a client for each user of the crowd.
    pub fn connect(server: &Server, crowd: &Crowd, manner: Return) -> Self {
        let swarm = Self::asleep(server.address(), crowd, manner);
        swarm.come_back();
        swarm
    }

    /// The same over several servers: as many clients begin at each, and whoever loses one goes to another.
    pub fn connect_among(servers: &[Server], crowd: &Crowd, manner: Return) -> Self {
        let swarm = Self::asleep_among(servers.iter().map(Server::address).collect(), crowd, manner);
        swarm.come_back();
        swarm
    }

    /// A client for each user of the crowd, at some address such as a proxy's, who connect with [`Self::come_back`].
    pub fn asleep(address: SocketAddr, crowd: &Crowd, manner: Return) -> Self {
        Self::asleep_among(vec![address], crowd, manner)
    }

    fn asleep_among(addresses: Vec<SocketAddr>, crowd: &Crowd, manner: Return) -> Self {
        let clients = crowd.users.iter().enumerate().map(|(index, user)| {
            // Some in the other encoding, which has to be as good.
            let encoding = if index % 5 == 4 { "zlib" } else { "json" };
            Client::new(user.session_id.clone(), encoding, manner, index as u64)
        });
        let (orders, inbox) = channel();
        let board = Arc::<Board>::default();
        let worker = Worker {
            poll: Poll::new().expect("a poll"),
            addresses,
            clients: clients.collect(),
            board: Arc::clone(&board),
            inbox,
            is_away: true,
            hold: None,
        };
        let thread = std::thread::spawn(move || worker.run());
        Self { board, orders, thread: Some(thread), clients: crowd.users.len(), marked: AtomicU64::new(0) }
    }

    /// What can be read of it.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// How many clients are live.
    pub fn live(&self) -> usize {
        self.board.live.load(Ordering::Relaxed)
    }

    /// Waits until so many are live; fails the test with `what` when it takes too long.
    pub async fn until_live(&self, count: usize, what: &str) {
        self.until(what, |board| board.live.load(Ordering::Relaxed) >= count).await;
    }

    /// Waits until the board shows something.
    pub async fn until(&self, what: &str, shows: impl Fn(&Board) -> bool) {
        let start = Instant::now();
        while !shows(&self.board) {
            assert!(start.elapsed() < PATIENCE * 2, "waited {:?} for {what}: {:?}", start.elapsed(), self.board);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until all clients have everything that was published so far: publishes a last event and waits until all have it.
    pub async fn settle(&self, server: &Server) {
        server.publish(serde_json::json!({ "to": "everyone", "t": "MARK" })).await;
        let due = self.marked.fetch_add(self.clients as u64, Ordering::Relaxed) + self.clients as u64;
        self.until("everyone to have everything", |board| board.marks.load(Ordering::Relaxed) >= due).await;
    }

    /// How often clients arrived so far, by RESUMED or by READY.
    pub fn arrivals(&self) -> u64 {
        self.board.resumed.load(Ordering::Relaxed) + self.board.fresh.load(Ordering::Relaxed)
    }

    /// Cuts connections by their clients' indexes.
    pub fn cut(&self, clients: Vec<usize>) {
        self.order(Order::Cut(clients));
    }

    /// Cuts all connections; nobody comes back until [`Self::come_back`].
    pub fn leave(&self) {
        self.order(Order::Leave);
    }

    /// Lets everyone come back.
    pub fn come_back(&self) {
        self.order(Order::Return);
    }

    /// From the next connection on, each client reads so many bytes of it and stops until [`Self::release`].
    pub fn hold_after(&self, bytes: usize) {
        self.order(Order::Hold(bytes));
    }

    /// Lets everyone read on.
    pub fn release(&self) {
        self.order(Order::Release);
    }

    /// Ends all connections: what each client has seen.
    pub fn stop(mut self) -> Vec<Record> {
        let (closed, _) = channel();
        drop(std::mem::replace(&mut self.orders, closed));
        self.thread.take().map(JoinHandle::join).expect("a thread").expect("the swarm did not panic")
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("the swarm is at work");
    }
}

/// What the audit needs of records, in the crowd's order.
pub fn readings(records: &[Record], crowd: &Crowd) -> Vec<Reading> {
    let reading = |(index, record): (usize, &Record)| Reading {
        guild: crowd.guild_of(index),
        since: record.since.unwrap_or(u64::MAX),
        seen: record.seen.clone(),
    };
    records.iter().enumerate().map(reading).collect()
}

struct Worker {
    poll: Poll,
    addresses: Vec<SocketAddr>,
    clients: Vec<Client>,
    board: Arc<Board>,
    inbox: Receiver<Order>,
    is_away: bool,
    hold: Option<usize>,
}

impl Worker {
    fn run(mut self) -> Vec<Record> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match self.poll.poll(&mut events, Some(TICK)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => panic!("the swarm can't poll: {error}"),
                _ => {}
            }
            for event in &events {
                let client = &mut self.clients[event.token().0];
                client.on_ready(event.is_writable(), &mut buffer, &self.board);
            }
            loop {
                match self.inbox.try_recv() {
                    Ok(order) => self.obey(order, &mut buffer),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        return self.clients.into_iter().map(Client::into_record).collect();
                    }
                }
            }
            if !self.is_away {
                let now = Instant::now();
                for (index, client) in self.clients.iter_mut().enumerate() {
                    client.connect_if_due(
                        now,
                        &self.addresses,
                        self.poll.registry(),
                        Token(index),
                        self.hold,
                        &self.board,
                    );
                }
            }
        }
    }

    fn obey(&mut self, order: Order, buffer: &mut [u8]) {
        match order {
            Order::Cut(indexes) => indexes.into_iter().for_each(|index| self.clients[index].cut(&self.board)),
            Order::Leave => {
                self.is_away = true;
                self.clients.iter_mut().for_each(|client| client.cut(&self.board));
            }
            Order::Return => self.is_away = false,
            Order::Hold(bytes) => self.hold = Some(bytes),
            Order::Release => {
                self.hold = None;
                self.clients.iter_mut().for_each(|client| client.release(buffer, &self.board));
            }
        }
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        let (closed, _) = channel();
        drop(std::mem::replace(&mut self.orders, closed));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
