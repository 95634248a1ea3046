//! Entries of the event log: an event with its place, who may hear it, and what it changes.

use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::codec::Dispatch;
use crate::event::{Envelope, NotificationKind, Seq};
use crate::id::Id;
use crate::time::UnixMillis;

/// An event that has no place in the log yet.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The event; absent when the entry is only there for its change.
    pub event: Option<Envelope>,
    /// Who hears it.
    pub audience: Audience,
    /// What changes for live connections where they meet this entry.
    pub change: Option<Change>,
}

impl Draft {
    /// An event for an audience, which changes nothing.
    pub const fn new(event: Envelope, audience: Audience) -> Self {
        Self { event: Some(event), audience, change: None }
    }

    /// A change that nobody is told of by an event.
    pub const fn silent(change: Change) -> Self {
        Self { event: None, audience: Audience::Nobody, change: Some(change) }
    }

    /// The same draft with a change.
    #[must_use]
    pub fn with_change(mut self, change: Change) -> Self {
        self.change = Some(change);
        self
    }

    /// The entry that this draft becomes at its place in the log.
    pub fn place(self, seq: Seq, at: UnixMillis) -> Entry {
        let event = self.event.map(|event| event.with_s(seq));
        let (here, presence_of) = event.as_ref().map_or((false, None), traits_of);
        Entry {
            seq,
            at,
            audience: self.audience,
            change: self.change,
            here,
            presence_of,
            dispatch: event.map(|event| Dispatch::new(event.to_json())),
        }
    }
}

/// What an entry changes for live connections. A node applies it when it meets the entry, in log order, and never
/// earlier; so every connection sees the same history (protocol, section 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A user is in a guild from this entry on, it included.
    Joined {
        /// The guild.
        guild: Id,
        /// The user.
        user: Id,
    },
    /// A user is in a guild up to this entry, it included.
    Left {
        /// The guild.
        guild: Id,
        /// The user.
        user: Id,
    },
    /// A guild is there up to this entry, it included.
    GuildGone {
        /// The guild.
        guild: Id,
    },
    /// A session is no longer valid; its connections close 4102.
    SessionRevoked {
        /// The session's id (not its secret).
        session: Id,
    },
    /// No session of the user is valid any longer; the user's connections close 4102.
    UserRevoked {
        /// The user.
        user: Id,
    },
}

/// One entry of the event log, encoded for every receiver at once.
#[derive(Debug)]
pub struct Entry {
    /// Its place.
    pub seq: Seq,
    /// When it was placed.
    pub at: UnixMillis,
    /// Who hears it.
    pub audience: Audience,
    /// What changes for live connections.
    pub change: Option<Change>,
    /// Only for who is connected when it happens: a NOTIFICATION of type HERE. It is never replayed.
    pub here: bool,
    /// The user whose presence it tells; a newer one makes it worthless to a reader that lags.
    pub presence_of: Option<Id>,
    /// The event as bytes; absent when the entry is only there for its change.
    pub dispatch: Option<Dispatch>,
}

impl Entry {
    /// The entry as a log stored it: `event` is the text of the envelope, `s` included.
    ///
    /// # Errors
    /// `event` is no envelope.
    pub fn restore(
        seq: Seq,
        at: UnixMillis,
        audience: Audience,
        change: Option<Change>,
        event: Option<&str>,
    ) -> Result<Self, serde_json::Error> {
        let envelope = event.map(str::parse::<Envelope>).transpose()?;
        let (here, presence_of) = envelope.as_ref().map_or((false, None), traits_of);
        Ok(Self { seq, at, audience, change, here, presence_of, dispatch: event.map(Dispatch::new) })
    }
}

/// Whether an event is a HERE notification, and whose presence it tells.
fn traits_of(event: &Envelope) -> (bool, Option<Id>) {
    match event.t().as_str() {
        "NOTIFICATION" => {
            let kind = event.field("type").map(|kind| serde_json::from_str(kind.get()));
            (matches!(kind, Some(Ok(NotificationKind::Here))), None)
        }
        "PRESENCE_UPDATE" => (false, event.field("id").and_then(|id| serde_json::from_str(id.get()).ok())),
        _ => (false, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Id {
        Id::new(number).unwrap()
    }

    fn place(json: &str, audience: Audience) -> Entry {
        Draft::new(json.parse().unwrap(), audience).place(Seq::new(9), UnixMillis::from_millis(5))
    }

    #[test]
    fn an_entry_carries_its_place_in_its_text() {
        let entry = place(r#"{"t":"X","d":{"a":1}}"#, Audience::Everyone);
        assert_eq!(entry.dispatch.unwrap().text(), r#"{"t":"X","s":9,"d":{"a":1}}"#);
    }

    #[test]
    fn here_and_presence_are_seen_when_placed_and_when_restored() {
        let here = place(r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{}}"#, Audience::Everyone);
        let presence = place(r#"{"t":"PRESENCE_UPDATE","id":7,"d":{"type":1}}"#, Audience::Users(vec![id(7)]));
        for (entry, here, presence_of) in [(here, true, None), (presence, false, Some(id(7)))] {
            assert_eq!((entry.here, entry.presence_of), (here, presence_of));
            let text = entry.dispatch.as_ref().map(Dispatch::text);
            let back = Entry::restore(entry.seq, entry.at, entry.audience.clone(), None, text).unwrap();
            assert_eq!((back.here, back.presence_of), (here, presence_of));
        }
    }
}
