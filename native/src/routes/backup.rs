//! A copy of the database, for who is on the server's own machine.

use std::path::PathBuf;

use http::StatusCode;
use serde_json::json;
use warp::reply::Response;

use super::call::Call;
use super::error::Error;
use super::reply;
use crate::store::backup::{BackupError, backup};

/// `POST /backup`
pub(super) async fn write((): (), call: &mut Call) -> Result<Response, Error> {
    let mut input = call.input().await?;
    let to: PathBuf = input.required("to")?;
    if !to.is_absolute() {
        return Err(input.fault("to", "this is not an absolute path"));
    }
    input.end()?;
    match backup(call.store(), &to).await {
        Ok(()) => Ok(reply::created(&json!({ "path": to }))),
        Err(BackupError::Store(error)) => Err(error.into()),
        Err(error @ BackupError::Exists { .. }) => {
            Err(Error::new(StatusCode::CONFLICT, "file_exists", error.to_string()))
        }
        Err(error @ BackupError::NotHere) => Err(Error::new(StatusCode::CONFLICT, "use_pg_dump", error.to_string())),
        Err(error @ BackupError::File { .. }) => Err(Error::invalid(error.to_string())),
    }
}
