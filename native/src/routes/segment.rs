//! What stands in a path where an id may be `@me`.

use std::str::FromStr;

use sanmon_core::id::{Id, InvalidId};
use warp::Filter;
use warp::filters::BoxedFilter;

use super::auth::Caller;
use super::error::Error;

/// Who asks, in place of an id.
const ME: &str = "@me";
/// The same as browsers' `encodeURIComponent` writes it.
const ENCODED_ME: &str = "%40me";

/// One fixed part of a path.
pub(super) fn literal(text: &'static str) -> BoxedFilter<()> {
    if text == ME {
        return warp::path(ME).or(warp::path(ENCODED_ME)).unify().boxed();
    }
    warp::path(text).boxed()
}

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
        if text == ME || text == ENCODED_ME { Ok(Self::Me) } else { text.parse().map(Self::Id) }
    }
}
