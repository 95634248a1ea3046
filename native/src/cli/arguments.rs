//! Arguments that several commands have.

use clap::Args;
use serde_json::{Map, Value};

use super::api::Api;
use super::failure::Failure;
use super::output::Format;
use super::target::Caller;

/// Fields of a guild or channel beside its name.
#[derive(Debug, Args)]
pub(super) struct About {
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What else the platform keeps about it, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = super::publish::object)]
    fields: Option<Map<String, Value>>,
}

/// Who calls, and how the answer is printed.
#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) caller: Caller,
    #[command(flatten)]
    pub(super) format: Format,
}

impl Common {
    /// The API for who may be anyone.
    pub(super) fn api(&self) -> Result<Api, Failure> {
        Api::caller(&self.caller)
    }

    /// The API for who must be a user.
    pub(super) fn api_of_user(&self) -> Result<Api, Failure> {
        if self.caller.on_behalf_of.is_none() && self.caller.session.is_none() {
            return Err(Failure::Usage("say in whose name: --as USER, or --session SESSION_ID".into()));
        }
        self.api()
    }
}

impl About {
    /// What to send of these and of the name, if it is given.
    pub(super) fn body(self, name: Option<String>) -> Map<String, Value> {
        let mut body = self.fields.unwrap_or_default();
        let given = [("name", name), ("description", self.description)];
        body.extend(given.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into()))));
        body
    }
}
