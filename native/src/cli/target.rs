//! Which server a command talks to, and in whose name.

use std::path::PathBuf;

use crate::client::Trust;
use crate::server::CONTROL_SOCKET;
use clap::Args;
use sanmon_core::id::Id;

use super::failure::Failure;

/// Which server a command talks to.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Target {
    /// The server's address, such as https://chat.example; beats --data
    #[arg(long, env = "SANMON_URL", value_name = "URL")]
    pub(super) url: Option<String>,
    /// An operator key, for --url; better given as SANMON_KEY, since other users see arguments
    #[arg(long, env = "SANMON_KEY", hide_env_values = true, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// PEM file of the authority that signed the server's certificate, if it is a private one
    #[arg(long, env = "SANMON_CA", value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// The data folder of a server on this machine
    #[arg(long, env = "SANMON_DATA", value_name = "DIR", default_value = "data")]
    pub(super) data: PathBuf,
}

/// In whose name a command acts on routes that are for users.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Caller {
    #[command(flatten)]
    pub(super) target: Target,
    /// Act as this user; the operator key needs the scope `act`
    #[arg(long = "as", value_name = "USER")]
    pub(super) on_behalf_of: Option<Id>,
    /// Act with this session instead of an operator key; --as beats it
    #[arg(long, env = "SANMON_SESSION", hide_env_values = true, value_name = "SESSION_ID")]
    pub(super) session: Option<String>,
}

impl Target {
    /// The socket that the server keeps in its data folder.
    pub(super) fn control_socket(&self) -> Result<PathBuf, Failure> {
        let socket = self.data.join(CONTROL_SOCKET);
        if socket.exists() {
            return Ok(socket);
        }
        let data = self.data.display();
        Err(Failure::Unavailable(format!(
            "no server runs on the data folder {data}: start one with `sanmon serve --data {data}`, or give --url"
        )))
    }

    /// Which authorities to trust.
    pub(super) fn trust(&self) -> Result<Trust, Failure> {
        match &self.ca {
            Some(path) => Trust::only_file(path).map_err(|error| Failure::Local(error.to_string())),
            None => Ok(Trust::Platform),
        }
    }
}
