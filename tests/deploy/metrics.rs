//! What the pages of native/deploy say is to be watched: nodes have it, and it says what the page says.

use std::collections::BTreeSet;

use harness::{Cluster, Server, Setup, Weather, within};
use serde_json::json;

use super::text;

/// Names of the pages that begin like a metric and are none: the bucket of the nodes.
const OTHERS: [&str; 1] = ["sanmon_nodes"];

/// The metrics that a page names.
fn named(page: &str) -> BTreeSet<String> {
    let quoted = page.split('`').skip(1).step_by(2);
    let names = quoted.filter(|name| name.starts_with("sanmon_") && !OTHERS.contains(name));
    names.map(ToOwned::to_owned).collect()
}

/// The metrics of a node as it tells them.
async fn metrics(node: &Server) -> String {
    node.admin().get("/metrics").await.expect_text(200).to_owned()
}

/// The value of what has no labels.
fn value(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_have_the_metrics_that_the_pages_name_and_they_say_so() {
    let cluster = Cluster::start_with(2, Setup::new().set("drain_ms", 200)).await;
    let watched = named(&text("README.md"));
    assert!(watched.len() >= 8, "{watched:?}");
    for name in watched.union(&named(&text("SCALE.md"))) {
        for node in &cluster.nodes {
            let known = metrics(node).await.contains(&format!("# TYPE {name} "));
            assert!(known, "a page names {name}, which no node has");
        }
    }
    // In good weather.
    let user = cluster.nodes[1].user("ada").await;
    cluster.nodes[1].guild(&user, "Tea house").await;
    cluster.nodes[1].publish(json!({ "to": { "user": user.id }, "t": "TICK" })).await;
    let of = async |name: &str| {
        let mut values = Vec::new();
        for node in &cluster.nodes {
            values.push(value(&metrics(node).await, name).unwrap_or_else(|| panic!("no {name}")));
        }
        values
    };
    let is = async |name: &str, wanted: &dyn Fn(&[f64]) -> bool| {
        within(name, async { while !wanted(&of(name).await) {} }).await;
    };
    is("sanmon_nats_connected", &|values| values == [1.0, 1.0]).await;
    is("sanmon_relay_leads", &|values| values.iter().sum::<f64>() == 1.0).await;
    is("sanmon_changes_relayed_total", &|values| values.iter().sum::<f64>() >= 1.0).await;
    for name in ["sanmon_log_unread", "sanmon_relay_backlog", "sanmon_relay_age_ms", "sanmon_log_begun_anew_total"] {
        is(name, &|values| values == [0.0, 0.0]).await;
    }
    is("sanmon_publish_seconds_count", &|values| values == [0.0, 1.0]).await;
    // A node whose network breaks is the one that says so.
    cluster.road(1, Weather::Down);
    is("sanmon_nats_connected", &|values| values == [1.0, 0.0]).await;
    is("sanmon_relay_leads", &|values| values == [1.0, 0.0]).await;
    cluster.road(1, Weather::Fair);
    is("sanmon_nats_connected", &|values| values == [1.0, 1.0]).await;
}

#[test]
fn names_are_found_on_a_page() {
    let page = "| `sanmon_a_total`, `sanmon_b` | in `sanmon_nodes`, by `sanmon serve` | sanmon_c |";
    assert_eq!(named(page), BTreeSet::from(["sanmon_a_total".to_owned(), "sanmon_b".to_owned()]));
}
