//! An entry as it stands in the stream: its audience, its change and its event without a place.

use async_nats::HeaderMap;
use bytes::Bytes;
use sanmon_core::audience::Audience;
use sanmon_core::entry::{Change, Draft, Entry};
use sanmon_core::event::{Envelope, Seq};
use sanmon_core::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::log::{ChangeNumber, Parcel};
use crate::store::StoreError;

/// The header that tells the number of a change.
pub(super) const CHANGE: &str = "Sanmon-Change";

/// Bytes that a message's headers may take beside its body.
const HEADERS: usize = 256;

/// The body of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body(Bytes);

/// An entry is larger than the messages that NATS takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event with its audience may have {limit} bytes, the bound of NATS' messages")]
pub(crate) struct TooLarge {
    /// How large it may be.
    pub(crate) limit: usize,
}

#[derive(Serialize)]
struct Outgoing<A, C, E> {
    audience: A,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<E>,
}

#[derive(Deserialize)]
struct Incoming {
    audience: Audience,
    #[serde(default)]
    change: Option<Change>,
    #[serde(default)]
    event: Option<Envelope>,
}

impl Body {
    /// The body for what was published.
    pub(crate) fn of(draft: &Draft) -> Self {
        let outgoing =
            Outgoing { audience: &draft.audience, change: draft.change.as_ref(), event: draft.event.as_ref() };
        Self(serde_json::to_vec(&outgoing).expect("drafts have a JSON form").into())
    }

    /// The body for what waited in the outbox.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for texts that are no JSON.
    pub(crate) fn of_parcel(parcel: &Parcel) -> Result<Self, StoreError> {
        let raw = |text| serde_json::from_str::<&RawValue>(text);
        let outgoing = Outgoing {
            audience: raw(&parcel.audience)?,
            change: parcel.change.as_deref().map(raw).transpose()?,
            event: parcel.event.as_deref().map(raw).transpose()?,
        };
        Ok(Self(serde_json::to_vec(&outgoing)?.into()))
    }

    /// Whether a message of at most `max_payload` bytes holds it.
    ///
    /// # Errors
    /// [`TooLarge`] if it does not.
    pub(crate) fn check(&self, max_payload: usize) -> Result<(), TooLarge> {
        let limit = max_payload.saturating_sub(HEADERS);
        if self.0.len() > limit { Err(TooLarge { limit }) } else { Ok(()) }
    }

    /// How many bytes the texts of an entry may have, together, so that a message of at most `max_payload` bytes holds it.
    pub(crate) const fn room(max_payload: usize) -> usize {
        // What stands around the texts.
        max_payload.saturating_sub(HEADERS + 64)
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The entry that a message is at its place. What can't be read takes its place as well, and nobody hears it.
pub(super) fn entry(payload: &[u8], seq: Seq, at: UnixMillis) -> Entry {
    let draft = match serde_json::from_slice::<Incoming>(payload) {
        Ok(Incoming { audience, change, event }) => Draft { audience, change, event },
        Err(error) => {
            tracing::error!(%error, seq = seq.as_u64(), "an entry of the log can't be read: is the log a newer server's?");
            Draft { audience: Audience::Nobody, change: None, event: None }
        }
    };
    draft.place(seq, at)
}

/// The number of the change that a message is.
pub(super) fn change_number(headers: Option<&HeaderMap>) -> Option<ChangeNumber> {
    headers?.get(CHANGE)?.as_str().parse().ok().map(ChangeNumber::new)
}

#[cfg(test)]
mod tests {
    use sanmon_core::id::Id;

    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let guild = Id::new(7).unwrap();
        let event: Envelope = r#"{"t":"X","d":{"b":1e2,"a":"\u00e9"},"later":1}"#.parse().unwrap();
        let draft = Draft::new(event, Audience::Guild(guild)).with_change(Change::GuildGone { guild });
        let body = Body::of(&draft);
        let parcel = Parcel::of(ChangeNumber::new(1), UnixMillis::default(), &draft);
        assert_eq!(body, Body::of_parcel(&parcel).unwrap());
        assert!(body.len() <= parcel.bytes() + 64);
        let entry = entry(&body.bytes(), Seq::new(9), UnixMillis::from_millis(5));
        assert_eq!(entry.audience, Audience::Guild(guild));
        assert_eq!(entry.change, Some(Change::GuildGone { guild }));
        assert_eq!(entry.dispatch.unwrap().text(), r#"{"t":"X","s":9,"d":{"b":1e2,"a":"\u00e9"},"later":1}"#);
    }

    #[test]
    fn what_can_not_be_read_is_heard_by_nobody() {
        for payload in [&b"no JSON"[..], br#"{"audience":"martians"}"#, br#"{"audience":"everyone","event":{}}"#] {
            let entry = entry(payload, Seq::new(9), UnixMillis::default());
            assert_eq!((entry.seq, entry.audience, entry.dispatch.is_none()), (Seq::new(9), Audience::Nobody, true));
        }
    }

    #[test]
    fn what_is_too_large_for_nats_is_seen() {
        let body = Body::of(&Draft { event: None, audience: Audience::Everyone, change: None });
        assert_eq!(body.check(HEADERS + body.len()), Ok(()));
        assert_eq!(body.check(HEADERS + body.len() - 1), Err(TooLarge { limit: body.len() - 1 }));
    }
}
