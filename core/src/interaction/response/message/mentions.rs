//! The limits of allowed mentions.

use crate::interaction::model::{AllowedMentions, MentionKind};
use crate::interaction::response::check::{At, InvalidAnswer};
use crate::interaction::response::limits;

/// Checks whom a message may notify.
pub(super) fn check(at: At<'_>, mentions: &AllowedMentions) -> Result<(), InvalidAnswer> {
    for (name, ids, kind) in
        [("roles", &mentions.roles, MentionKind::Roles), ("users", &mentions.users, MentionKind::Users)]
    {
        at.name(name).count(ids.items().len(), limits::MENTIONS)?;
        if !ids.items().is_empty() && mentions.parse.items().contains(&kind) {
            return Err(at.name(name).refuse("not beside the same kind in `parse`"));
        }
    }
    Ok(())
}
