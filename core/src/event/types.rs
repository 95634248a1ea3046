//! The table of events as TypeScript: what the npm package commits as events.d.ts.

use std::fmt::Write;

use ts_rs::TS;

use super::{Class, Source, describe};
use crate::typescript::Declarations;

/// Everything that the table says, as one TypeScript module.
pub fn typescript() -> String {
    let mut description =
        Description { declarations: Declarations::new(), payloads: String::new(), events: String::new() };
    describe(&mut description);
    description.finish()
}

/// Gathers the table's lines and every type that they name.
pub(super) struct Description {
    declarations: Declarations,
    payloads: String,
    events: String,
}

impl Description {
    /// Takes one line of the table.
    pub(super) fn event<T: TS + 'static + ?Sized>(&mut self, name: &str, class: Class, source: Source, docs: &[&str]) {
        let payload = self.declarations.add::<T>();
        let docs = docs.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let place = match class {
            Class::Logged => "s: number",
            Class::Control => "s?: number",
        };
        let event = match source {
            Source::D => format!("{{ t: \"{name}\", {place}, d: {payload} }}"),
            Source::Top => format!("{{ t: \"{name}\", {place} }} & {payload}"),
        };
        let add = |to: &mut String, what: &str| writeln!(to, "  /** {docs} */\n  {name}: {what};");
        add(&mut self.payloads, &payload).expect("a String takes everything");
        add(&mut self.events, &event).expect("a String takes everything");
    }

    fn finish(self) -> String {
        let Self { declarations, payloads, events } = self;
        let declarations = declarations.finish(&[]);
        format!(
            "// Made by `cargo xtask npm --types` from the table in core/src/event.rs; a test compares the two.\n\n\
             /** Whatever else the platform stores in an object. */\n\
             export type Rest = {{ [key in string]: JsonValue }};\n\n\
             {declarations}\n\
             /** What a listener gets first, by the event's name. */\n\
             export interface Payloads {{\n{payloads}}}\n\n\
             /** The whole event, by its name. */\n\
             export interface Events {{\n{events}}}\n",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_types_are_those_of_the_table() {
        let committed = include_str!("../../../wasm/js/events.d.ts");
        assert!(committed == typescript(), "wasm/js/events.d.ts is not what the table says: cargo xtask npm --types");
    }
}
