//! Which settings don't go together, and which are allowed but dangerous.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::address::Address;
use super::proxy::TrustedProxy;
use super::server_url::ServerUrl;
use super::table::Config;

/// The longest that a session or an operator key may last that is given an end, in seconds: ten years.
pub(crate) const LONGEST_S: u64 = 315_360_000;

/// What may stand behind the question mark of `store_url`. A password stands before the `@`, where it is hidden.
const STORE_PARAMETERS: [&str; 11] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "application_name",
    "options",
];

/// Settings that don't go together, or a value out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Contradiction {
    /// The setting.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Config {
    /// Checks what a type can't: ranges, and settings that need each other.
    ///
    /// # Errors
    /// The first [`Contradiction`] found.
    pub fn check(&self) -> Result<(), Contradiction> {
        for (key, value) in self.positive() {
            if value == 0 {
                return Err(contradiction(key, "must be at least 1"));
            }
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(contradiction("tls_cert", "needs tls_key, and tls_key needs tls_cert"));
        }
        if self.hsts_max_age_s > 0 && self.tls_cert.is_none() {
            return Err(contradiction("hsts_max_age_s", "needs tls_cert: browsers heed it over TLS alone"));
        }
        if self.max_session_age_s > LONGEST_S {
            return Err(contradiction(
                "max_session_age_s",
                &format!("must be at most {LONGEST_S}, which are ten years"),
            ));
        }
        if self.max_header_bytes < 8192 {
            return Err(contradiction("max_header_bytes", "must be at least 8192"));
        }
        if self.low_memory_bytes > self.max_memory_bytes {
            return Err(contradiction("low_memory_bytes", "must not be above max_memory_bytes"));
        }
        if self.domain.as_deref().is_some_and(|domain| domain.is_empty() || domain.chars().any(char::is_control)) {
            return Err(contradiction("domain", "must be a name"));
        }
        if let Some(url) = &self.public_url {
            let rest = url.strip_prefix("wss://").or_else(|| url.strip_prefix("ws://"));
            if !rest.is_some_and(is_host_and_path) {
                return Err(contradiction("public_url", "must be wss://HOST/PATH or ws://HOST/PATH"));
            }
        }
        self.check_servers()?;
        match self.origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => Err(contradiction(
                "origins",
                &format!("`{origin}` is no origin: SCHEME://HOST or SCHEME://HOST:PORT, each written out"),
            )),
            None => Ok(()),
        }
    }

    /// Checks where PostgreSQL and NATS are to be. What was set is not repeated: it may hold a password.
    fn check_servers(&self) -> Result<(), Contradiction> {
        if self.store_url.is_some() == self.nats_url.is_empty() {
            let (key, other) =
                if self.store_url.is_some() { ("store_url", "nats_url") } else { ("nats_url", "store_url") };
            let problem = format!("needs {other}: many machines share PostgreSQL and NATS, one machine needs neither");
            return Err(Contradiction { key, problem });
        }
        if let Some(url) = &self.store_url {
            if !["postgres", "postgresql"].contains(&url.scheme()) {
                return Err(contradiction("store_url", "must be postgres://USER:PASSWORD@HOST/DATABASE"));
            }
            if let Some(name) = url.parameters().find(|name| !STORE_PARAMETERS.contains(name)) {
                let known = STORE_PARAMETERS.join(", ");
                return Err(contradiction("store_url", &format!("`{name}` is none of the parameters {known}")));
            }
        }
        let is_nats = |url: &ServerUrl| ["nats", "tls"].contains(&url.scheme()) && url.parameters().next().is_none();
        if !self.nats_url.iter().all(is_nats) {
            return Err(contradiction("nats_url", "must be nats://HOST:PORT or tls://HOST:PORT"));
        }
        if self.nats_credentials.is_some() && self.nats_url.is_empty() {
            return Err(contradiction("nats_credentials", "needs nats_url"));
        }
        if !(1..=5).contains(&self.nats_replicas) {
            return Err(contradiction("nats_replicas", "must be 1 to 5"));
        }
        Ok(())
    }

    /// What is allowed but likely wrong outside a development machine, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let open = |address: &&Address| !address.is_local();
        if let Some(address) = self.listen.iter().find(open)
            && self.tls_cert.is_none()
        {
            warnings.push(format!(
                "listen: {address} is reachable from other machines without TLS; session ids travel readable unless a \
                 proxy in front encrypts"
            ));
        }
        if let Some(address) = self.admin_listen.iter().find(open) {
            warnings.push(format!("admin_listen: {address} is reachable from other machines and asks for no key"));
        }
        if let Some(Address::Tcp(address)) = self.listen.first()
            && address.ip().is_unspecified()
            && self.public_url.is_none()
        {
            warnings.push(format!(
                "public_url: not set, so clients who ask {address} are sent to this machine's own address"
            ));
        }
        if self.public_url.as_deref().is_some_and(|url| url.starts_with("ws://") && !names_this_machine(url)) {
            warnings.push("public_url: ws:// is not encrypted".into());
        }
        let everyone = |proxy: &&TrustedProxy| matches!(proxy, TrustedProxy::Net(net) if net.prefix_len() == 0);
        if let Some(net) = self.trusted_proxies.iter().find(everyone) {
            warnings.push(format!("trusted_proxies: with {net} anyone may claim any address by X-Forwarded-For"));
        }
        if let Some(origin) = self.origins.iter().find(|origin| origin.starts_with("http://")) {
            warnings.push(format!("origins: pages of {origin} can be altered on their way to the browser"));
        }
        if self.ping_interval_ms.saturating_add(self.ping_timeout_ms) > 120_000 {
            warnings.push("ping_interval_ms: many proxies cut connections that are silent for 60 s".into());
        }
        if self.log_max_age_ms < 30_000 {
            warnings.push("log_max_age_ms: clients that are gone for half a minute start anew".into());
        }
        for (key, file) in [("tls_key", &self.tls_key), ("nats_credentials", &self.nats_credentials)] {
            if let Some(file) = file
                && readable_by_others(file)
            {
                warnings.push(format!("{key}: {} can be read by other users", file.display()));
            }
        }
        warnings
    }

    /// Settings that are nothing at zero.
    fn positive(&self) -> [(&'static str, u64); 36] {
        [
            ("backlog", self.backlog.into()),
            ("tls_handshake_timeout_ms", self.tls_handshake_timeout_ms),
            ("identify_timeout_ms", self.identify_timeout_ms),
            ("ping_interval_ms", self.ping_interval_ms),
            ("ping_timeout_ms", self.ping_timeout_ms),
            ("max_message_bytes", self.max_message_bytes as u64),
            ("max_messages_per_minute", self.max_messages_per_minute.into()),
            ("max_queue_bytes", self.max_queue_bytes as u64),
            ("max_queue_age_ms", self.max_queue_age_ms),
            ("max_queued_bytes", self.max_queued_bytes as u64),
            ("max_stall_ms", self.max_stall_ms),
            ("max_connections", self.max_connections.into()),
            ("max_accepts_per_second", self.max_accepts_per_second.into()),
            ("max_identifies_per_second", self.max_identifies_per_second.into()),
            ("max_failures_per_minute", self.max_failures_per_minute.into()),
            ("max_connections_per_user", self.max_connections_per_user.into()),
            ("max_connections_per_address", self.max_connections_per_address.into()),
            ("presence_gather_ms", self.presence_gather_ms),
            ("log_max_age_ms", self.log_max_age_ms),
            ("log_max_entries", self.log_max_entries),
            ("log_max_bytes", self.log_max_bytes),
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("max_header_bytes", self.max_header_bytes as u64),
            ("max_body_bytes", self.max_body_bytes as u64),
            ("max_http_connections", self.max_http_connections.into()),
            ("max_http_connections_per_address", self.max_http_connections_per_address.into()),
            ("rate_limit_requests", self.rate_limit_requests.into()),
            ("rate_limit_window_ms", self.rate_limit_window_ms),
            ("interactions_deadline_ms", self.interactions_deadline_ms),
            ("interactions_max_body_bytes", self.interactions_max_body_bytes as u64),
            ("interactions_max_callback_bytes", self.interactions_max_callback_bytes as u64),
            ("max_guilds_per_user", self.max_guilds_per_user.into()),
            ("max_members_per_guild", self.max_members_per_guild.into()),
            ("max_channels_per_guild", self.max_channels_per_guild.into()),
            ("max_invites_per_guild", self.max_invites_per_guild.into()),
        ]
    }
}

fn contradiction(key: &'static str, problem: &str) -> Contradiction {
    Contradiction { key, problem: problem.to_owned() }
}

/// Whether this can stand after `scheme://` of an address that clients are told.
fn is_host_and_path(rest: &str) -> bool {
    let uri: Result<http::Uri, _> = format!("http://{rest}").parse();
    uri.is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none() && !rest.contains('#'))
}

fn is_origin(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<http::Uri>() else { return false };
    uri.scheme().is_some()
        && uri.host().is_some_and(|host| !host.is_empty() && !host.contains('*'))
        && uri.query().is_none()
        // `http::Uri` reads an absent path as `/`; browsers send none.
        && !origin.ends_with('/')
        && uri.path() == "/"
}

fn names_this_machine(url: &str) -> bool {
    ["ws://127.", "ws://localhost", "ws://[::1]"].iter().any(|start| url.starts_with(start))
}

fn readable_by_others(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_sound_and_safe() {
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(Config::default().warnings(), Vec::<String>::new());
    }

    #[test]
    fn contradictions_name_their_setting() {
        let wrong = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().key
        };
        assert_eq!(wrong(|config| config.tls_key = Some("key.pem".into())), "tls_cert");
        assert_eq!(wrong(|config| config.ping_interval_ms = 0), "ping_interval_ms");
        assert_eq!(wrong(|config| config.hsts_max_age_s = 1), "hsts_max_age_s");
        assert_eq!(wrong(|config| config.max_session_age_s = u64::MAX), "max_session_age_s");
        assert_eq!(wrong(|config| config.low_memory_bytes = 1), "low_memory_bytes");
        for url in ["https://gw.example", "wss://", "wss:///gateway", "wss://a b", "wss://gw.example/?a=b"] {
            let config = Config { public_url: Some(url.into()), ..Config::default() };
            assert_eq!(config.check().unwrap_err().key, "public_url", "{url}");
        }
        for origin in ["*", "chat.example", "https://chat.example/", "https://*.example", "https://chat.example/app"] {
            let config = Config { origins: vec![origin.into()], ..Config::default() };
            assert_eq!(config.check().unwrap_err().key, "origins", "{origin}");
        }
        let sound = Config {
            public_url: Some("wss://gw.example:8443/gateway".into()),
            origins: vec!["https://chat.example".into(), "http://localhost:3000".into()],
            ..Config::default()
        };
        assert_eq!(sound.check(), Ok(()));
    }

    #[test]
    fn servers_come_together_and_their_passwords_stay_hidden() {
        let config = |store: &str, nats: &[&str]| Config {
            store_url: (!store.is_empty()).then(|| store.parse().unwrap()),
            nats_url: nats.iter().map(|url| url.parse().unwrap()).collect(),
            ..Config::default()
        };
        let (store, nats) = ("postgres://a:geheim@db/a?sslmode=require", ["nats://a:geheim@n1", "tls://n2:4222"]);
        assert_eq!(config(store, &nats).check(), Ok(()));
        for (store, nats, key) in [
            (store, &[][..], "store_url"),
            ("", &nats[..], "nats_url"),
            ("mysql://a:geheim@db/a", &nats[..], "store_url"),
            ("geheim", &nats[..], "store_url"),
            ("postgres://a@db/a?password=geheim", &nats[..], "store_url"),
            (store, &["http://geheim@n1"][..], "nats_url"),
            (store, &["nats://n1?geheim"][..], "nats_url"),
        ] {
            let error = config(store, nats).check().unwrap_err();
            assert!(error.key == key && !error.to_string().contains("geheim"), "{error}");
        }
        let text = config(store, &nats).to_toml();
        assert!(!text.contains("geheim") && text.contains("postgres://a:***@db/a"), "{text}");
        let replicas = Config { nats_replicas: 6, ..config(store, &nats) };
        assert_eq!(replicas.check().unwrap_err().key, "nats_replicas");
        let credentials = Config { nats_credentials: Some("file".into()), ..Config::default() };
        assert_eq!(credentials.check().unwrap_err().key, "nats_credentials");
    }

    #[test]
    fn what_is_dangerous_is_warned_of() {
        let open = Config {
            listen: vec!["0.0.0.0:80".parse().unwrap()],
            admin_listen: vec!["[::]:9090".parse().unwrap()],
            trusted_proxies: vec!["0.0.0.0/0".parse().unwrap()],
            ..Config::default()
        };
        let keys: Vec<_> = open.warnings().iter().map(|text| text.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(keys, ["listen", "admin_listen", "public_url", "trusted_proxies"]);
    }
}
