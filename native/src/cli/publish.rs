//! `sanmon publish`: events from the arguments or from standard input.

use std::io::Read;
use std::str::FromStr;

use clap::Args;
use sanmon_core::event::EventName;
use sanmon_core::id::Id;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::failure::Failure;
use super::output::{Format, say};
use super::target::Target;

/// The longest standard input that is read, in bytes.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Publish events.
///
/// Without NAME, standard input holds what to publish as JSON: one event, an array of events, or a whole
/// `{"events":[...],"idempotency_key":...}`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sanmon publish --to guild:5 RAID '{\"level\":3}'
  sanmon publish --to everyone --notify EVERYONE '{\"text\":\"back at noon\"}'
  echo '{\"to\":{\"user\":1},\"t\":\"HELLO\",\"d\":{}}' | sanmon publish")]
pub(super) struct Publish {
    /// The event's name, such as RAID; with --notify, its excerpt as JSON
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The event's `d` as JSON; an empty object if not given
    #[arg(value_name = "JSON", value_parser = raw)]
    payload: Option<Box<RawValue>>,
    /// Who hears it: everyone, user:ID, users:ID,ID or guild:ID
    #[arg(long, value_name = "WHOM", requires = "name")]
    to: Option<Recipients>,
    /// Publish a NOTIFICATION of this type: MESSAGE, GUILD, EVERYONE or HERE
    #[arg(long, value_name = "TYPE", requires = "to", conflicts_with = "payload")]
    notify: Option<String>,
    /// A text of your choice: the same again within 10 minutes is answered, and not published again
    #[arg(long, value_name = "TEXT")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

/// Who hears an event, as the API wants it.
#[derive(Clone, Debug, PartialEq)]
struct Recipients(Value);

impl Publish {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let events = match (&self.name, &self.to) {
            (Some(name), Some(to)) => format!("[{}]", self.event(name, to)?),
            (Some(_), None) => {
                return Err(Failure::Usage("say who hears it: --to everyone, user:ID or guild:ID".into()));
            }
            (None, _) => match from_input()? {
                Input::Events(events) => events,
                Input::Body(body) => return self.send(body).await,
            },
        };
        let key = self.idempotency_key.as_ref().map(|key| format!(r#","idempotency_key":{}"#, json!(key)));
        let body = format!(r#"{{"events":{events}{}}}"#, key.unwrap_or_default());
        self.send(body).await
    }

    /// The event that the arguments describe.
    fn event(&self, name: &str, to: &Recipients) -> Result<String, Failure> {
        if let Some(kind) = &self.notify {
            let excerpt = object(name).map_err(|error| Failure::Usage(format!("the excerpt: {error}")))?;
            return Ok(json!({ "to": to.0, "t": "NOTIFICATION", "type": kind, "excerpt": excerpt }).to_string());
        }
        let name: EventName = name.parse().map_err(|error| Failure::Usage(format!("NAME: {error}")))?;
        let payload = self.payload.as_ref().map_or("{}", |payload| payload.get());
        Ok(format!(r#"{{"to":{},"t":{},"d":{payload}}}"#, to.0, json!(name)))
    }

    async fn send(self, body: String) -> Result<(), Failure> {
        let answer = Api::operator(&self.target)?.post_text("/publish", body).await?;
        if self.format.is_json() {
            return self.format.answer(&answer);
        }
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let seqs: Vec<_> = answer["seqs"].as_array().into_iter().flatten().map(Value::to_string).collect();
        say(&format!("published, s = {}", seqs.join(", ")))
    }
}

enum Input {
    /// The text of an array of events.
    Events(String),
    /// The text of a whole request.
    Body(String),
}

fn from_input() -> Result<Input, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .take(MAX_INPUT_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Local(format!("can't read standard input: {error}")))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("standard input is no JSON: {error}")))?;
    // Looked at as values, sent to the letter.
    match value {
        Value::Array(_) => Ok(Input::Events(text)),
        Value::Object(fields) if fields.contains_key("events") => Ok(Input::Body(text)),
        Value::Object(_) => Ok(Input::Events(format!("[{text}]"))),
        _ => Err(Failure::Usage("standard input is no event: a JSON object with `to`, `t` and `d`".into())),
    }
}

/// Reads an argument that is a JSON object.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

fn raw(text: &str) -> Result<Box<RawValue>, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

impl FromStr for Recipients {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = |text: &str| text.parse::<Id>().map_err(|error| format!("`{text}`: {error}"));
        Ok(Self(match text.split_once(':') {
            None if text == "everyone" => json!("everyone"),
            Some(("user", user)) => json!({ "user": id(user)? }),
            Some(("guild", guild)) => json!({ "guild": id(guild)? }),
            Some(("users", users)) => json!({ "users": users.split(',').map(id).collect::<Result<Vec<_>, _>>()? }),
            _ => return Err("everyone, user:ID, users:ID,ID or guild:ID".into()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_become_what_the_api_wants() {
        let to = |text: &str| text.parse::<Recipients>().map(|recipients| recipients.0.to_string());
        assert_eq!(to("everyone").unwrap(), r#""everyone""#);
        assert_eq!(to("users:1,9007199254740993").unwrap(), r#"{"users":[1,"9007199254740993"]}"#);
        assert_eq!(to("guild:5").unwrap(), r#"{"guild":5}"#);
        for bad in ["", "guild", "user:x", "users:", "all", "everyone:1"] {
            assert!(to(bad).is_err(), "{bad}");
        }
    }
}
