//! An event as the client's machine takes it: already split by the driver, which parses JSON in its own best way.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{Envelope, Reconnect, Seq};

/// One event from the server. `P` is whatever the driver hands on to its user: an [`Envelope`], or an object of JavaScript.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming<P> {
    /// What it is to the machine.
    pub kind: Kind,
    /// Its place in the log.
    pub s: Option<Seq>,
    /// The event itself.
    pub payload: P,
}

/// What an event is to the machine: its `t`, and the few fields of its `d` that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// READY.
    Ready {
        /// How many GUILD_INITs follow.
        guilds: u32,
        /// Where to come back to.
        url: Option<String>,
        /// After how much silence the server pings.
        ping_interval: Option<Duration>,
        /// How long it waits after that.
        ping_timeout: Option<Duration>,
    },
    /// GUILD_INIT.
    GuildInit,
    /// RESUMED.
    Resumed,
    /// RECONNECT.
    Reconnect {
        /// Where to connect; `None` to ask for a server again.
        url: Option<String>,
        /// How long to wait before that.
        delay: Duration,
    },
    /// PONG.
    Pong,
    /// Every other event.
    Other,
}

impl Incoming<Envelope> {
    /// Splits an envelope.
    ///
    /// # Errors
    /// A control frame lacks what the machine needs of it: the link is to be given up by
    /// [`Client::handle_fault`](super::Client::handle_fault).
    pub fn split(envelope: Envelope) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Ready {
            guilds: u32,
            url: Option<String>,
            ping_interval_ms: Option<u64>,
            ping_timeout_ms: Option<u64>,
        }

        let d = envelope.d().map_or("null", RawValue::get);
        let kind = match envelope.t().as_str() {
            "READY" => {
                let ready: Ready = serde_json::from_str(d)?;
                Kind::Ready {
                    guilds: ready.guilds,
                    url: ready.url,
                    ping_interval: ready.ping_interval_ms.map(Duration::from_millis),
                    ping_timeout: ready.ping_timeout_ms.map(Duration::from_millis),
                }
            }
            "GUILD_INIT" => Kind::GuildInit,
            "RESUMED" => Kind::Resumed,
            "RECONNECT" => {
                let Reconnect { url, delay_ms } = serde_json::from_str(d)?;
                Kind::Reconnect { url, delay: Duration::from_millis(delay_ms) }
            }
            "PONG" => Kind::Pong,
            _ => Kind::Other,
        };
        Ok(Self { kind, s: envelope.s(), payload: envelope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(json: &str) -> Result<Kind, serde_json::Error> {
        Incoming::split(json.parse().unwrap()).map(|incoming| incoming.kind)
    }

    #[test]
    fn control_frames_are_told_from_events() {
        let ready = kind(r#"{"t":"READY","s":1,"d":{"user":{},"guilds":2,"ping_interval_ms":5}}"#).unwrap();
        let ping_interval = Some(Duration::from_millis(5));
        assert_eq!(ready, Kind::Ready { guilds: 2, url: None, ping_interval, ping_timeout: None });
        let reconnect = Kind::Reconnect { url: None, delay: Duration::from_millis(7) };
        assert_eq!(kind(r#"{"t":"RECONNECT","d":{"delay_ms":7}}"#).unwrap(), reconnect);
        assert_eq!(kind(r#"{"t":"GUILD_CREATE","s":3,"d":{}}"#).unwrap(), Kind::Other);
        assert!(kind(r#"{"t":"READY","s":1}"#).is_err() && kind(r#"{"t":"RECONNECT","d":{}}"#).is_err());
    }
}
