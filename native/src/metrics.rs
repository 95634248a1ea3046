//! What the node counts and measures, in Prometheus' text format.

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

/// Every metric of a node. Each node has its own registry, so that several may live in one process.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Gateway connections that are open, identified or not.
    pub connections: IntGauge,
    /// Gateway connections opened since the start.
    pub connections_opened: IntCounter,
    /// Gateway connections closed since the start, by close code.
    pub connections_closed: IntCounterVec,
    /// Upgrades that found no room, by what there was none of: `node`, `draining`, `cut_off`, `memory` or `address`.
    pub connections_refused: IntCounterVec,
    /// Users with a live connection.
    pub users_connected: IntGauge,
    /// Sessions that continued where they were, and such that had to start anew, by `outcome`: `resumed` or `fresh`.
    pub identifies: IntCounterVec,
    /// Identifies with a valid session that were refused, by what there was too much of: `identifies` or `connections`.
    pub identifies_refused: IntCounterVec,
    /// Session ids and operator keys that were none, by where they were shown (`gateway` or `http`) and what was answered:
    /// `refused` or, beyond an address's limit, `limited`.
    pub credentials_refused: IntCounterVec,
    /// Messages from clients.
    pub messages_received: IntCounter,
    /// Entries that the log took.
    pub events_published: IntCounter,
    /// Events handed to connections: one event for a thousand receivers counts a thousand.
    pub events_delivered: IntCounter,
    /// Bytes written to gateway connections, before encryption.
    pub bytes_written: IntCounter,
    /// Events compressed: once each, however many zlib connections hear it.
    pub compressions: IntCounter,
    /// Times that a connection which caught up was so slow that the missed events had to be looked up again.
    pub catch_up_rounds: IntCounter,
    /// Connections closed since too much waited for their reader.
    pub queue_overflows: IntCounter,
    /// Resident memory of the process, in bytes.
    pub resident_bytes: IntGauge,
    /// Bytes of events that wait for slow readers.
    pub queued_bytes: IntGauge,
    /// Seconds from a write's arrival at the store to its being durable.
    pub commit_seconds: Histogram,
    /// The last place of the log.
    pub log_head: IntGauge,
    /// Entries that the log holds.
    pub log_entries: IntGauge,
    /// Bytes of the entries that the log holds.
    pub log_bytes: IntGauge,
    /// Entries that were read back from the database for clients that came back after a long absence.
    pub log_read_back: IntCounter,
    /// Guilds that were read from the store and encoded, once for all who connect meanwhile.
    pub guilds_read: IntCounter,
    /// How long ago the oldest entry that the log holds was placed, in milliseconds: how far back a client may resume.
    pub log_age_ms: IntGauge,
    /// Bytes that may still be written to the disk of the data folder.
    pub disk_free_bytes: IntGauge,
    /// Writes that wait for the next commit.
    pub writes_queued: IntGauge,
    /// Whether NATS can be reached: 1 or 0; 0 also on one machine.
    pub nats_connected: IntGauge,
    /// Seconds until what was published is stored in the log that many machines share.
    pub publish_seconds: Histogram,
    /// Entries of the shared log that this node has not read yet.
    pub log_unread: IntGauge,
    /// Times that the shared log could not be followed any longer, and all clients were sent to connect again.
    pub log_begun_anew: IntCounter,
    /// Whether this node relays changes to the shared log: 1 or 0; one node does.
    pub relay_leads: IntGauge,
    /// Changes that wait to be relayed, up to a page of them, as the relaying node sees them.
    pub relay_backlog: IntGauge,
    /// How long the oldest of them has waited, in milliseconds.
    pub relay_age_ms: IntGauge,
    /// Changes that this node relayed.
    pub changes_relayed: IntCounter,
    /// Requests answered, by method and status.
    pub http_requests: IntCounterVec,
    /// Seconds from a request's header to its answer.
    pub http_seconds: Histogram,
    /// HTTP connections that are open and have not become gateway connections.
    pub http_connections: IntGauge,
    /// HTTP connections refused since their address had too many.
    pub http_connections_refused: IntCounter,
    /// Interactions answered, by kind (`none` if it was refused before that was known) and status.
    pub interactions: IntCounterVec,
    /// Interactions whose listener did not answer in time, by what was done: `deferred` or `failed`.
    pub interactions_late: IntCounterVec,
    /// Connections that could not be accepted, such as for want of file descriptors.
    pub accept_errors: IntCounter,
    /// Connections that had to wait since too many came in one second.
    pub accepts_delayed: IntCounter,
    /// Connections that were closed at once since no more files can be open.
    pub connections_turned_away: IntCounter,
    /// TLS handshakes that failed or took too long.
    pub tls_handshake_errors: IntCounter,
}

/// From a tenth of a millisecond to ten seconds.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl Metrics {
    /// All metrics at zero.
    pub(crate) fn new() -> Self {
        let r = Registry::new();
        Self {
            connections: gauge(&r, "sanmon_connections", "Open gateway connections."),
            connections_opened: counter(&r, "sanmon_connections_opened_total", "Gateway connections opened."),
            connections_closed: counters(
                &r,
                "sanmon_connections_closed_total",
                "Gateway connections closed, by close code.",
                &["code"],
            ),
            connections_refused: counters(
                &r,
                "sanmon_connections_refused_total",
                "Upgrades that found no room, by what there was none of: node, draining, cut_off, memory or address.",
                &["reason"],
            ),
            users_connected: gauge(&r, "sanmon_users_connected", "Users with a live connection."),
            identifies: counters(
                &r,
                "sanmon_identifies_total",
                "Identifies, by outcome: resumed or fresh.",
                &["outcome"],
            ),
            identifies_refused: counters(
                &r,
                "sanmon_identifies_refused_total",
                "Identifies with a valid session that were too many, by what: identifies or connections.",
                &["reason"],
            ),
            credentials_refused: counters(
                &r,
                "sanmon_credentials_refused_total",
                "Session ids and operator keys that were none, by where and by the answer: refused or limited.",
                &["at", "answer"],
            ),
            messages_received: counter(&r, "sanmon_messages_received_total", "Messages from clients."),
            events_published: counter(&r, "sanmon_events_published_total", "Entries that the log took."),
            events_delivered: counter(&r, "sanmon_events_delivered_total", "Events handed to connections."),
            bytes_written: counter(&r, "sanmon_bytes_written_total", "Bytes written to gateway connections."),
            compressions: counter(&r, "sanmon_compressions_total", "Events compressed."),
            catch_up_rounds: counter(&r, "sanmon_catch_up_rounds_total", "Catch-ups that were overtaken by the log."),
            queue_overflows: counter(&r, "sanmon_queue_overflows_total", "Connections closed as too slow."),
            resident_bytes: gauge(&r, "sanmon_resident_bytes", "Resident memory of the process."),
            queued_bytes: gauge(&r, "sanmon_queued_bytes", "Bytes of events that wait for slow readers."),
            commit_seconds: histogram(&r, "sanmon_commit_seconds", "Seconds until a write is durable."),
            log_head: gauge(&r, "sanmon_log_head", "The last place of the log."),
            log_entries: gauge(&r, "sanmon_log_entries", "Entries that the log holds."),
            log_bytes: gauge(&r, "sanmon_log_bytes", "Bytes of the entries that the log holds."),
            log_read_back: counter(
                &r,
                "sanmon_log_read_back_total",
                "Entries read back from the database for replays.",
            ),
            guilds_read: counter(&r, "sanmon_guilds_read_total", "Guilds read and encoded for GUILD_INIT."),
            log_age_ms: gauge(&r, "sanmon_log_age_ms", "Milliseconds since the log's oldest entry was placed."),
            disk_free_bytes: gauge(&r, "sanmon_disk_free_bytes", "Bytes free on the disk of the data folder."),
            writes_queued: gauge(&r, "sanmon_writes_queued", "Writes that wait for the next commit."),
            nats_connected: gauge(&r, "sanmon_nats_connected", "Whether NATS can be reached: 1 or 0."),
            publish_seconds: histogram(
                &r,
                "sanmon_publish_seconds",
                "Seconds until JetStream stored what was published.",
            ),
            log_unread: gauge(&r, "sanmon_log_unread", "Entries of the shared log that this node has not read."),
            log_begun_anew: counter(
                &r,
                "sanmon_log_begun_anew_total",
                "Times that the shared log had to be begun anew.",
            ),
            relay_leads: gauge(&r, "sanmon_relay_leads", "Whether this node relays changes to the shared log: 1 or 0."),
            relay_backlog: gauge(&r, "sanmon_relay_backlog", "Changes that wait to be relayed, at the relaying node."),
            relay_age_ms: gauge(&r, "sanmon_relay_age_ms", "Milliseconds that the oldest of them has waited."),
            changes_relayed: counter(&r, "sanmon_changes_relayed_total", "Changes that this node relayed."),
            http_requests: counters(
                &r,
                "sanmon_http_requests_total",
                "Requests answered, by method and status.",
                &["method", "status"],
            ),
            http_seconds: histogram(&r, "sanmon_http_request_seconds", "Seconds from a request to its answer."),
            http_connections: gauge(&r, "sanmon_http_connections", "Open HTTP connections that are not upgraded."),
            http_connections_refused: counter(
                &r,
                "sanmon_http_connections_refused_total",
                "HTTP connections refused, too many from one address.",
            ),
            interactions: counters(
                &r,
                "sanmon_interactions_total",
                "Interactions answered, by kind and status.",
                &["kind", "status"],
            ),
            interactions_late: counters(
                &r,
                "sanmon_interactions_late_total",
                "Interactions whose listener was late, by what was done: deferred or failed.",
                &["outcome"],
            ),
            accept_errors: counter(&r, "sanmon_accept_errors_total", "Connections that could not be accepted."),
            accepts_delayed: counter(&r, "sanmon_accepts_delayed_total", "Connections that waited to be accepted."),
            connections_turned_away: counter(
                &r,
                "sanmon_connections_turned_away_total",
                "Connections closed at once for want of file descriptors.",
            ),
            tls_handshake_errors: counter(&r, "sanmon_tls_handshake_errors_total", "TLS handshakes that failed."),
            registry: r,
        }
    }

    /// All metrics in Prometheus' text format, version 0.0.4.
    pub(crate) fn render(&self) -> String {
        render(&self.registry.gather())
    }

    /// The metrics of a server that takes interactions and nothing else.
    pub(crate) fn render_interactions(&self) -> String {
        let others = ["sanmon_http_connections", "sanmon_accept_errors_total", "sanmon_tls_handshake_errors_total"];
        let mut families = self.registry.gather();
        families.retain(|family| family.name().starts_with("sanmon_interactions") || others.contains(&family.name()));
        render(&families)
    }
}

fn render(families: &[MetricFamily]) -> String {
    TextEncoder::new().encode_to_string(families).expect("every metric has a valid name")
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, IntCounter::new(name, help))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    register(registry, IntGauge::new(name, help))
}

fn histogram(registry: &Registry, name: &str, help: &str) -> Histogram {
    register(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.to_vec())))
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<C>) -> C {
    let metric = metric.expect("names and labels are constants that Prometheus takes");
    registry.register(Box::new(metric.clone())).expect("every name stands once");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::new();
        metrics.connections.set(3);
        metrics.connections_closed.with_label_values(&["4403"]).inc();
        let text = metrics.render();
        assert!(text.contains("\nsanmon_connections 3\n"), "{text}");
        assert!(text.contains("sanmon_connections_closed_total{code=\"4403\"} 1\n"), "{text}");
    }
}
