//! Prints the table of events as TypeScript.

fn main() {
    print!("{}", sanmon_core::event::typescript());
}
