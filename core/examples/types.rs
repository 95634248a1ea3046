//! Prints the table of events, or the model of interactions, as TypeScript.

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("interactions") => print!("{}", sanmon_core::interaction::typescript()),
        _ => print!("{}", sanmon_core::event::typescript()),
    }
}
