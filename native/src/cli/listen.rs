//! `sanmon listen`: the events of a session as they arrive.

use crate::client::{Builder, Client, ClientState, EndReason, Update};
use anstyle::{AnsiColor, Effects, Style};
use clap::{Args, ValueEnum};
use futures_util::StreamExt;
use sanmon_core::codec::Encoding;
use sanmon_core::event::{Envelope, Seq};
use serde_json::value::RawValue;

use super::failure::Failure;
use super::output::{Format, on_terminal, say};
use super::target::Target;

/// Follow the events of a session, as a client.
///
/// Comes back by itself when the connection is lost, and gets what it missed. How it fares is said on standard error.
#[derive(Debug, Args)]
pub(super) struct Listen {
    /// The session to identify with, as `session create` printed it; better given as SANMON_SESSION
    #[arg(long, env = "SANMON_SESSION", hide_env_values = true, value_name = "SESSION_ID")]
    session: String,
    /// How events travel
    #[arg(long, value_enum, default_value_t)]
    encoding: Travel,
    /// Begin with what was missed since this `s`
    #[arg(long, value_name = "S")]
    since: Option<u64>,
    /// Say how the connection fares
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Travel {
    /// Text
    #[default]
    Json,
    /// Compressed
    Zlib,
}

impl Listen {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut client = self.builder()?.connect().map_err(|error| Failure::Usage(error.to_string()))?;
        let mut was_reached = false;
        while let Some(update) = client.next().await {
            match update {
                Update::Event(event) => say(&self.line(&event))?,
                Update::State(state) => {
                    was_reached |= matches!(state, ClientState::Identifying);
                    if self.verbose {
                        note(&describe(state));
                    }
                }
                Update::Reset => note("some events were lost: what follows replaces what was known"),
                // A server that was never there is a mistyped address more often than one that restarts.
                Update::Trouble(error) if !was_reached => return Err(Failure::Unavailable(error.to_string())),
                Update::Trouble(error) => note(&format!("{error}; trying again")),
                Update::Ended(reason) => return ended(&reason),
            }
        }
        Ok(())
    }

    fn builder(&self) -> Result<Builder, Failure> {
        let builder = match &self.target.url {
            Some(url) => Client::builder(url).trust(self.target.trust()?),
            None => Client::builder("").unix_socket(self.target.control_socket()?),
        };
        let encoding = match self.encoding {
            Travel::Json => Encoding::Json,
            Travel::Zlib => Encoding::Zlib,
        };
        let builder = builder.session(&self.session).encoding(encoding);
        Ok(match self.since {
            Some(since) => builder.resume_from(Seq::new(since)),
            None => builder,
        })
    }

    fn line(&self, event: &Envelope) -> String {
        if self.format.is_json() {
            return event.to_json();
        }
        let name = on_terminal(colour_of(event.t().as_str()).on_default().effects(Effects::BOLD));
        let dim = on_terminal(Style::new().effects(Effects::DIMMED));
        let place = event.s().map(|s| format!(" {dim}s={}{dim:#}", s.as_u64())).unwrap_or_default();
        format!("{name}{}{name:#}{place} {}", event.t(), fields(event))
    }
}

/// Everything of an event but its name and place: `d` alone as it is, other fields with their names.
fn fields(event: &Envelope) -> String {
    let texts = event.field_names().map(|name| {
        let value = harmless(event.field(name).map_or("", RawValue::get));
        if name == "d" { value } else { format!("{}={value}", harmless(name)) }
    });
    texts.collect::<Vec<_>>().join(" ")
}

/// JSON escapes most control characters, but not those that some terminals take for the start of a command.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The same colour for events of the same kind: what stands before the first underscore.
fn colour_of(name: &str) -> AnsiColor {
    match name.split('_').next().unwrap_or_default() {
        "READY" | "RESUMED" | "RECONNECT" => AnsiColor::Green,
        "GUILD" | "CHANNEL" | "INVITE" => AnsiColor::Blue,
        "PRESENCE" | "USER" => AnsiColor::Magenta,
        "NOTIFICATION" => AnsiColor::Yellow,
        _ => AnsiColor::Cyan,
    }
}

fn describe(state: ClientState) -> String {
    match state {
        ClientState::Waiting { ms } => format!("waiting for {ms} ms"),
        ClientState::Discovering => "looking for a server".into(),
        ClientState::Connecting => "connecting".into(),
        ClientState::Identifying => "identifying".into(),
        ClientState::Initialising => "getting the guilds".into(),
        ClientState::Live => "live".into(),
        ClientState::Ended => "ended".into(),
    }
}

fn note(text: &str) {
    eprintln!("sanmon: {}", harmless(text));
}

fn ended(reason: &EndReason) -> Result<(), Failure> {
    match reason {
        EndReason::Stopped => Ok(()),
        EndReason::Refused { code, reason } => {
            let word = reason.r.as_deref().unwrap_or("no reason");
            Err(Failure::Refused { code: format!("{code} {word}"), message: "the server closed the connection".into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_shown_by_name_and_terminals_are_left_alone() {
        let event: Envelope =
            "{\"t\":\"NOTIFICATION\",\"s\":7,\"type\":\"GUILD\",\"excerpt\":{\"a\":\"\u{9b}2J\"}}".parse().unwrap();
        assert_eq!(fields(&event), "type=\"GUILD\" excerpt={\"a\":\"\u{fffd}2J\"}");
        let event: Envelope = r#"{"t":"RAID","s":7,"d":{"level":3}}"#.parse().unwrap();
        assert_eq!(fields(&event), r#"{"level":3}"#);
    }
}
