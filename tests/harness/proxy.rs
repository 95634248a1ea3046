//! A network that a test may stall and cut: a TCP proxy in front of a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It carries bytes.
    Fair,
    /// It carries nothing, and nobody is told.
    Stalled,
    /// It resets every connection that there is; new ones too.
    Down,
}

/// A proxy; ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Leads to a server.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let weather = Arc::new(watch::Sender::new(Weather::Fair));
        let seen = Arc::clone(&weather);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, seen.subscribe()));
            }
        });
        Self { address, weather, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather, for connections that there are and those to come.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.weather.send_replace(Weather::Down);
    }
}

/// One connection, until an end of it or the network is gone.
async fn carry(client: TcpStream, server: SocketAddr, mut weather: watch::Receiver<Weather>) {
    // Ended by a reset, not by a proper end: without a word, and what is under way is gone.
    let _ = SockRef::from(&client).set_linger(Some(Duration::ZERO));
    let Ok(server) = TcpStream::connect(server).await else { return };
    let _ = SockRef::from(&server).set_linger(Some(Duration::ZERO));
    // What is carried leaves at once, as it does from those at the ends.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (one, other) = (weather.clone(), weather.clone());
    tokio::select! {
        () = pump(from_client, to_server, one) => {}
        () = pump(from_server, to_client, other) => {}
        _ = weather.wait_for(|weather| *weather == Weather::Down) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 8 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if weather.wait_for(|weather| *weather == Weather::Fair).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
