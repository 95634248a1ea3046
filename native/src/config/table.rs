//! The table of settings: one entry is the flag, the variable, the key of the file, its text and its default.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::help::with_default;
use super::interactions_key::InteractionsKey;
use super::proxy::TrustedProxy;
use super::server_url::ServerUrl;

/// Makes [`Config`], [`Options`] and [`SETTINGS`] from the table below.
macro_rules! settings {
    ($($group:literal {
        $($(#[doc = $doc:literal])+ $(#[arg($($arg:tt)*)])? $name:ident: $type:ty = $default:expr;)*
    })*) => {
        /// Everything that an operator can set, with the values that hold when nothing is said.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct Config {
            $($($(#[doc = $doc])+ pub $name: $type,)*)*
        }

        /// What one source says: the command line, the environment or a file.
        #[derive(Clone, Debug, Default, PartialEq, clap::Args, Deserialize)]
        #[command(mut_args(with_default))]
        #[serde(default, deny_unknown_fields)]
        pub struct Options {
            $($(
                $(#[doc = $doc])+
                #[arg(long, help_heading = $group $(, $($arg)*)?)]
                pub $name: Option<$type>,
            )*)*
        }

        /// Every setting in the table's order.
        pub const SETTINGS: &[Setting] = &[
            $($(Setting { group: $group, key: stringify!($name), doc: &[$($doc),+] },)*)*
        ];

        impl Default for Config {
            fn default() -> Self {
                Self { $($($name: $default,)*)* }
            }
        }

        impl Options {
            /// What this source says, and what `other` says where this one is silent.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($($name: self.$name.or(other.$name),)*)* }
            }
        }

        impl From<Options> for Config {
            fn from(options: Options) -> Self {
                let default = Self::default();
                Self { $($($name: options.$name.unwrap_or(default.$name),)*)* }
            }
        }
    };
}

/// One line of the table: the flag `--like-this`, the variable `SANMON_LIKE_THIS` and the key `like_this`.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Under which heading it stands.
    pub group: &'static str,
    /// Its key in the file.
    pub key: &'static str,
    /// What it does, line by line.
    pub doc: &'static [&'static str],
}

impl Setting {
    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("SANMON_{}", self.key.to_ascii_uppercase())
    }

    /// Its flag.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

settings! {
    "Listening" {
        /// Where clients and backends connect: IP:PORT or unix:PATH, several with commas or by repeating the flag.
        /// Sockets that the process inherits (LISTEN_FDS) are served instead.
        #[arg(value_name = "ADDR", value_delimiter = ',')]
        listen: Vec<Address> = vec![Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 8080)))];
        /// Where /metrics, /healthz and /readyz are served; an empty list in the file turns them off.
        #[arg(value_name = "ADDR", value_delimiter = ',')]
        admin_listen: Vec<Address> = vec![Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 9090)))];
        /// Connections that the kernel holds before they are accepted.
        #[arg(value_name = "COUNT")]
        backlog: u32 = 1024;
        /// Whether other processes may bind the same port.
        #[arg(value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
        reuse_port: bool = false;
        /// PEM file of the certificate chain; with tls_key all TCP addresses but the admin's speak TLS.
        /// Both files are read again on SIGHUP.
        #[arg(value_name = "FILE", num_args = 1)]
        tls_cert: Option<PathBuf> = None;
        /// PEM file of the private key.
        #[arg(value_name = "FILE", num_args = 1)]
        tls_key: Option<PathBuf> = None;
        /// Connections of clients and backends that are accepted in a second; those beyond wait in the kernel's queue.
        #[arg(value_name = "COUNT")]
        max_accepts_per_second: u32 = 5_000;
        /// How long a TLS handshake may take.
        #[arg(value_name = "MS")]
        tls_handshake_timeout_ms: u64 = 10_000;
    }
    "Node" {
        /// The folder of the database and of the control socket.
        #[arg(value_name = "DIR")]
        data: PathBuf = PathBuf::from("data");
        /// Bytes that must be free on the disk of the data folder. With less, publishes and whatever else makes the data grow
        /// are refused with 507 and /readyz says no, while clients are served, and what ends or makes room is still stored;
        /// 0 for no such mark. Among many machines it says nothing, since the data is elsewhere.
        #[arg(value_name = "BYTES")]
        min_free_bytes: u64 = 64 << 20;
        /// The address that clients are told, such as wss://gw1.example/gateway; the first bound one when not set.
        #[arg(value_name = "URL", num_args = 1)]
        public_url: Option<String> = None;
        /// The name under which this node stands in /domains; production-1 on one machine and node-NUMBER among many when
        /// not set.
        #[arg(value_name = "NAME", num_args = 1)]
        domain: Option<String> = None;
        /// This node's number in the ids that it makes, 0 to 255; 0 on one machine and a free one among many when not set.
        #[arg(value_name = "NUMBER", num_args = 1)]
        node: Option<u8> = None;
        /// Threads that own connections; 0 for one per core.
        #[arg(value_name = "COUNT")]
        hub_threads: usize = 0;
        /// Over how long a drain is spread, for up to 5,000 connections.
        #[arg(value_name = "MS")]
        drain_ms: u64 = 10_000;
        /// How long requests may take to finish once the node stops.
        #[arg(value_name = "MS")]
        stop_timeout_ms: u64 = 5_000;
        /// How log lines look.
        #[arg(value_enum, value_name = "FORMAT")]
        log_format: LogFormat = LogFormat::Human;
        /// Which log lines are written: error, warn, info, debug or trace, also by module as in info,sanmon::hub=debug.
        /// The audit lines are always written, unless sanmon::audit is named here.
        #[arg(value_name = "LEVEL")]
        log_level: String = "info".into();
    }
    "Many machines" {
        /// Where PostgreSQL 14 or newer is, such as postgres://sanmon:PASSWORD@db.example/sanmon; with nats_url this node is
        /// one of many that share it. Without both, everything is in the data folder. The password is shown nowhere; a
        /// variable or the file keeps it out of the list of processes.
        #[arg(value_name = "URL", num_args = 1)]
        store_url: Option<ServerUrl> = None;
        /// Where NATS with JetStream is, such as nats://nats1.example:4222 or tls://nats1.example; several of one cluster
        /// with commas or by repeating the flag.
        #[arg(value_name = "URL", value_delimiter = ',')]
        nats_url: Vec<ServerUrl> = Vec::new();
        /// File with the credentials that NATS made for this user.
        #[arg(value_name = "FILE", num_args = 1)]
        nats_credentials: Option<PathBuf> = None;
        /// On how many servers of its cluster NATS keeps the event log, 1 to 5.
        #[arg(value_name = "COUNT")]
        nats_replicas: u8 = 1;
    }
    "Strangers" {
        /// Identifies and requests with a session id or operator key that is none, from one address in a minute. Beyond
        /// that they are told to stay away (4008, 429); whoever shows a valid one is never refused.
        #[arg(value_name = "COUNT")]
        max_failures_per_minute: u32 = 60;
    }
    "Sessions" {
        /// How long a session may last, in seconds, and lasts when its maker does not say; 0 for no end. Those that were made
        /// before keep the end that they have.
        #[arg(value_name = "SECONDS")]
        max_session_age_s: u64 = 0;
    }
    "Browsers and proxies" {
        /// Origins beside the server's own from which browsers may connect, such as https://chat.example.
        #[arg(value_name = "ORIGIN", value_delimiter = ',')]
        origins: Vec<String> = Vec::new();
        /// For how long browsers are told to speak nothing but TLS with this host, on whatever port, in seconds; 0 to leave
        /// that to whoever else serves the host. Needs tls_cert: a proxy that encrypts says it itself.
        #[arg(value_name = "SECONDS")]
        hsts_max_age_s: u64 = 0;
        /// Proxies whose X-Forwarded-For counts: networks such as 10.0.0.0/8, addresses such as 10.0.0.1, and the word unix
        /// for whatever connects to a unix socket.
        #[arg(value_name = "PROXY", value_delimiter = ',')]
        trusted_proxies: Vec<TrustedProxy> = Vec::new();
    }
    "Gateway" {
        /// How long a client may take to identify.
        #[arg(value_name = "MS")]
        identify_timeout_ms: u64 = 10_000;
        /// After how much silence the server pings.
        #[arg(value_name = "MS")]
        ping_interval_ms: u64 = 20_000;
        /// How long after a ping the server waits for any bytes.
        #[arg(value_name = "MS")]
        ping_timeout_ms: u64 = 20_000;
        /// The largest message from a client, in bytes, inflated or not.
        #[arg(value_name = "BYTES")]
        max_message_bytes: usize = 4096;
        /// Messages from one user in a minute.
        #[arg(value_name = "COUNT")]
        max_messages_per_minute: u32 = 120;
        /// Bytes of live events that wait for a slow reader.
        #[arg(value_name = "BYTES")]
        max_queue_bytes: usize = 1 << 20;
        /// How old the oldest event that waits for a slow reader may be.
        #[arg(value_name = "MS")]
        max_queue_age_ms: u64 = 10_000;
        /// Bytes of live events that wait for all slow readers of this node together; above it a reader is closed for whom more
        /// than a sixteenth of max_queue_bytes waits.
        #[arg(value_name = "BYTES")]
        max_queued_bytes: usize = 512 << 20;
        /// How long a reader may take not a byte of what waits for it, be it live or what it catches up on.
        #[arg(value_name = "MS")]
        max_stall_ms: u64 = 60_000;
        /// Gateway connections of this node.
        #[arg(value_name = "COUNT")]
        max_connections: u32 = 19_000;
        /// Resident memory of the process above which no gateway connection is taken and the node leaves /available, in
        /// bytes; 0 for no such mark.
        #[arg(value_name = "BYTES")]
        max_memory_bytes: u64 = 0;
        /// The mark below which they are taken again; nine tenths of max_memory_bytes at 0.
        #[arg(value_name = "BYTES")]
        low_memory_bytes: u64 = 0;
        /// Identifies of one user in a second.
        #[arg(value_name = "COUNT")]
        max_identifies_per_second: u32 = 20;
        /// Gateway connections of one user.
        #[arg(value_name = "COUNT")]
        max_connections_per_user: u32 = 100;
        /// Gateway connections from one address.
        #[arg(value_name = "COUNT")]
        max_connections_per_address: u32 = 10_000;
        /// For how long a node gathers changes of presence.
        #[arg(value_name = "MS")]
        presence_gather_ms: u64 = 250;
        /// How long after the last connection a user goes offline.
        #[arg(value_name = "MS")]
        presence_grace_ms: u64 = 15_000;
    }
    "Event log" {
        /// How long the log keeps an entry: as long a client may be gone and still resume.
        #[arg(value_name = "MS")]
        log_max_age_ms: u64 = 300_000;
        /// How many entries the log keeps.
        #[arg(value_name = "COUNT")]
        log_max_entries: u64 = 1_000_000;
        /// How many bytes of entries the log keeps.
        #[arg(value_name = "BYTES")]
        log_max_bytes: u64 = 1 << 30;
    }
    "HTTP" {
        /// How long a request's header may take to arrive, also after the answer before.
        #[arg(value_name = "MS")]
        header_timeout_ms: u64 = 10_000;
        /// How long a request's body may take to arrive.
        #[arg(value_name = "MS")]
        body_timeout_ms: u64 = 30_000;
        /// The largest header of a request, in bytes.
        #[arg(value_name = "BYTES")]
        max_header_bytes: usize = 32 << 10;
        /// The largest body of a request, in bytes.
        #[arg(value_name = "BYTES")]
        max_body_bytes: usize = 1 << 20;
        /// HTTP connections that are served at once, those of the gateway not counted; more wait to be accepted.
        #[arg(value_name = "COUNT")]
        max_http_connections: u32 = 4096;
        /// HTTP connections from one address, those of the gateway not counted; more are refused. Trusted proxies and unix
        /// sockets may have any number.
        #[arg(value_name = "COUNT")]
        max_http_connections_per_address: u32 = 1024;
        /// Requests of one session in a window and route group.
        #[arg(value_name = "COUNT")]
        rate_limit_requests: u32 = 50;
        /// The length of that window.
        #[arg(value_name = "MS")]
        rate_limit_window_ms: u64 = 10_000;
    }
    "Interactions" {
        /// Public key of an application whose signed interactions are taken, as APPLICATION_ID=64_HEX_DIGITS; several with
        /// commas or by repeating the flag. They go to gateway connections of the user with the application's id.
        #[arg(value_name = "ID=HEX", value_delimiter = ',')]
        interactions_key: Vec<InteractionsKey> = Vec::new();
        /// How long an application may take to answer by callback; the platform gives up after 3 s.
        #[arg(value_name = "MS")]
        interactions_deadline_ms: u64 = 2_500;
        /// How many seconds a signed timestamp may lie from now, within which no signature serves twice; 0 turns both off.
        #[arg(value_name = "SECONDS")]
        interactions_max_age_s: u64 = 0;
        /// The largest body of an interaction, in bytes.
        #[arg(value_name = "BYTES")]
        interactions_max_body_bytes: usize = 4 << 20;
        /// The largest callback with files, in bytes.
        #[arg(value_name = "BYTES")]
        interactions_max_callback_bytes: usize = 25 << 20;
    }
    "Caps" {
        /// Guilds that one user may be in.
        #[arg(value_name = "COUNT")]
        max_guilds_per_user: u32 = 200;
        /// Members of one guild.
        #[arg(value_name = "COUNT")]
        max_members_per_guild: u32 = 100_000;
        /// Channels of one guild.
        #[arg(value_name = "COUNT")]
        max_channels_per_guild: u32 = 500;
        /// Invites of one guild.
        #[arg(value_name = "COUNT")]
        max_invites_per_guild: u32 = 1_000;
    }
}
