//! Faults done to the real server, a little of each: `cargo xtask faults` does all of it and fills the table in README.md.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use harness::faults::{Crowd, FAULTS, Fault, Ledger, Outcome, Return, Scale, Swarm, To, table};
use harness::{Server, workspace};
use serde_json::json;

macro_rules! short {
    ($($test:ident: $name:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let fault = Fault::named($name).expect("a fault of this name");
                fault.run(Scale::Short).await.assert_clean();
            }
        )*

        #[test]
        fn every_fault_is_tried() {
            assert!(FAULTS.iter().map(|fault| fault.name).eq([$($name),*]));
        }
    };
}

short! {
    killed_while_publishing: "kill";
    killed_in_the_middle_of_ready: "kill-ready";
    killed_in_the_middle_of_a_replay: "kill-replay";
    everyone_comes_back_at_once: "storm";
    a_full_disk_refuses_and_recovers: "disk-full";
    a_read_only_folder_is_refused_and_nothing_is_lost: "read-only";
    a_disk_that_fails_refuses_and_nothing_is_lost: "read-only-live";
    without_files_newcomers_are_told_and_the_others_notice_nothing: "files";
    a_clock_that_is_set_changes_nothing: "clock";
    a_peer_that_no_longer_answers_is_gone_after_the_time_out: "half-open";
    a_pulled_cable_is_noticed_at_both_ends_and_loses_nothing: "cable";
    a_network_that_stalls_and_resets_loses_nothing: "cut";
    members_come_and_go_without_a_gap_or_a_double: "churn";
    a_drain_under_load_loses_nothing: "drain";
    who_slept_past_the_log_is_told: "forgotten";
    a_node_that_dies_is_replaced_by_the_others: "node-kill";
    a_node_cut_off_from_nats_sends_everyone_elsewhere: "node-cut-off";
    a_rolling_restart_loses_nothing: "rolling";
    nats_dies_and_comes_back: "nats-kill";
    a_nats_server_of_three_dies_and_nothing_is_lost: "nats-one-of-three";
    nats_out_of_reach_stops_everyone_and_loses_nothing: "nats-away";
    postgres_dies_and_comes_back: "postgres-kill";
}

/// The account must be able to find fault: an event that was never sent, one that came twice, one that was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_doubled_or_refused_is_found() {
    let server = Server::start().await;
    let crowd = Crowd::settle(&server, 5, 1).await;
    let swarm = Swarm::connect(&server, &crowd, Return::After(Duration::from_millis(10)));
    swarm.until_live(5, "the clients").await;
    let ledger = Arc::<Ledger>::default();
    let [sent, doubled, refused, unsent] = std::array::from_fn(|_| ledger.number());
    let mut last = 0;
    for number in [sent, doubled, doubled, refused] {
        last = server.publish(json!({ "to": "everyone", "t": "NUMBER", "d": { "n": number } })).await;
        ledger.acknowledge(number, To::Everyone, last);
    }
    ledger.refuse(refused);
    ledger.acknowledge(unsent, To::Reader(3), last + 1);
    swarm.settle(&server).await;
    assert_eq!(swarm.board().numbers.load(Ordering::Relaxed), 20);
    let (outcome, _) = Outcome::of("a little".into(), 1, swarm, &crowd, &ledger);
    let found = (outcome.audit.lost, outcome.audit.duplicated, outcome.audit.strange);
    assert_eq!(found, (1, 5, 5), "{outcome:?}");
    assert_eq!((outcome.audit.acknowledged, outcome.audit.due), (4, 16));
}

#[test]
fn the_table_shows_the_results_and_nothing_was_lost() {
    let results = table::read(&workspace()).expect("results that were written by `cargo xtask faults`");
    let readme = std::fs::read_to_string(workspace().join(table::README)).expect("the page with the table");
    assert!(readme.contains(&table::render(&results)), "README.md and faults/results.json differ");
    for (name, row) in &results {
        assert!(Fault::named(name).is_some(), "{name}");
        let found = (row["lost"].as_u64(), row["duplicated"].as_u64(), row["strange"].as_u64());
        assert_eq!(found, (Some(0), Some(0), Some(0)), "{name}: {row}");
        assert!(row["times"].as_u64() > Some(0) && row["deliveries"].as_u64() > Some(0), "{row}");
    }
}
