//! A hub over a real store, reached by real upgrades over real sockets.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use sanmon_core::audience::Audience;
use sanmon_core::codec::{Encoding, Message as CoreMessage, decode};
use sanmon_core::entry::Draft;
use sanmon_core::event::Seq;
use sanmon_core::id::Id;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::clock::Clock;
use crate::config::Config;
use crate::fields::Fields;
use crate::hub::Hub;
use crate::listen::{Io, Patience, Strict};
use crate::metrics::Metrics;
use crate::origin::Origins;
use crate::peer::{Door, Peer, Transport};
use crate::store::Store;
use crate::store::guilds::{self, Caps};
use crate::store::sessions::{self, Minted, NewSession};
use crate::upgrade::Gatekeeper;

/// Longer than anything in a test takes; what waits for something waits so long at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that each end of a connection buffers: the system's own choice may grow to many MiB.
const BUFFER: u32 = 1 << 18;

pub(super) struct Bench {
    pub(super) hub: Hub,
    pub(super) store: Store,
    pub(super) metrics: Arc<Metrics>,
    pub(super) gatekeeper: Gatekeeper,
    pub(super) config: Config,
    _folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        // One user identifies as often as a test likes; tests/limits.rs asks how often they may.
        Self::with(Config { hub_threads: 2, max_identifies_per_second: 10_000, ..Config::default() }).await
    }

    pub(super) async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().join("data"), ..config };
        let (clock, metrics) = (Clock::start(), Arc::new(Metrics::new()));
        let hub = Hub::start(&config, clock, metrics.clone()).unwrap();
        let told = hub.clone();
        let store = Store::open(&config, clock, Arc::new(move |entries| told.publish(entries))).await.unwrap();
        let url = "ws://127.0.0.1:1/gateway".to_owned();
        let gatekeeper = Gatekeeper { origins: Origins::new(&config, &url), trusted_proxies: vec![] };
        hub.attach(store.clone(), url, None).await.unwrap();
        Self { hub, store, metrics, gatekeeper, config, _folder: folder }
    }

    /// A new hub over the same store, as after a restart. It does not hear what the store commits.
    pub(super) async fn restart_hub(&mut self) {
        self.hub = Hub::start(&self.config, Clock::start(), self.metrics.clone()).unwrap();
        self.hub.attach(self.store.clone(), "ws://127.0.0.1:1/gateway".to_owned(), None).await.unwrap();
    }

    /// Waits until no connection is left.
    pub(super) async fn emptied(&self) {
        timeout(PATIENCE, self.hub.shared.admission.emptied()).await.expect("all connections end");
    }

    /// A user's new session.
    pub(super) async fn session(&self, user: u64) -> Minted {
        let fields = Fields::parse(&format!(r#"{{"username":"user {user}"}}"#)).unwrap();
        let new = NewSession { id: Some(id(user)), user: fields, expires_in: None };
        sessions::create(&self.store, new).await.unwrap()
    }

    /// A new guild of this user.
    pub(super) async fn guild(&self, owner: u64, guild: u64) {
        let fields = Fields::parse(r#"{"name":"a guild"}"#).unwrap();
        guilds::create(&self.store, Caps::of(&self.config), id(owner), Some(id(guild)), fields).await.unwrap();
    }

    pub(super) async fn publish(&self, audience: Audience, json: &str) -> Seq {
        self.store.publish(vec![draft(audience, json)], None).await.unwrap()[0]
    }

    /// Waits until this holds.
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let waited = async {
            while !holds() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{what}"));
    }

    /// A loopback connection: the client's end, and the server's. What it holds is less than what tests send to fill it.
    pub(super) async fn tcp() -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(BUFFER).unwrap();
        let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, address) = listener.accept().await.unwrap();
        socket2::SockRef::from(&server).set_send_buffer_size(BUFFER as usize).unwrap();
        (client, server, address)
    }

    /// Serves HTTP on the server's end of a connection until it is upgraded or ends.
    pub(super) fn serve(&self, io: Io, address: Option<IpAddr>) {
        let transport = if matches!(io, Io::Tls(_)) { Transport::Tls } else { Transport::Plain };
        let peer = Peer { address, door: Door::Public, transport };
        let (hub, gatekeeper) = (self.hub.clone(), self.gatekeeper.clone());
        let service = service_fn(move |mut request: http::Request<Incoming>| {
            let upgrade = request.extensions_mut().remove::<OnUpgrade>();
            let response = gatekeeper.answer(&hub, request.headers(), &peer, upgrade);
            std::future::ready(Ok::<_, std::convert::Infallible>(response))
        });
        tokio::spawn(async move {
            let _ = Builder::new()
                .serve_connection(TokioIo::new(Strict::new(Patience::new(io, PATIENCE))), service)
                .with_upgrades()
                .await;
        });
    }

    /// A client that is connected and has said nothing.
    pub(super) async fn connect(&self) -> Client<TcpStream> {
        let (client, server, address) = Self::tcp().await;
        self.serve(Io::Tcp(server), Some(address.ip()));
        Client::upgrade(client, None).await.unwrap()
    }

    /// A client that has had READY and its GUILD_INITs, and its position.
    pub(super) async fn identified(&self, session: &Minted) -> (Client<TcpStream>, u64) {
        let mut client = self.connect().await;
        client.identify(&session.session_id, "json", None).await;
        let ready = client.event("READY").await;
        for _ in 0..ready["d"]["guilds"].as_u64().unwrap() {
            client.event("GUILD_INIT").await;
        }
        (client, ready["s"].as_u64().unwrap())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.hub.stop();
    }
}

/// The other end, by another implementation of the protocol.
pub(super) struct Client<S> {
    pub(super) socket: WebSocketStream<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) async fn upgrade(stream: S, origin: Option<&str>) -> Result<Self, Error> {
        let mut request = "ws://localhost/gateway".into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let (socket, _) = timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await.unwrap()?;
        Ok(Self { socket })
    }

    pub(super) async fn say(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.unwrap();
    }

    pub(super) async fn identify(&mut self, session_id: &str, encoding: &str, seq: Option<u64>) {
        let seq = seq.map_or(Value::Null, Value::from);
        self.say(serde_json::json!({ "session_id": session_id, "encoding": encoding, "seq": seq }).to_string()).await;
    }

    /// The next text or binary message as JSON.
    pub(super) async fn next(&mut self) -> Value {
        loop {
            let message = match self.frame().await {
                Message::Text(text) => CoreMessage::Text(text.into()),
                Message::Binary(bytes) => CoreMessage::Binary(bytes),
                Message::Ping(_) | Message::Pong(_) => continue,
                other => panic!("instead of an event: {other:?}"),
            };
            let text = decode(&message, Encoding::Zlib, 1 << 24).unwrap();
            return serde_json::from_str(&text).unwrap();
        }
    }

    /// The next event, whose name has to be this one. Presences, which come when they come, are passed over.
    pub(super) async fn event(&mut self, t: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["t"] == "PRESENCE_UPDATE" && t != "PRESENCE_UPDATE" {
                continue;
            }
            assert_eq!(event["t"], t, "{event}");
            return event;
        }
    }

    /// The code and reason with which the connection ends; events before are passed over.
    pub(super) async fn end(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(close) = self.frame().await {
                let close = close.expect("a close with a code");
                return (close.code.into(), close.reason.to_string());
            }
        }
    }

    pub(super) async fn frame(&mut self) -> Message {
        timeout(PATIENCE, self.socket.next()).await.expect("something in time").expect("an open connection").unwrap()
    }
}

pub(super) fn draft(audience: Audience, json: &str) -> Draft {
    Draft::new(json.parse().unwrap(), audience)
}

pub(super) fn id(number: u64) -> Id {
    Id::new(number).unwrap()
}
