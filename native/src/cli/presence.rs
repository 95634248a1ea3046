//! `sanmon presence`: how a user shows to others.

use clap::{Args, ValueEnum};
use sanmon_core::event::{Presence as Shown, PresenceKind};
use serde_json::json;

use super::arguments::Common;
use super::failure::Failure;

/// Choose how a user shows to others.
#[derive(Debug, Args)]
pub(super) struct Presence {
    /// How present
    #[arg(value_enum)]
    kind: Kind,
    /// What the user says about it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// There
    Online,
    /// There, but away from the keyboard
    Idle,
    /// There, and not to be disturbed
    Dnd,
    /// There, but shown as not there
    Invisible,
}

impl Presence {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let kind = match self.kind {
            Kind::Online => PresenceKind::Online,
            Kind::Idle => PresenceKind::Idle,
            Kind::Dnd => PresenceKind::DoNotDisturb,
            Kind::Invisible => PresenceKind::Offline,
        };
        let shown = Shown { description: self.description, ..Shown::of(kind) };
        let answer = self.common.api_of_user()?.patch("/users/@me/presence", &json!(shown)).await?;
        if answer.trim().is_empty() { self.common.format.done("chosen") } else { self.common.format.answer(&answer) }
    }
}
