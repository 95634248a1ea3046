//! A WebSocket client that sees every frame and every close code.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::{Server, User, within};

/// Bytes in both directions: TCP, TLS or a unix socket.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// How events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Text frames.
    Json,
    /// Binary frames, each a zlib stream.
    Zlib,
}

/// One connection to the gateway.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Io>>,
    encoding: Encoding,
}

/// What came from the server.
#[derive(Debug)]
pub enum Frame {
    /// An event or a control frame.
    Event(Value),
    /// A pong with its payload.
    Pong(Bytes),
    /// A ping with its payload; the library answers it.
    Ping(Bytes),
    /// The end.
    Closed(Closed),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The close code; 1006 when there was no close frame.
    pub code: u16,
    /// The reason's JSON, or null.
    pub reason: Value,
}

impl Socket {
    /// Opens a connection and says nothing.
    pub async fn connect(server: &Server) -> Self {
        Self::open(server, server.request()).await
    }

    /// Opens a connection with this upgrade request.
    pub async fn open(server: &Server, request: Request) -> Self {
        Self::over(server.stream().await, request).await.expect("an upgrade")
    }

    /// Opens a connection on a stream; the error is the answer to the upgrade when it was another than 101.
    pub async fn over(
        stream: Box<dyn Io>,
        request: Request,
    ) -> Result<Self, Box<tokio_tungstenite::tungstenite::Error>> {
        let opened = within("an upgrade", tokio_tungstenite::client_async(request, stream)).await;
        opened.map(|(stream, _)| Self { stream, encoding: Encoding::Json }).map_err(Box::new)
    }

    /// Opens a connection, identifies, and takes READY and the GUILD_INITs.
    pub async fn live(server: &Server, user: &User) -> Self {
        Self::live_with(server, user, Encoding::Json).await.0
    }

    /// The same in an encoding of choice; also returns READY, then the GUILD_INITs.
    pub async fn live_with(server: &Server, user: &User, encoding: Encoding) -> (Self, Vec<Value>) {
        let mut socket = Self::connect(server).await;
        socket.identify(user, encoding, None).await;
        let ready = socket.event("READY").await;
        let count = ready["d"]["guilds"].as_u64().expect("READY counts the guilds");
        let mut frames = vec![ready];
        for _ in 0..count {
            frames.push(socket.next_event().await);
        }
        assert!(frames[1..].iter().all(|init| init["t"] == "GUILD_INIT" && init.get("s").is_none()), "{frames:?}");
        (socket, frames)
    }

    /// Sends the first frame.
    pub async fn identify(&mut self, user: &User, encoding: Encoding, seq: Option<u64>) {
        self.encoding = encoding;
        let name = match encoding {
            Encoding::Json => "json",
            Encoding::Zlib => "zlib",
        };
        let mut frame = json!({ "session_id": user.session_id, "encoding": name });
        if let Some(seq) = seq {
            frame["seq"] = seq.into();
        }
        self.send(&frame).await;
    }

    /// Sends JSON as text.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends a binary message.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.send_message(Message::binary(bytes)).await;
    }

    /// Sends any message. An error is not the sender's: what the server did about it is read afterwards.
    pub async fn send_message(&mut self, message: Message) {
        let _ = within("a send", self.stream.send(message)).await;
    }

    /// The next frame, whatever it is.
    pub async fn next(&mut self) -> Frame {
        match within("a frame", self.stream.next()).await {
            Some(Ok(Message::Text(text))) => {
                assert_eq!(self.encoding, Encoding::Json, "text for a zlib client: {text}");
                Frame::Event(parse(text.as_bytes()))
            }
            Some(Ok(Message::Binary(bytes))) => {
                assert_eq!(self.encoding, Encoding::Zlib, "binary for a json client");
                let text = miniz_oxide::inflate::decompress_to_vec_zlib(&bytes).expect("one whole zlib stream");
                Frame::Event(parse(&text))
            }
            Some(Ok(Message::Pong(payload))) => Frame::Pong(payload),
            Some(Ok(Message::Ping(payload))) => Frame::Ping(payload),
            Some(Ok(Message::Close(Some(close)))) => {
                let reason = match close.reason.as_str() {
                    "" => Value::Null,
                    reason => {
                        serde_json::from_str(reason).unwrap_or_else(|_| panic!("a reason that is no JSON: {reason}"))
                    }
                };
                Frame::Closed(Closed { code: close.code.into(), reason })
            }
            Some(Ok(Message::Close(None) | Message::Frame(_)) | Err(_)) | None => {
                Frame::Closed(Closed { code: 1006, reason: Value::Null })
            }
        }
    }

    /// The next event of any name; a close fails the test.
    pub async fn next_event(&mut self) -> Value {
        loop {
            match self.next().await {
                Frame::Event(event) => return event,
                Frame::Ping(_) | Frame::Pong(_) => {}
                Frame::Closed(closed) => panic!("closed instead of an event: {closed:?}"),
            }
        }
    }

    /// The next event of this name; others before it are dropped.
    pub async fn event(&mut self, name: &str) -> Value {
        self.event_where(name, |_| true).await
    }

    /// The next event of this name that fits.
    pub async fn event_where(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                let event = self.next_event().await;
                if event["t"] == name && fits(&event) {
                    return event;
                }
            }
        };
        within(name, found).await
    }

    /// How the server closed; events before that are dropped.
    pub async fn closed(&mut self) -> Closed {
        let end = async {
            loop {
                if let Frame::Closed(closed) = self.next().await {
                    return closed;
                }
            }
        };
        within("a close", end).await
    }

    /// Proves that the connection lives, by a PING that comes back; returns the events that came before.
    pub async fn alive(&mut self) -> Vec<Value> {
        static NONCE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let nonce = NONCE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.send(&json!({ "t": "PING", "d": { "nonce": nonce } })).await;
        let mut before = Vec::new();
        loop {
            let event = self.next_event().await;
            if event["t"] == "PONG" && event["d"]["nonce"] == nonce {
                return before;
            }
            before.push(event);
        }
    }

    /// Ends the connection as a client does.
    pub async fn leave(mut self) {
        let _ = within("a close", self.stream.close(None)).await;
        while let Some(Ok(_)) = within("the end", self.stream.next()).await {}
    }
}

/// Reads JSON however deep it is.
fn parse(text: &[u8]) -> Value {
    use serde::Deserialize;
    let mut reader = serde_json::Deserializer::from_slice(text);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader).expect("JSON")
}

impl Server {
    /// The upgrade request of a plain client.
    pub fn request(&self) -> Request {
        self.gateway_url().into_client_request().expect("an address")
    }
}
