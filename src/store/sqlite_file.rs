//! [`DatabaseFile`]: SQLite's file, how connections to it are made, and whether it is still the same.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use super::{
    Access,
    conn::{Conn, Tx},
    error::{StoreError, classify},
};

/// Where the database is, which file that is, and how long to wait for another process that writes.
#[derive(Debug, Clone)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    access: Access,
    identity: Identity,
}

/// Device and inode: what makes two names the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn of(path: &Path) -> std::io::Result<Self> {
        path.metadata().map(|found| Self(found.dev(), found.ino()))
    }
}

/// What every new connection is told.
const SESSION: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864";
/// Pause before the switch to WAL is asked for again.
const WAL_PAUSE: Duration = Duration::from_millis(10);

impl DatabaseFile {
    /// Finds the file at `path`, or makes it, and takes the lock of the one server; the lock lasts as long as its file
    /// is open.
    pub(super) fn find(path: &Path, access: Access) -> Result<(Self, Option<File>), StoreError> {
        let path = std::path::absolute(path).map_err(|error| unavailable(path, &error))?;
        let lock = lock(&path, access)?;
        create(&path)?;
        let identity = Identity::of(&path).map_err(|error| unavailable(&path, &error))?;
        Ok((Self { path, access, identity }, lock))
    }

    /// Fails when the path no longer leads to the file that was found: an open connection would go on with a file that
    /// nobody can see, and whatever it stores would be gone with the process.
    pub(super) fn must_be_the_same(&self) -> Result<(), StoreError> {
        if Identity::of(&self.path).is_ok_and(|now| now == self.identity) {
            return Ok(());
        }
        Err(StoreError::Unavailable(format!(
            "{} was deleted or replaced while it was open, and nothing more is stored: stop Signet, put the right file \
             there and start it again",
            self.path.display()
        )))
    }

    /// Opens a connection that writes. `busy_timeout` comes first: switching to WAL already needs the lock.
    pub(super) fn connect(&self) -> Result<SqliteConnection, StoreError> {
        let path = self.path.to_str().ok_or_else(|| {
            StoreError::Unavailable(format!("the path {} is not UTF-8: choose another", self.path.display()))
        })?;
        // Before, because SQLite would create a file that is missing; after, because it may have become another.
        self.must_be_the_same()?;
        let mut conn = SqliteConnection::establish(path)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", self.path.display())))?;
        let busy_millis = match self.access {
            Access::Server => 2_000,
            Access::Tool => 10_000,
        };
        conn.batch_execute(&format!("PRAGMA busy_timeout = {busy_millis}")).map_err(|error| classify(error).1)?;
        let deadline = Instant::now() + Duration::from_millis(busy_millis);
        // Several first starts at once: SQLite answers the switch to WAL with "locked" at once, whatever the time-out,
        // because waiting could end in a deadlock. So it is asked again.
        while let Err(error) = conn.batch_execute(SESSION) {
            if !error.to_string().contains("locked") || Instant::now() >= deadline {
                return Err(classify(error).1);
            }
            std::thread::sleep(WAL_PAUSE);
        }
        self.must_be_the_same()?;
        Ok(conn)
    }

    /// Opens a connection that cannot write.
    pub(super) fn connect_reader(&self) -> Result<Tx, StoreError> {
        let mut conn = self.connect()?;
        conn.batch_execute("PRAGMA query_only = ON").map_err(|error| classify(error).1)?;
        Ok(Tx::new(Conn::Sqlite(Box::new(conn))))
    }
}

/// Creates the file for its owner alone: SQLite gives its other files the same permissions.
///
/// A file that is there is not even opened: closing it would release the locks that this process has on it by another
/// connection (POSIX record locks belong to the process and the file).
fn create(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(unavailable(path, &error)),
        _ => Ok(()),
    }
}

/// Takes the lock that only one server can hold; tools do without.
fn lock(path: &Path, access: Access) -> Result<Option<File>, StoreError> {
    if access == Access::Tool {
        return Ok(None);
    }
    let mut path = path.to_owned().into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(|error| unavailable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(unavailable(&path, &error)),
    }
}

fn unavailable(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", path.display()))
}
