//! What can go wrong in the store: a refusal of what was asked, or a fault of the machine.

use std::path::PathBuf;

/// Why something was not read or not stored. Nothing of it was stored then, unless it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// What was asked for can't be done: the caller's fault (4xx).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much is waiting to be stored already: try again soon (503).
    #[error("the store is busy")]
    Busy,
    /// The disk is full, or only the reserve is left of it (507).
    #[error("the disk is full")]
    Full,
    /// The database can't be written to (503).
    #[error("the database is read-only")]
    ReadOnly,
    /// The database failed otherwise (503).
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database failed while a transaction was committed: nobody knows yet whether it was (503).
    #[error("the database failed at the end of a transaction, which may be stored or not: {0}")]
    Unsure(String),
    /// The log that many machines share did not store or tell something (503).
    #[error("the event log is unavailable: {0}")]
    Log(String),
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or none that the caller may know of (404).
    #[error("unknown {what}")]
    Unknown {
        /// What there is none of, such as `guild`.
        what: &'static str,
    },
    /// The caller may not do this (403).
    #[error("{message}")]
    Forbidden {
        /// What the caller lacks.
        message: String,
    },
    /// What is stored stands against it (409).
    #[error("{message}")]
    Conflict {
        /// The error's code on the wire.
        code: &'static str,
        /// What stands against it.
        message: String,
    },
    /// A cap is reached (409).
    #[error("the limit of {limit} is reached")]
    Cap {
        /// The error's code on the wire.
        code: &'static str,
        /// How many there may be.
        limit: u32,
    },
    /// What came in makes no sense (400).
    #[error("{message}")]
    Invalid {
        /// What is wrong with it; names the field.
        message: String,
    },
}

impl Refusal {
    /// [`Refusal::Invalid`] with this message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into() }
    }
}

impl StoreError {
    /// The same, when it came of ending a transaction. What could be told in advance was not stored; a sync that fails, or a
    /// server that is gone, leaves open whether what was written before is found again.
    pub(super) fn at_the_end(self) -> Self {
        match self {
            Self::Unavailable(reason) => Self::Unsure(reason),
            told => told,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        let code = error.as_database_error().and_then(|error| error.code());
        // SQLite puts its primary result code into the low byte of a number; PostgreSQL has five characters.
        match code.as_deref() {
            Some("53100") => return Self::Full,
            // PostgreSQL waited in vain for its turn at a lock.
            Some("55P03") => return Self::Busy,
            // PostgreSQL stores no zero characters, which a JSON text may well name.
            Some("22021") => return Refusal::invalid("a text has a character that can't be stored").into(),
            Some("25006") => return Self::ReadOnly,
            Some(code) if code.len() != 5 => match code.parse::<u32>().map(|code| code & 0xFF) {
                Ok(13) => return Self::Full,
                Ok(8) => return Self::ReadOnly,
                Ok(5 | 6) => return Self::Busy,
                _ => {}
            },
            _ => {}
        }
        Self::Unavailable(error.to_string())
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unavailable(format!("what is stored is no longer readable: {error}"))
    }
}

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another server uses the data folder.
    #[error("the data folder {} is in use by another sanmon server", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or a file in it could not be made or opened.
    #[error("{}: {source}", .path.display())]
    File {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database's tables could not be brought up to date.
    #[error("the database in {} could not be brought up to date: {reason}", .folder.display())]
    Migrate {
        /// The folder.
        folder: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The database could not be read.
    #[error("the database in {} could not be opened: {reason}", .folder.display())]
    Database {
        /// The folder.
        folder: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// Why the PostgreSQL server that many machines share can't be used. Where it is, is told without the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The URL is none.
    #[error("store_url {server} can't be used: {reason}")]
    Url {
        /// The server.
        server: String,
        /// What is wrong.
        reason: String,
    },
    /// The server could not be reached, or did not let us in.
    #[error("PostgreSQL at {server} can't be used: {reason}")]
    Unreachable {
        /// The server.
        server: String,
        /// What it or the system said.
        reason: String,
    },
    /// The server is too old.
    #[error("PostgreSQL at {server} is version {version}, and 14 or newer is needed")]
    TooOld {
        /// The server.
        server: String,
        /// Its version.
        version: String,
    },
    /// The database's tables could not be brought up to date.
    #[error("the database at {server} could not be brought up to date: {reason}")]
    Migrate {
        /// The server.
        server: String,
        /// What went wrong.
        reason: String,
    },
    /// The data folder, which holds the control socket, can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_not_be_told_in_advance_is_unsure_at_the_end() {
        let unsure = StoreError::Unavailable("a sync failed".into()).at_the_end();
        assert_eq!(unsure, StoreError::Unsure("a sync failed".into()));
        for told in [StoreError::Full, StoreError::ReadOnly, StoreError::Busy, Refusal::invalid("no").into()] {
            assert_eq!(told.clone().at_the_end(), told);
        }
    }

    #[test]
    fn a_folder_in_use_is_named() {
        let error = FolderError::InUse { folder: "data".into() };
        assert_eq!(error.to_string(), "the data folder data is in use by another sanmon server");
    }
}
