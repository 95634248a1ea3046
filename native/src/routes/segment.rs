//! What stands in a path where an id may be `@me`.

use std::str::FromStr;

use sanmon_core::id::{Id, InvalidId};

use super::auth::Caller;
use super::error::Error;

/// Whom a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// `@me`: who asks.
    Me,
    /// The one with this id.
    Id(Id),
}

impl Whom {
    /// The user whom the path means, if `caller` may ask about that user.
    pub(super) fn of(self, caller: Caller) -> Result<Id, Error> {
        match (self, caller) {
            (Self::Me, Caller::User(actor)) => Ok(actor.user),
            (Self::Me, Caller::Platform) => Err(Error::invalid("`@me` is for sessions: give the user's id")),
            (Self::Id(user), Caller::User(actor)) if user != actor.user => {
                Err(Error::forbidden("a session may do this only for its own user"))
            }
            (Self::Id(user), _) => Ok(user),
        }
    }
}

impl FromStr for Whom {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text {
            // Browsers' `encodeURIComponent` writes the second.
            "@me" | "%40me" => Ok(Self::Me),
            id => id.parse().map(Self::Id),
        }
    }
}
