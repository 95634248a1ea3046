//! The answer to an interaction, as HTTP carries it.

use super::rejection::Rejection;
use super::response::Reply;

/// The answer to an interaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// 200: this reply.
    Reply(Reply),
    /// 202 without a body: the listener answers by callback.
    ByCallback,
    /// A row of the protocol's table.
    Refused(Rejection),
}

impl Answer {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Reply(_) => 200,
            Self::ByCallback => 202,
            Self::Refused(rejection) => rejection.status(),
        }
    }

    /// About how many bytes it holds in memory.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Reply(reply) => reply.size(),
            Self::ByCallback | Self::Refused(_) => 0,
        }
    }
}
