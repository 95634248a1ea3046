//! The table of faults in tests/README.md, and the results that it shows.

use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{FAULTS, Fault, Outcome};

/// The page with the table, from the root of the workspace.
pub const README: &str = "tests/README.md";
/// The results of each fault by its name.
pub const RESULTS: &str = "tests/faults/results.json";

const BEGIN: &str = "<!-- faults: written by `cargo xtask faults` -->\n";
const END: &str = "<!-- end of faults -->";

/// The results that were written last.
///
/// # Errors
/// There are none, or they can't be read.
pub fn read(workspace: &Path) -> io::Result<Map<String, Value>> {
    Ok(serde_json::from_slice(&std::fs::read(workspace.join(RESULTS))?)?)
}

/// Takes in a fault's outcome, and writes the results and the table anew.
///
/// # Errors
/// A file can't be written, or the page has no place for the table.
pub fn write(workspace: &Path, fault: Fault, outcome: &Outcome) -> io::Result<()> {
    let mut results = read(workspace).unwrap_or_default();
    let mut row = outcome.to_json();
    row["recovery"] = json!(outcome.recovery());
    results.insert(fault.name.to_owned(), row);
    // In the table's order, so that a run of some changes the lines of these alone.
    let ordered: Vec<(String, Value)> = FAULTS.iter().filter_map(|fault| results.remove_entry(fault.name)).collect();
    let mut text = String::from("{\n");
    for (index, (name, row)) in ordered.iter().enumerate() {
        let comma = if index + 1 == ordered.len() { "" } else { "," };
        text += &format!("  {}: {row}{comma}\n", json!(name));
    }
    std::fs::write(workspace.join(RESULTS), text + "}\n")?;

    let page = std::fs::read_to_string(workspace.join(README))?;
    let place = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = place else {
        return Err(io::Error::other(format!("{README} has no place for the table")));
    };
    let table = render(&ordered.into_iter().collect());
    std::fs::write(workspace.join(README), format!("{before}{BEGIN}{table}{END}{after}"))
}

/// The table that shows these results.
pub fn render(results: &Map<String, Value>) -> String {
    let mut text = String::from("| fault | what was tried | how often | lost | duplicated | recovered in |\n");
    text += "| --- | --- | --- | --- | --- | --- |\n";
    for (fault, row) in FAULTS.iter().filter_map(|fault| Some((fault, results.get(fault.name)?))) {
        text += &format!(
            "| {} (`{}`) | {} | {} | {} of {} | {} | {} |\n",
            fault.title,
            fault.name,
            row["tried"].as_str().unwrap_or_default(),
            row["times"],
            row["lost"],
            row["deliveries"],
            row["duplicated"],
            row["recovery"].as_str().unwrap_or_default(),
        );
    }
    text
}
