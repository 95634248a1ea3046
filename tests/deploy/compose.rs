//! native/deploy/compose.yaml and what lies beside it: flags, ports and settings fit together and are the program's own.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use sanmon::config::SETTINGS;
use serde_json::Value;

use super::{configuration_with, text};

/// The file with what its anchors stand for.
fn compose() -> Value {
    serde_saphyr::from_str(&text("compose.yaml")).expect("YAML")
}

fn words(value: &Value) -> Vec<String> {
    let words = value.as_array().unwrap_or_else(|| panic!("no list: {value}"));
    words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// The services that run a node, by their names.
fn nodes(compose: &Value) -> BTreeMap<String, Value> {
    let services = compose["services"].as_object().expect("services");
    services
        .iter()
        .filter(|(_, service)| service["image"] == "sanmon")
        .map(|(name, of)| (name.clone(), of.clone()))
        .collect()
}

/// A service's variables, with a password where one is asked for.
fn variables(service: &Value) -> BTreeMap<String, String> {
    let variables = service["environment"].as_object().expect("variables");
    let filled = |value: &Value| {
        let value = value.as_str().expect("a text");
        match value.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            Some((before, (asked, after))) => {
                assert!(asked.contains(":?"), "without a password nothing starts: {value}");
                format!("{before}secret{after}")
            }
            None => value.to_owned(),
        }
    };
    variables.iter().map(|(name, value)| (name.clone(), filled(value))).collect()
}

/// The node's configuration as the program reads it.
fn configuration(node: &Value) -> Value {
    let (words, variables) = (words(&node["command"]), variables(node));
    let known: BTreeSet<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
    assert!(variables.keys().all(|name| known.contains(name)), "{variables:?}");
    assert_eq!(words[0], "serve");
    configuration_with(&words[1..], &variables)
}

fn seconds(text: &Value) -> u64 {
    let text = text.as_str().unwrap_or_default();
    text.strip_suffix('s').and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no seconds: {text}"))
}

#[test]
fn three_nodes_share_one_store_and_one_log() {
    let compose = compose();
    let nodes = nodes(&compose);
    assert_eq!(nodes.len(), 3);
    let (mut told, mut names, mut volumes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut ports = BTreeSet::new();
    for (name, node) in &nodes {
        let config = configuration(node);
        assert_eq!(config["listen"], serde_json::json!(["0.0.0.0:8080"]), "{name}");
        let port = words(&node["ports"]).concat();
        let outside = port.strip_suffix(":8080").expect("what it listens on").to_owned();
        assert_eq!(config["public_url"], format!("ws://localhost:{outside}/gateway"), "clients are told where it is");
        assert!(variables(node)["SANMON_ORIGINS"].contains(&format!("http://localhost:{outside}")), "{name}");
        let volume = words(&node["volumes"]).concat();
        let (own, folder) = volume.split_once(':').expect("a volume");
        assert_eq!(config["data"], folder);
        assert!(compose["volumes"].as_object().is_some_and(|all| all.contains_key(own)), "{own}");
        told.insert(config["public_url"].to_string());
        names.insert(config["domain"].to_string());
        volumes.insert(own.to_owned());
        ports.insert(outside);
        // Passwords are shown nowhere, so the program's answer has none.
        assert_eq!(config["store_url"], "postgres://sanmon:***@postgres:5432/sanmon");
        assert_eq!(config["nats_url"], serde_json::json!(["nats://nats:4222"]));
        for engine in ["nats", "postgres"] {
            assert_eq!(node["depends_on"][engine]["condition"], "service_healthy", "{name}");
            assert!(compose["services"][engine]["healthcheck"]["test"].is_array(), "{engine}");
        }
    }
    assert!([told.len(), names.len(), volumes.len(), ports.len()].iter().all(|count| *count == 3), "each has its own");
}

#[test]
fn a_node_has_the_files_and_the_time_that_it_needs() {
    for (name, node) in nodes(&compose()) {
        let config = configuration(&node);
        let of = |key: &str| config[key].as_u64().unwrap_or_else(|| panic!("no {key} in {config}"));
        let windows = of("max_connections").div_ceil(5_000);
        let longest = Duration::from_millis(of("drain_ms") * windows + of("stop_timeout_ms")) + Duration::from_secs(40);
        assert!(Duration::from_secs(seconds(&node["stop_grace_period"])) > longest, "{name} drains {longest:?}");
        let files = node["ulimits"]["nofile"].as_u64().expect("a number");
        assert!(files > of("max_connections") + of("max_http_connections") + 256, "{name}");
        let check = words(&node["healthcheck"]["test"]);
        let admin = config["admin_listen"][0].as_str().expect("an address").replace("0.0.0.0", "127.0.0.1");
        assert_eq!(check.last(), Some(&format!("http://{admin}/healthz")), "{name}");
        assert!(!words(&node["ports"]).concat().contains("9090"), "the admin address is nobody's business outside");
    }
}

#[test]
fn the_balancer_knows_every_node_and_is_the_only_one_who_is_believed() {
    let compose = compose();
    let (nodes, balancer) = (nodes(&compose), text("haproxy.cfg"));
    let servers: BTreeSet<(String, String)> = balancer
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server ")?.split_once(' '))
        .map(|(name, address)| (name.to_owned(), address.trim().to_owned()))
        .collect();
    let expected: BTreeSet<_> = nodes.keys().map(|name| (name.clone(), format!("{name}:8080"))).collect();
    assert_eq!(servers, expected);
    assert_eq!(words(&compose["services"]["balancer"]["depends_on"]), nodes.keys().cloned().collect::<Vec<_>>());
    assert_eq!(words(&compose["services"]["balancer"]["ports"]), ["8080:8080"]);
    for line in ["bind :8080", "balance leastconn", "option httpchk GET /readyz", "option forwardfor"] {
        assert!(balancer.contains(line), "{line}");
    }
    let subnet = compose["networks"]["default"]["ipam"]["config"][0]["subnet"].as_str().expect("a network").to_owned();
    for (name, node) in nodes {
        let config = configuration(&node);
        let admin = config["admin_listen"][0].as_str().expect("an address");
        assert!(balancer.contains(&format!("check port {}", admin.rsplit(':').next().expect("a port"))), "{name}");
        assert_eq!(config["trusted_proxies"], serde_json::json!([subnet]), "{name}");
        // A gateway connection that is silent for as long as it may be is not cut by the balancer.
        let silent = config["ping_interval_ms"].as_u64().zip(config["ping_timeout_ms"].as_u64()).expect("numbers");
        assert!(balancer.contains("timeout tunnel 5m") && silent.0 + silent.1 < 300_000, "{name}");
    }
}

#[test]
fn nats_takes_what_nodes_send_and_keeps_it_on_its_disk() {
    let (compose, config) = (compose(), text("nats.conf"));
    let service = &compose["services"]["nats"];
    let mounted = words(&service["volumes"]);
    assert_eq!(mounted, ["./nats.conf:/etc/nats/nats.conf:ro", "nats:/data"]);
    assert_eq!(words(&service["command"]), ["--config", "/etc/nats/nats.conf"]);
    for line in ["listen: \"0.0.0.0:4222\"", "store_dir: \"/data\"", "sync_interval: always", "http: \"0.0.0.0:8222\""]
    {
        assert!(config.contains(line), "{line}");
    }
    assert!(words(&service["healthcheck"]["test"]).concat().contains(":8222/healthz"));
    let node = configuration(nodes(&compose).values().next().expect("a node"));
    let of = |key: &str| node[key].as_u64().expect("a number");
    assert!(config.contains("max_payload: 4MB") && of("max_body_bytes") * 2 <= 4 << 20, "the largest event fits");
    assert!(config.contains("max_file_store: 4GB") && of("log_max_bytes") * 2 <= 4 << 30, "the log fits twice");

    // The server reads it, but for the one line that came with 2.10.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nats.conf");
    let known = config.lines().filter(|line| !line.trim().starts_with("sync_interval"));
    std::fs::write(&path, known.map(|line| format!("{line}\n")).collect::<String>()).expect("a file");
    let checked =
        Command::new(sanmon_engines::nats_server().expect("nats-server")).arg("-t").arg("-c").arg(&path).output();
    let checked = checked.expect("nats-server runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn postgres_waits_for_its_disk_and_has_room_for_every_node() {
    let compose = compose();
    let service = &compose["services"]["postgres"];
    let command = words(&service["command"]);
    for setting in ["fsync=on", "synchronous_commit=on", "full_page_writes=on"] {
        assert!(command.iter().any(|word| word == setting), "{setting}");
    }
    let connections = command.iter().find_map(|word| word.strip_prefix("max_connections=")?.parse::<usize>().ok());
    assert!(connections.is_some_and(|most| most >= nodes(&compose).len() * 32 + 8), "{connections:?}");
    let variables = variables(service);
    assert_eq!(variables["POSTGRES_PASSWORD"], "secret");
    for (name, node) in nodes(&compose) {
        let url = &self::variables(&node)["SANMON_STORE_URL"];
        let expected =
            format!("postgres://{}:secret@postgres:5432/{}", variables["POSTGRES_USER"], variables["POSTGRES_DB"]);
        assert_eq!(*url, expected, "{name}");
    }
}
