//! What commands print: for people as lines, for machines as one JSON text a line.

use std::io::{ErrorKind, IsTerminal, Write, stdout};

use anstyle::Style;
use serde_json::Value;

use super::failure::Failure;

/// Whether the environment lets programs print colours (<https://no-color.org>).
pub(super) fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints one line.
pub(super) fn say(line: &str) -> Result<(), Failure> {
    write(&format!("{line}\n"))
}

/// Prints text as it is.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Local(format!("can't write the output: {error}")),
    })
}

/// `style` if standard output shows colours, else none.
pub(super) fn on_terminal(style: Style) -> Style {
    if stdout().is_terminal() && wants_colours() { style } else { Style::new() }
}

/// How a command prints what the server answered.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Format {
    /// Print JSON, one text a line
    #[arg(long, help_heading = None::<&'static str>)]
    json: bool,
}

impl Format {
    /// Whether machines read it.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: to the letter for machines, field by field for people.
    pub(super) fn answer(self, text: &str) -> Result<(), Failure> {
        if self.json {
            return say(text.trim_end());
        }
        match serde_json::from_str(text) {
            Ok(Value::Array(items)) if items.is_empty() => say("none"),
            Ok(Value::Array(items)) => items.iter().try_for_each(|item| say(&row(item))),
            Ok(Value::Object(fields)) => {
                let width = fields.keys().map(String::len).max().unwrap_or(0);
                sorted(&fields)
                    .into_iter()
                    .try_for_each(|(name, value)| say(&format!("{name:width$}  {}", plain(value))))
            }
            _ => say(text.trim_end()),
        }
    }

    /// Prints that something without an answer of its own was done.
    pub(super) fn done(self, what: &str) -> Result<(), Failure> {
        if self.json { say("{}") } else { say(what) }
    }
}

/// An object on one line, what names it first.
fn row(item: &Value) -> String {
    match item {
        Value::Object(fields) => {
            let cells = sorted(fields).into_iter().map(|(name, value)| match name {
                "id" | "code" | "name" | "username" => plain(value),
                _ => format!("{name}={}", plain(value)),
            });
            cells.collect::<Vec<_>>().join("  ")
        }
        other => plain(other),
    }
}

fn sorted(fields: &serde_json::Map<String, Value>) -> Vec<(&str, &Value)> {
    let rank =
        |name: &str| ["session_id", "key", "id", "code", "name", "username"].iter().position(|known| *known == name);
    let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    fields.sort_by_key(|(name, _)| rank(name).unwrap_or(usize::MAX));
    fields
}

/// A value without the quotes of a string that needs none. Control characters stay escaped: they could steer a terminal.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if !text.chars().any(char::is_control) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_starts_with_what_names_it() {
        let item = json!({ "description": "x\u{1b}[2J", "id": 5, "name": "Tea" });
        assert_eq!(row(&item), r#"5  Tea  description="x\u001b[2J""#);
    }
}
