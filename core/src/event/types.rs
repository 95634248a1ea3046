//! The table of events as TypeScript: what the npm package commits as events.d.ts.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use serde_json::Value;
use ts_rs::{Config, TS, TypeVisitor};

use super::{Class, Source, describe};

/// Everything that the table says, as one TypeScript module.
pub fn typescript() -> String {
    let mut description = Description::new();
    describe(&mut description);
    description.finish()
}

/// Gathers the table's lines and every type that they name.
pub(super) struct Description {
    config: Config,
    /// Declarations by name.
    declarations: BTreeMap<String, String>,
    declared: HashSet<TypeId>,
    payloads: String,
    events: String,
}

impl Description {
    fn new() -> Self {
        Self {
            // Nothing on the wire is an integer beyond 2^53-1: ids above it travel as text.
            config: Config::new().with_large_int("number"),
            declarations: BTreeMap::new(),
            declared: HashSet::new(),
            payloads: String::new(),
            events: String::new(),
        }
    }

    /// Takes one line of the table.
    pub(super) fn event<T: TS + 'static + ?Sized>(&mut self, name: &str, class: Class, source: Source, docs: &[&str]) {
        self.visit::<T>();
        let payload = T::name(&self.config);
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
        let declarations: String = self.declarations.into_values().collect::<Vec<_>>().join("\n");
        format!(
            "// Made by `cargo xtask npm --types` from the table in core/src/event.rs; a test compares the two.\n\n\
             /** Whatever else the platform stores in an object. */\n\
             export type Rest = {{ [key in string]: JsonValue }};\n\n\
             {declarations}\n\
             /** What a listener gets first, by the event's name. */\n\
             export interface Payloads {{\n{payloads}}}\n\n\
             /** The whole event, by its name. */\n\
             export interface Events {{\n{events}}}\n",
            payloads = self.payloads,
            events = self.events,
        )
    }
}

impl TypeVisitor for Description {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.declared.insert(TypeId::of::<T>()) {
            return;
        }
        // What has no file of its own (numbers, lists, maps) is written out where it stands.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let rest = format!("({{ [key in string]: {} }})", Value::inline(&self.config));
            let declaration = T::decl(&self.config).replace(&rest, "Rest");
            self.declarations.insert(T::ident(&self.config), tidy(&format!("{docs}export {declaration}")));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// Puts comments of one line on one line, and fields under the type that they are of.
fn tidy(declaration: &str) -> String {
    let plain =
        declaration.replace("[`", "`").replace("`]", "`").replace(", } & Rest", ",\n} & Rest").replace(", };", ",\n};");
    let mut tidied = String::new();
    let mut lines = plain.lines().map(str::trim_end).peekable();
    let mut indent = "";
    while let Some(line) = lines.next() {
        if line.starts_with('}') {
            indent = "";
        }
        let mut line = line.to_owned();
        if line == "/**" {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != " */").collect();
            line = match text.as_slice() {
                [one] => format!("/**{} */", one.trim_start_matches(" *")),
                many => format!("/**\n{indent}{}\n{indent} */", many.join(&format!("\n{indent}"))),
            };
        }
        writeln!(tidied, "{indent}{line}").expect("a String takes everything");
        if line.ends_with('{') {
            indent = "  ";
        }
    }
    tidied
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
