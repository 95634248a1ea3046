//! Many WebSocket connections at little cost: bare sockets, frames counted and not read.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use harness::{Opcode, RawFrame, Server};
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};

use crate::http::Http;

/// Requests that make users at the same time.
const MINTERS: usize = 32;
/// Threads that open connections at the same time.
const OPENERS: usize = 8;

/// Makes users; returns their ids and what they identify with.
pub(crate) async fn mint(server: &Server, count: usize) -> io::Result<Vec<(u64, String)>> {
    let authorization = format!("Bearer {}", server.key());
    let mut tasks = Vec::new();
    for part in 0..MINTERS {
        let mut http = Http::connect(server.address(), &authorization).await?;
        tasks.push(tokio::spawn(async move {
            let mut made = Vec::new();
            for n in (part..count).step_by(MINTERS) {
                let body = json!({ "user": { "username": format!("user {n}") } }).to_string();
                let minted: Value = serde_json::from_str(&http.send("POST", "/sessions", &body).await?)?;
                let session = minted["session_id"].as_str().unwrap_or_default().to_owned();
                made.push((minted["user"]["id"].as_u64().unwrap_or_default(), session));
            }
            io::Result::Ok(made)
        }));
    }
    let mut users = Vec::new();
    for task in tasks {
        users.extend(task.await.map_err(io::Error::other)??);
    }
    Ok(users)
}

/// Opens and identifies a connection for each session; each has its READY and its GUILD_INITs.
pub(crate) fn open(address: SocketAddr, sessions: &[String], encoding: &'static str) -> io::Result<Vec<Connection>> {
    let size = sessions.len().div_ceil(OPENERS).max(1);
    let opened = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let opened = &opened;
        let openers: Vec<_> = sessions
            .chunks(size)
            .map(|sessions| {
                scope.spawn(move || {
                    let connect = |session: &String| {
                        let connection = Connection::open(address, session, encoding);
                        let count = opened.fetch_add(1, Ordering::Relaxed) + 1;
                        if count.is_multiple_of(1_000) {
                            println!("  {count} connections");
                        }
                        connection
                    };
                    sessions.iter().map(connect).collect::<io::Result<Vec<_>>>()
                })
            })
            .collect();
        let joined =
            openers.into_iter().map(|opener| opener.join().map_err(|_| io::Error::other("an opener panicked"))?);
        Ok(joined.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    })
}

/// One connection, which knows of its incoming bytes only where the next frame begins.
pub(crate) struct Connection {
    stream: TcpStream,
    frames: FrameCounter,
}

impl Connection {
    fn open(address: SocketAddr, session: &str, encoding: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()));
        }
        let identify = json!({ "session_id": session, "encoding": encoding }).to_string();
        stream.write_all(&RawFrame::new(Opcode::Text, identify).to_bytes())?;
        // READY comes first; what follows is counted like any other frame.
        let mut connection = Self { stream, frames: FrameCounter::default() };
        let mut buffer = [0; 4096];
        while connection.frames.whole == 0 {
            match connection.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => connection.frames.push(&buffer[..read]),
            }
        }
        Ok(connection)
    }
}

/// Counts whole frames of a server, which masks nothing.
#[derive(Default)]
struct FrameCounter {
    whole: u64,
    head: Vec<u8>,
    payload_left: u64,
}

impl FrameCounter {
    fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let take = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= take;
                bytes = &bytes[take as usize..];
                self.whole += u64::from(self.payload_left == 0);
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            let length = match *self.head.as_slice() {
                [_, length @ 0..126] => u64::from(length),
                [_, 126, high, low] => u64::from(u16::from_be_bytes([high, low])),
                [_, 127, a, b, c, d, e, f, g, h] => u64::from_be_bytes([a, b, c, d, e, f, g, h]),
                _ => continue,
            };
            self.head.clear();
            self.payload_left = length;
            self.whole += u64::from(length == 0);
        }
    }
}

/// Connections that a thread reads as fast as it can.
pub(crate) struct Reader {
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Reader {
    pub(crate) fn start(connections: Vec<Connection>) -> io::Result<Self> {
        let (received, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, ended) = (Arc::clone(&received), Arc::clone(&stop));
        let thread = std::thread::spawn(move || read(connections, &counter, &ended));
        Ok(Self { received, stop, thread: Some(thread) })
    }

    /// Frames that came since the start.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Acquire)
    }

    /// Waits until nothing came for a while.
    pub(crate) async fn quiet(&self) {
        let mut last = u64::MAX;
        while last != self.received() {
            last = self.received();
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        }
    }

    /// Ends the thread and the connections.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(done)) => done,
            _ => Err(io::Error::other("the reader panicked")),
        }
    }
}

fn read(connections: Vec<Connection>, received: &AtomicU64, stop: &AtomicBool) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut readers = Vec::new();
    for (index, Connection { stream, frames }) in connections.into_iter().enumerate() {
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        readers.push((stream, FrameCounter { whole: 0, ..frames }));
    }
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 64 << 10];
    while !stop.load(Ordering::Relaxed) {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let (stream, frames) = &mut readers[event.token().0];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => {
                        eprintln!("  the server closed a connection; the reader stops");
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    Ok(length) => frames.push(&buffer[..length]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            received.fetch_add(std::mem::take(&mut frames.whole), Ordering::Release);
        }
    }
    Ok(())
}
