//! What an operator can set.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a unix socket.
    Unix(PathBuf),
}

/// Everything that an operator can set, with the values that hold when nothing is said.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients and backends connect.
    pub listen: Vec<Address>,
    /// Where `/metrics`, `/healthz` and `/readyz` are served.
    pub admin_listen: Option<SocketAddr>,
    /// The folder of the database and of the control socket.
    pub data: PathBuf,
    /// The address that clients are told, such as `wss://gw1.example/gateway`; the first bound one when not set.
    pub public_url: Option<String>,
    /// The name under which this node stands in `/domains`.
    pub domain: String,
    /// This node's number in the ids that it makes, 0 to 255.
    pub node: u8,
    /// PEM file of the certificate chain; with `tls_key` all TCP addresses speak TLS.
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the private key.
    pub tls_key: Option<PathBuf>,
    /// Origins beside the server's own from which browsers may connect, such as `https://chat.example`.
    pub origins: Vec<String>,
    /// Networks of proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections that the kernel holds before they are accepted.
    pub backlog: u32,
    /// Whether other processes may bind the same port.
    pub reuse_port: bool,
    /// Threads that own connections; 0 for one per core.
    pub hub_threads: usize,
    /// How long a client may take to identify.
    pub identify_timeout_ms: u64,
    /// After how much silence the server pings.
    pub ping_interval_ms: u64,
    /// How long after a ping the server waits for any bytes.
    pub ping_timeout_ms: u64,
    /// The largest message from a client, in bytes, inflated or not.
    pub max_message_bytes: usize,
    /// Messages from one user in a minute.
    pub max_messages_per_minute: u32,
    /// Bytes of live events that wait for a slow reader.
    pub max_queue_bytes: usize,
    /// How old the oldest event that waits for a slow reader may be.
    pub max_queue_age_ms: u64,
    /// How long the log keeps an entry.
    pub log_max_age_ms: u64,
    /// How many entries the log keeps.
    pub log_max_entries: u64,
    /// How many bytes of entries the log keeps.
    pub log_max_bytes: u64,
    /// How long a request's header may take to arrive.
    pub header_timeout_ms: u64,
    /// How long a request's body may take to arrive.
    pub body_timeout_ms: u64,
    /// The largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// Requests of one session in a window and route group.
    pub rate_limit_requests: u32,
    /// The length of that window.
    pub rate_limit_window_ms: u64,
    /// Guilds that one user may be in.
    pub max_guilds_per_user: u32,
    /// Members of one guild.
    pub max_members_per_guild: u32,
    /// Channels of one guild.
    pub max_channels_per_guild: u32,
    /// Invites of one guild.
    pub max_invites_per_guild: u32,
    /// Connections of this node.
    pub max_connections: u32,
    /// Connections of one user.
    pub max_connections_per_user: u32,
    /// Connections from one address.
    pub max_connections_per_address: u32,
    /// For how long a node gathers changes of presence.
    pub presence_gather_ms: u64,
    /// How long after the last connection a user goes offline.
    pub presence_grace_ms: u64,
    /// Over how long a drain is spread, for up to 5,000 connections.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))],
            admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 9090))),
            data: PathBuf::from("data"),
            public_url: None,
            domain: "production-1".into(),
            node: 0,
            tls_cert: None,
            tls_key: None,
            origins: Vec::new(),
            trusted_proxies: Vec::new(),
            backlog: 1024,
            reuse_port: false,
            hub_threads: 0,
            identify_timeout_ms: 10_000,
            ping_interval_ms: 20_000,
            ping_timeout_ms: 20_000,
            max_message_bytes: 4096,
            max_messages_per_minute: 120,
            max_queue_bytes: 1 << 20,
            max_queue_age_ms: 10_000,
            log_max_age_ms: 300_000,
            log_max_entries: 1_000_000,
            log_max_bytes: 1 << 30,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            max_body_bytes: 1 << 20,
            rate_limit_requests: 50,
            rate_limit_window_ms: 10_000,
            max_guilds_per_user: 200,
            max_members_per_guild: 100_000,
            max_channels_per_guild: 500,
            max_invites_per_guild: 1_000,
            max_connections: 19_000,
            max_connections_per_user: 100,
            max_connections_per_address: 10_000,
            presence_gather_ms: 250,
            presence_grace_ms: 15_000,
            drain_ms: 10_000,
        }
    }
}
