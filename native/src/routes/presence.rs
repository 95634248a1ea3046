//! The presence that a user chooses.

use sanmon_core::event::{Embed, Presence, PresenceKind};
use sanmon_core::id::Id;
use warp::reply::Response;

use super::auth::Actor;
use super::call::Call;
use super::error::Error;
use super::input::plain;
use super::reply;
use crate::fields::Fields;
use crate::store::{StoreError, presences};

/// The longest `description`, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// `PATCH /users/@me/presence`: what is given is laid over what the user chose before; null removes a field.
pub(super) async fn choose(actor: Actor, call: &mut Call) -> Result<Response, Error> {
    let patch = call.input().await?.rest();
    let chosen = presences::chosen(&mut *call.store().read().await?, actor.user).await?;
    let chosen = chosen.unwrap_or_else(|| Presence::of(PresenceKind::Online));
    let mut fields = Fields::of(&chosen).map_err(StoreError::from)?;
    fields.merge(patch);
    let presence = read(&fields)?;
    let is_long = |text: &String| text.chars().count() > MAX_DESCRIPTION_CHARS;
    if presence.description.as_ref().is_some_and(is_long) {
        let message = format!("`description`: a description has at most {MAX_DESCRIPTION_CHARS} characters");
        return Err(Error::invalid(message));
    }
    call.node().hub.choose_presence(actor.user, presence.clone()).await?;
    Ok(reply::ok(&presence))
}

/// The presence that these fields are, or which of them is wrong.
fn read(fields: &Fields) -> Result<Presence, Error> {
    fn check<T: serde::de::DeserializeOwned>(fields: &Fields, name: &str) -> Result<(), Error> {
        let read = fields.read::<T>(name);
        read.map(drop).map_err(|error| Error::invalid(format!("`{name}`: {}", plain(&error))))
    }

    check::<PresenceKind>(fields, "type")?;
    check::<String>(fields, "description")?;
    check::<Id>(fields, "emoji")?;
    check::<Embed>(fields, "embed")?;
    // A presence always has a type: who takes it away is online.
    let mut fields = fields.clone();
    if fields.get("type").is_none() {
        fields.set("type", &PresenceKind::Online);
    }
    serde_json::from_str(fields.to_raw().get()).map_err(|error| Error::invalid(plain(&error)))
}
