//! All faults at full length: does them to the real server and writes the table of tests/README.md.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt as _;
use harness::faults::{FAULTS, Fault, Scale, table};
use harness::workspace;

/// Does the faults that are named, or all of them, one after the other.
#[tokio::main]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name, scale] = &names[..]
        && flag == "--inside"
    {
        return inside(name, scale).await;
    }
    let mut failed = Vec::new();
    for fault in FAULTS.iter().filter(|fault| names.is_empty() || names.iter().any(|name| name == fault.name)) {
        println!("{}: {}", fault.name, fault.title);
        match attempt(*fault).await {
            Ok(said) => println!("  {said}\n"),
            Err(error) => {
                println!("  FAILED: {error}\n");
                failed.push(fault.name);
            }
        }
    }
    if failed.is_empty() {
        println!("{} and {} are up to date", table::README, table::RESULTS);
        return ExitCode::SUCCESS;
    }
    println!("failed: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// Does the part of a fault that needs surroundings of its own, such as a network, in which this was started by another such
/// process or by a test. What it cost goes to standard output.
async fn inside(name: &str, scale: &str) -> ExitCode {
    let scale = if scale == "long" { Scale::Long } else { Scale::Short };
    let fault = Fault::named(name).expect("a fault of this name");
    println!("{}", serde_json::to_string(&fault.run_inside(scale).await).expect("a row is JSON"));
    ExitCode::SUCCESS
}

/// Does one fault and writes its row; a row is written of what went well alone.
async fn attempt(fault: Fault) -> Result<String, String> {
    let run = async {
        let outcome = fault.run(Scale::Long).await;
        outcome.assert_clean();
        outcome
    };
    // What it asserts ends this fault and no other.
    let outcome = AssertUnwindSafe(run)
        .catch_unwind()
        .await
        .map_err(|_| "what must hold did not, as printed above".to_owned())?;
    table::write(&workspace(), fault, &outcome).map_err(|error| error.to_string())?;
    Ok(format!(
        "{} times: {}; {} events, {} deliveries, 0 lost, 0 duplicated; {}",
        outcome.times,
        outcome.tried,
        outcome.audit.acknowledged,
        outcome.audit.due,
        outcome.recovery()
    ))
}
