//! Publishing: events of the platform, to whom it names, in one go.

use sanmon_core::audience::Audience;
use sanmon_core::entry::Draft;
use sanmon_core::event::{Class, Envelope, EventName, NotificationKind, class_of};
use sanmon_core::id::Id;
use serde_json::json;
use serde_json::value::RawValue;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::input::Input;
use super::reply;
use crate::store::{IdempotencyKey, Publisher, guilds};

/// The most events of one request.
const MAX_EVENTS: usize = 1_000;
/// The longest idempotency key, in characters.
const MAX_KEY_CHARS: usize = 128;

/// `POST /publish`
pub(super) async fn publish(publisher: Publisher, call: &mut Call) -> Result<Response, Error> {
    let text = call.json().await?;
    let mut input = Input::parse(&text)?;
    let events: Vec<Box<RawValue>> = input.required("events")?;
    let key: Option<String> = input.optional("idempotency_key")?;
    if !(1..=MAX_EVENTS).contains(&events.len()) {
        return Err(input.fault("events", format!("a request has 1 to {MAX_EVENTS} events")));
    }
    if key.as_ref().is_some_and(|key| key.is_empty() || key.chars().count() > MAX_KEY_CHARS) {
        return Err(input.fault("idempotency_key", format!("a key has 1 to {MAX_KEY_CHARS} characters")));
    }
    input.end()?;
    let drafts: Vec<Draft> = events
        .iter()
        .enumerate()
        .map(|(index, event)| draft(Input::of(event, format!("events[{index}]"))?))
        .collect::<Result<_, Error>>()?;
    let guilds = guilds_of(&drafts);
    let key = key.map(|key| IdempotencyKey::new(publisher, &key, text.as_bytes()));
    if let Some(guild) = guilds::first_unknown(call.store(), &guilds).await? {
        // It may have been there when the same was published before.
        let is_repeated = match &key {
            Some(key) => call.store().is_known(key).await?,
            None => false,
        };
        if !is_repeated {
            return Err(Error::unknown("guild").about(format!("there is no guild {guild}")));
        }
    }
    let seqs = call.store().publish(drafts, key).await?;
    Ok(reply::ok(&json!({ "seqs": seqs })))
}

/// One event of the request.
fn draft(mut input: Input) -> Result<Draft, Error> {
    let audience = audience(&mut input)?;
    let t: EventName = input.required("t")?;
    if class_of(&t) == Class::Control {
        return Err(input.fault("t", format!("{t} is the gateway's own")));
    }
    let mut event = Envelope::new(t.clone());
    match t.as_str() {
        // These two are read by the gateway itself; any other payload is the platform's own affair.
        "NOTIFICATION" => {
            event = event.with("type", input.checked::<NotificationKind>("type")?);
            event = event.with("excerpt", input.verbatim("excerpt")?);
        }
        "PRESENCE_UPDATE" => {
            event = event.with("id", input.checked::<Id>("id")?);
            event = event.with("d", input.verbatim("d")?);
        }
        _ => event = event.with("d", input.verbatim("d")?),
    }
    input.end()?;
    Ok(Draft::new(event, audience))
}

fn audience(input: &mut Input) -> Result<Audience, Error> {
    let to = input.raw("to").ok_or_else(|| input.fault("to", "this field is missing"))?;
    if to.get().starts_with('"') {
        return match serde_json::from_str::<String>(to.get()).as_deref() {
            Ok("everyone") => Ok(Audience::Everyone),
            _ => Err(input.fault("to", "this is \"everyone\", {\"user\"}, {\"users\"} or {\"guild\"}")),
        };
    }
    let mut to = input.inside("to", &to)?;
    let (user, users, guild) = (to.optional::<Id>("user")?, to.optional::<Vec<Id>>("users")?, to.optional("guild")?);
    let audience = match (user, users, guild) {
        (Some(user), None, None) => Audience::Users(vec![user]),
        (None, Some(users), None) if users.is_empty() => return Err(to.fault("users", "this names nobody")),
        (None, Some(users), None) => Audience::Users(users),
        (None, None, Some(guild)) => Audience::Guild(guild),
        _ => return Err(input.fault("to", "this names one of `user`, `users` and `guild`")),
    };
    to.end()?;
    Ok(audience)
}

/// The guilds that are named as audiences, each once.
fn guilds_of(drafts: &[Draft]) -> Vec<Id> {
    let mut guilds: Vec<_> = drafts
        .iter()
        .filter_map(|draft| match draft.audience {
            Audience::Guild(guild) => Some(guild),
            _ => None,
        })
        .collect();
    guilds.sort_unstable();
    guilds.dedup();
    guilds
}

#[cfg(test)]
mod tests {
    use sanmon_core::event::Seq;

    use super::*;

    fn read(event: &str) -> Result<Draft, String> {
        let raw = RawValue::from_string(event.to_owned()).unwrap();
        Input::of(&raw, "events[0]".into()).and_then(draft).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_payload_is_taken_to_the_letter() {
        let draft =
            read(r#"{"to":{"users":[1,"2"]},"t":"RAID","d":{"z": 1.50, "n":123456789012345678901234567890}}"#).unwrap();
        assert_eq!(draft.audience, Audience::Users(vec![Id::new(1).unwrap(), Id::new(2).unwrap()]));
        let text = draft.event.unwrap().with_s(Seq::new(5)).to_json();
        assert_eq!(text, r#"{"t":"RAID","s":5,"d":{"z": 1.50, "n":123456789012345678901234567890}}"#);
    }

    #[test]
    fn the_seeds_two_odd_events_are_taken() {
        let presence = read(r#"{"to":"everyone","t":"PRESENCE_UPDATE","id":7,"d":{"type":1}}"#).unwrap();
        assert_eq!(presence.event.unwrap().to_json(), r#"{"t":"PRESENCE_UPDATE","id":7,"d":{"type":1}}"#);
        let escaped = read(r#"{"to":"every\u006fne","t":"A","d":{}}"#).unwrap();
        assert_eq!(escaped.audience, Audience::Everyone);
        let note = read(r#"{"to":{"guild":3},"t":"NOTIFICATION","type":"HERE","excerpt":{"a":1}}"#).unwrap();
        assert_eq!(note.event.unwrap().to_json(), r#"{"t":"NOTIFICATION","type":"HERE","excerpt":{"a":1}}"#);
    }

    #[test]
    fn every_fault_names_its_field() {
        for (event, field) in [
            ("5", "`events[0]`"),
            (r#"{"t":"A","d":{}}"#, "`events[0].to`"),
            (r#"{"to":"nobody","t":"A","d":{}}"#, "`events[0].to`"),
            (r#"{"to":{},"t":"A","d":{}}"#, "`events[0].to`"),
            (r#"{"to":{"user":1,"guild":2},"t":"A","d":{}}"#, "`events[0].to`"),
            (r#"{"to":{"user":0},"t":"A","d":{}}"#, "`events[0].to.user`"),
            (r#"{"to":{"users":[]},"t":"A","d":{}}"#, "`events[0].to.users`"),
            (r#"{"to":{"user":1,"x":2},"t":"A","d":{}}"#, "`events[0].to.x`"),
            (r#"{"to":"everyone","d":{}}"#, "`events[0].t`"),
            (r#"{"to":"everyone","t":"lower","d":{}}"#, "`events[0].t`"),
            (r#"{"to":"everyone","t":"READY","d":{}}"#, "`events[0].t`"),
            (r#"{"to":"everyone","t":"A"}"#, "`events[0].d`"),
            (r#"{"to":"everyone","t":"A","d":[]}"#, "`events[0].d`"),
            (r#"{"to":"everyone","t":"A","d":{},"s":1}"#, "`events[0].s`"),
            (r#"{"to":"everyone","t":"NOTIFICATION","excerpt":{}}"#, "`events[0].type`"),
            (r#"{"to":"everyone","t":"NOTIFICATION","type":"LOUD","excerpt":{}}"#, "`events[0].type`"),
            (r#"{"to":"everyone","t":"NOTIFICATION","type":"HERE"}"#, "`events[0].excerpt`"),
            (r#"{"to":"everyone","t":"PRESENCE_UPDATE","d":{"type":1}}"#, "`events[0].id`"),
            (r#"{"to":"everyone","t":"PRESENCE_UPDATE","id":0,"d":{"type":1}}"#, "`events[0].id`"),
        ] {
            let error = read(event).unwrap_err();
            assert!(error.contains(field), "{event}: {error}");
        }
    }
}
