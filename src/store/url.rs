//! [`DatabaseUrl`]: which database to open.

use std::{path::PathBuf, str::FromStr};

use super::libpq::Url;
use crate::base::secret::SecretString;

/// Which database to open.
///
/// Spaces and `=` are refused: `host=… password=…` is no file's name.
///
/// Read from text: `postgres://…` or `postgresql://…`, otherwise the path of a SQLite file, with or without `sqlite:`.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A SQLite file, created when it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, which may hold a password.
    Postgres(SecretString),
}

/// Why a text names no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    /// Nothing there.
    #[error("the database is empty: give a file's path, or a URL that starts with postgres://")]
    Empty,
    /// Another scheme. The text is not repeated, because it may hold a password.
    #[error("the database is neither a file's path nor a URL that starts with postgres:// or sqlite:")]
    Scheme,
    /// A PostgreSQL URL that cannot be read in only one way. Its text is not repeated.
    #[error(
        "the database URL cannot be read: write postgres://user:password@host:port/database, percent-encode special \
         characters in user and password, and check the names of its options"
    )]
    Url,
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Url::read(text).ok_or(DatabaseUrlError::Url)?;
            return Ok(Self::Postgres(text.to_owned().into()));
        }
        let path = text.strip_prefix("sqlite:").map_or(text, |rest| rest.strip_prefix("//").unwrap_or(rest));
        if path.is_empty() {
            Err(DatabaseUrlError::Empty)
        } else if path.contains("://") || path.starts_with(':') || path.contains(['=', ' ']) {
            Err(DatabaseUrlError::Scheme)
        } else {
            Ok(Self::Sqlite(path.into()))
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(…)"),
        }
    }
}
