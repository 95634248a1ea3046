//! What the load generator's process is told, and what it answers: a line of JSON each.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What the load generator is to do next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Open connections, and keep them.
    Open(Opening),
    /// Read until nothing came for so many milliseconds.
    Settle { millis: u64 },
    /// Publish for a while, and count what arrives.
    Run(Load),
}

/// Connections to be opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) address: SocketAddr,
    /// By what name the server's certificate is checked, and by which authority (PEM); without it, no TLS.
    pub(crate) authority: Option<String>,
    /// What each connection says once it is upgraded: the one who connects.
    pub(crate) hellos: Vec<String>,
    /// Whole data frames until a connection counts as open.
    pub(crate) welcome: u64,
    /// How many may be under way at once.
    pub(crate) at_once: usize,
    pub(crate) dialect: Dialect,
    /// What becomes of them once they are open.
    pub(crate) manner: Manner,
}

/// How events and their receivers are talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dialect {
    /// Each data frame is an event; events are published by HTTP.
    Sanmon,
    /// Each data frame is an event; events are published by a message on a WebSocket at /publish.
    Socket,
    /// NATS's own protocol in WebSocket frames, of which one may hold several messages.
    Nats,
}

/// What connections do once they are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manner {
    /// They read all that comes, and answer pings.
    Reading,
    /// They never read again, and have the smallest buffer that the kernel gives.
    Stopped,
}

/// Events to be published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Whose processor time is measured.
    pub(crate) pid: u32,
    /// What may be sent.
    pub(crate) requests: Vec<Request>,
    /// Which of these is sent.
    pub(crate) pick: Pick,
    /// Events under way at once: one is over when everyone has it.
    pub(crate) in_flight: u64,
    /// Microseconds from one request to the next, instead of as soon as there is room.
    pub(crate) pace: Option<u64>,
    /// How long requests are sent. What is under way then is waited for.
    pub(crate) millis: u64,
    /// What is sent as `Authorization` where events are published by HTTP.
    pub(crate) authorization: String,
}

/// Which request is sent when there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pick {
    /// Any of them, at random, once there is room for it.
    Random,
    /// The last one of those that there is room for: who has several events at hand publishes them in one go.
    Fitting,
}

/// One request to publish.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// All of its events where they are published by HTTP, else one of them.
    pub(crate) body: String,
    /// Events in it.
    pub(crate) events: u64,
    /// How often they are delivered, all together.
    pub(crate) deliveries: u64,
}

/// What came of an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Opened(Opened),
    Settled,
    Ran(Ran),
    Failed(String),
}

/// Connections were opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) seconds: f64,
    /// From a connection's first packet to its last frame of welcome, in microseconds.
    pub(crate) each: Quantiles,
}

/// Events were published, and arrived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ran {
    pub(crate) seconds: f64,
    pub(crate) events: u64,
    pub(crate) deliveries: u64,
    /// Processor time of the server, in seconds.
    pub(crate) server_cpu: f64,
    /// Processor time of the load generator, in seconds.
    pub(crate) generator_cpu: f64,
    /// From a request to its answer, in microseconds; only where there are answers.
    pub(crate) answered: Quantiles,
    /// From a request to each receipt, in microseconds; only where all readers hear all events.
    pub(crate) received: Quantiles,
    /// From a request until everyone has an event of it, in microseconds.
    pub(crate) complete: Quantiles,
}

/// How some durations are spread, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) p50: u32,
    pub(crate) p99: u32,
    pub(crate) max: u32,
}

impl Quantiles {
    pub(crate) fn of(mut micros: Vec<u32>) -> Self {
        micros.sort_unstable();
        let at = |share: f64| {
            let last = micros.len().checked_sub(1)?;
            micros.get((share * last as f64).round() as usize).copied()
        };
        Self {
            count: micros.len() as u64,
            p50: at(0.5).unwrap_or_default(),
            p99: at(0.99).unwrap_or_default(),
            max: at(1.0).unwrap_or_default(),
        }
    }
}

impl Dialect {
    /// Frames with which a server without sessions answers a new reader.
    pub(crate) const fn welcome(self) -> u64 {
        match self {
            // What the server is, and the answer to a ping.
            Self::Nats => 2,
            Self::Sanmon | Self::Socket => 1,
        }
    }
}
