//! What operators did, and in whose name: one log line each, with the target `sanmon::audit`.
//!
//! Publishing leaves none: it is what backends do thousands of times a second, and the event log has it.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{Method, StatusCode};
use sanmon_core::id::Id;

/// Who did it.
#[derive(Clone, Debug)]
pub(super) enum By {
    /// Who showed the operator key with this id.
    Key {
        /// The key's id.
        id: Id,
        /// The key's name.
        name: String,
    },
    /// Who opened the control socket.
    ControlSocket,
    /// A session, which ends itself or others of its user.
    Session(Id),
}

/// Something that leaves a line.
#[derive(Clone, Debug)]
pub(super) struct Act {
    by: By,
    /// The user in whose name it was done, or to whom.
    pub(super) user: Option<Id>,
    /// What was made, by its id: a session or an operator key.
    pub(super) made: Option<Id>,
}

impl Act {
    pub(super) fn new(by: By, user: Option<Id>) -> Self {
        Self { by, user, made: None }
    }

    /// Writes the line, now that it is known what came of it. `client` is from where it was done; none by a unix socket.
    pub(super) fn record(&self, client: Option<IpAddr>, method: &Method, path: &str, status: StatusCode) {
        let (key, name, session) = match &self.by {
            By::Key { id, name } => (Some(id.as_u64()), name.as_str(), None),
            By::ControlSocket => (None, "control socket", None),
            By::Session(id) => (None, "session", Some(id.as_u64())),
        };
        let path = without_secrets(path);
        let outcome = if status.is_success() { "done" } else { "refused" };
        tracing::info!(
            target: "sanmon::audit",
            operator_key = key,
            operator = name,
            session,
            client = client.map(tracing::field::display),
            user = self.user.map(Id::as_u64),
            made = self.made.map(Id::as_u64),
            %method,
            %path,
            status = status.as_u16(),
            outcome,
            "audit"
        );
    }
}

/// A path without what lets anyone in who knows it: an invite's code.
fn without_secrets(path: &str) -> Cow<'_, str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some("invites"), Some(_)) => "/invites/{code}".into(),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_not_written() {
        assert_eq!(without_secrets("/invites/abc"), "/invites/{code}");
        assert_eq!(without_secrets("//invites//abc/"), "/invites/{code}");
        assert_eq!(without_secrets("/guilds/5/invites"), "/guilds/5/invites");
    }
}
