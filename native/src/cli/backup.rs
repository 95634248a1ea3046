//! `sanmon backup`: a copy of a running server's database.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::api::Api;
use super::failure::Failure;
use super::output::Format;
use super::target::Target;

/// Copy the database of a running server, as it is at one moment.
///
/// The copy is a whole data file: put it into an empty folder as `sanmon.db` to serve it.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write, which must not exist
    file: PathBuf,
    /// The data folder of the server, which runs on this machine
    #[arg(long, env = "SANMON_DATA", value_name = "DIR", default_value = "data")]
    data: PathBuf,
    #[command(flatten)]
    format: Format,
}

impl Backup {
    pub(super) async fn run(self) -> Result<(), Failure> {
        // The server writes it, and has another working directory.
        let file = std::path::absolute(&self.file)
            .map_err(|error| Failure::Local(format!("{}: {error}", self.file.display())))?;
        let Some(path) = file.to_str() else {
            return Err(Failure::Usage("the file's name must be UTF-8".into()));
        };
        let target = Target { url: None, key: None, ca: None, data: self.data };
        let answer = Api::operator(&target)?.patient().post("/backup", &json!({ "to": path })).await?;
        if self.format.is_json() { self.format.answer(&answer) } else { self.format.done(&format!("wrote {path}")) }
    }
}
